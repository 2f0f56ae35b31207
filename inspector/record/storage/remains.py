"""Owns what a record leaves behind that is gone: how its start is told from a first one, and the note that says so.

The note is a file in the data folder. As long as it lies there readiness says what it says, and no picture is taken for
one without a record: the record may be put back.
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
#: Where files of a drop folder are that are on record.
_ON_RECORD = ("done", "failed")


def signs(settings: Settings) -> list[str]:
    """What is there that a record was kept of, or beside; look before it is opened, which makes it."""
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
    """Note that the record was begun anew if no source is on it beside these signs.

    Where the line `has_recipes`, nobody knows by which to decide: see pieces.lose.
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
    """What the note says, and what to do about it; empty where there is none."""
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
