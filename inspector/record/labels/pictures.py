"""Owns the pictures of labelled frames: kept for ever beside the labels, whatever becomes of record and evidence.

    data/labels/pictures/2026-11-24/mill-exit/<frame>.bmp

A picture is a hard link to the evidence's own file, so it needs no room while both are there. On a file system without
hard links it is a copy.
"""

import os
import shutil
from pathlib import Path

from inspector.errors import StoreError
from inspector.host import atomic
from inspector.record.evidence import evidence
from inspector.record.labels.label_file import FOLDER

PICTURES = "pictures"


def keep(data: Path, captured_at: float, source: str, frame: str) -> str:
    """Keep the picture of a frame; return its path below the folder of labels, "" if the evidence has none.

    It is durable when this returns. Raise StoreError if it cannot be kept.
    """
    place = evidence.place(captured_at, source, frame)
    kept, shown = f"{PICTURES}/{place}", data / evidence.FOLDER / place
    target = data / FOLDER / kept
    try:
        if target.is_file():
            return kept
        if not shown.is_file():
            return ""
        target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _named(shown, target)
        for folder in target.parent.parents[:4]:
            atomic.sync_folder(folder)
    except OSError as error:
        raise StoreError(f"{target}: the picture cannot be kept: {error.strerror}; nothing was labelled") from None
    return kept


def _named(shown: Path, target: Path) -> None:
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    try:
        try:
            os.link(shown, unfinished)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(shown, unfinished)
        atomic.place(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
