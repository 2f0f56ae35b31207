"""Owns the reserve: a file that keeps room on the disk, which the record gets when the disk is full."""

import logging
import os
from pathlib import Path

from inspector.host import disk, regular_file

log = logging.getLogger(__name__)

FILE = "records.reserve"
#: With less than this free, a write that failed is taken to have failed for want of room: a transaction is smaller.
FULL_BYTES = 16 << 20


class Reserve:
    """Room of `size` bytes beside the record."""

    def __init__(self, data: Path, size: int) -> None:
        self._path = data / FILE
        self._size = size

    @property
    def held(self) -> int:
        """Bytes that are held back now."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    @property
    def whole(self) -> bool:
        """Whether all of it is held back."""
        return self.held >= self._size

    def hold(self, spare: int) -> bool:
        """Hold the room back if that leaves `spare` bytes free; return whether all of it is held."""
        if self.whole or disk.free_bytes(self._path.parent) < spare + self._size:
            return self.whole
        try:
            with open(self._path, "ab", opener=regular_file.opened) as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            self._path.unlink(missing_ok=True)
        return self.whole

    def release(self) -> bool:
        """Give the room to the record if the disk is full; return whether there was any."""
        if not self.held or disk.free_bytes(self._path.parent) >= FULL_BYTES:
            return False
        freed = self.held
        self._path.unlink(missing_ok=True)
        log.error("disk full: the record goes on into its reserve of %.0f MB; free the disk", freed / 1e6)
        return True
