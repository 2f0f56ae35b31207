"""Owns the traces of a record that is gone: how a new record is recognised as not the first, and the note about it.

The note is a file in the data folder. While it is there, readiness reports its text, and no picture is deleted as one
without a record: the old record may be put back.
"""

import logging
import os
import time
from pathlib import Path

from inspector.host import atomic, disk_reserve, regular_file
from inspector.record import pieces
from inspector.record.evidence import evidence
from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.folder import FolderSourceSettings

log = logging.getLogger(__name__)

NOTE = "records.begun-anew"
#: Folders, in a drop folder, of files that are on record.
_ON_RECORD = ("done", "failed")


def signs(settings: Settings) -> list[str]:
    """Return the paths that show that there was a record. Call it before the record is opened, which makes one."""
    data = settings.data
    folders = [data / evidence.FOLDER]
    folders += [
        source.path / name
        for source in settings.sources
        if isinstance(source, FolderSourceSettings)
        for name in _ON_RECORD
    ]
    held = [] if _is_begun(data / FILE) else [data / disk_reserve.FILE]
    return [str(folder) for folder in folders if _holds_something(folder)] + [str(one) for one in held if one.exists()]


def note(store: Store, signs: list[str], has_recipes: bool) -> None:
    """Note that a new record was begun if there are such signs and no source is on record.

    If the line `has_recipes`, nobody knows which one is right: see pieces.lose.
    """
    if not signs or store.accounts():
        return
    text = f"no record was here beside {', '.join(signs)}: sums, pieces and pins begin anew"
    log.error("%s: %s", store.path, text)
    atomic.write(store.path.parent / NOTE, f"{time.strftime('%Y-%m-%d %H:%M')}: {text}\n".encode())
    if has_recipes and not pieces.latest(store, 1):
        log.error("which piece is on the line is not known: its frames are unsure until `inspector piece start`")
        with store.transaction() as cursor:
            pieces.lose(cursor, f"before {time.strftime('%Y-%m-%dT%H:%M:%S')}")


def noted(data: Path) -> str:
    """Return the text of the note, and what to do about it; empty if there is no note."""
    try:
        text = regular_file.read(data / NOTE).decode(errors="replace").strip()
    except OSError:
        return ""
    return f"{text}; put the record back while the line is stopped, or delete {data / NOTE}"


def _is_begun(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _holds_something(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
