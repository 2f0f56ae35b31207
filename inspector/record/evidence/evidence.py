"""Owns the evidence: pictures of frames as the model saw them, whole on disk before their record is visible.

    data/evidence/2026-11-24/mill-exit/<frame>.bmp

The worker has pixels and verdict: it writes the picture, then sends the verdict with the picture's size. The sink
notes the picture in the transaction that records the frame, if it is there and whole. `retention` deletes pictures,
first from the record and then from the disk. So whatever is killed, a record never points to a missing picture. A
picture without a record may be left; it is swept later.
"""

import logging
import time
import zlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from inspector.host import atomic, disk
from inspector.protocol.frames import CANARY
from inspector.protocol.verdicts import Verdict
from inspector.settings.settings import EvidenceSettings, Settings

log = logging.getLogger(__name__)

FOLDER = "evidence"


def place(captured_at: float, source: str, frame: str) -> str:
    """Return the path of a frame's picture below the evidence folder: by day (UTC), source and frame."""
    day = time.strftime("%Y-%m-%d", time.gmtime(captured_at))
    return f"{day}/{_safe(source)}/{_safe(frame)}.bmp"


def keep_private(data: Path) -> None:
    """Take the access of other users away from the pictures of older versions."""
    with suppress(OSError):  # it is missing, or owned by another user
        folder = data / FOLDER
        folder.chmod(folder.stat().st_mode & 0o770)


def is_whole(path: Path, size: int) -> bool:
    """Return whether a picture is there with all of its `size` bytes."""
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def wanted(evidence: EvidenceSettings, verdict: Verdict) -> bool:
    """Return whether to keep the picture: of a defect, unsure or sampled frame, and of a share of ok ones.

    That share is random, and the same at every try.
    """
    if not evidence.budget_mb or verdict.header.frame == CANARY:
        return False
    if verdict.outcome == "ok" and not verdict.header.sampled:
        name = f"{verdict.header.source}/{verdict.header.frame}".encode("utf-8", "backslashreplace")
        return zlib.crc32(name) < evidence.ok_share * 2**32
    return verdict.outcome != "error"


class Keeper:
    """Writes pictures for one worker. A picture that cannot be kept is logged, and never holds up a verdict."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.data / FOLDER
        self._trouble = ""

    def keep(self, verdict: Verdict, pixels: NDArray[np.uint8]) -> Verdict:
        """Keep the picture if it is wanted. Return the verdict, with the size of the picture if that is on disk, whole.

        `pixels`: uint8 (height, width).
        """
        if not wanted(self._settings.evidence, verdict):
            return verdict
        try:
            if trouble := disk.low(self._settings.data, self._settings.disk.min_free_mb):
                self._complain(trouble)
                return verdict
            header = verdict.header
            size = _write(self._folder / place(header.captured_at, header.source, header.frame), pixels)
        except OSError as error:
            self._complain(f"{error.filename or self._folder}: {error.strerror}")
            return verdict
        self._complain("")
        return replace(verdict, evidence_bytes=size)

    def _complain(self, trouble: str) -> None:
        """Log a trouble once, not for each frame; one that differs in its numbers alone is the same trouble."""
        if bool(trouble) != bool(self._trouble):
            log.warning("evidence: %s", trouble or "is kept again")
        self._trouble = trouble


def _write(path: Path, pixels: NDArray[np.uint8]) -> int:
    """Write the picture to `path` in one step, and return its size in bytes.

    As BMP, because evidence may cost a worker a tenth of a millisecond; PNG saves 40% and takes four times as long.
    """
    data = cv2.imencode(".bmp", pixels)[1].data
    try:
        _replace(path, data)
    except FileNotFoundError:
        for folder in reversed(path.parents[:3]):  # the folders of evidence, day and source
            folder.mkdir(mode=0o750, exist_ok=True)
        _replace(path, data)
    return len(data)


def _replace(path: Path, data: memoryview) -> None:
    """Write a file for user and group alone. It is not synced, which would cost more than all else.

    The note of a picture that a power cut took is deleted later, see retention.
    """
    atomic.write(path, data, mode=0o640, durable=False)


def _safe(name: str) -> str:
    """Return the name of a source or frame as the name of one file, whatever characters it holds."""
    return quote(name, safe="", errors="backslashreplace").replace(".", "%2E")
