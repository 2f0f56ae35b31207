"""Owns the reserve: a file that takes up room on the disk, which is freed for the record when the disk is full."""

import logging
import os
from pathlib import Path

from inspector.host import disk, regular_file

log = logging.getLogger(__name__)

FILE = "records.reserve"
#: Free bytes below which a failed write is attributed to a full disk; every transaction is smaller.
FULL_BYTES = 16 << 20


class Reserve:
    """A reserve of `size` bytes beside the record."""

    def __init__(self, data: Path, size: int) -> None:
        self._path = data / FILE
        self._size = size

    @property
    def held(self) -> int:
        """Number of bytes that the reserve holds now."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    @property
    def whole(self) -> bool:
        """Whether the reserve has its full size."""
        return self.held >= self._size

    def hold(self, spare: int) -> bool:
        """Fill the reserve if that leaves `spare` bytes free; return whether it has its full size."""
        if self.whole or disk.free_bytes(self._path.parent) < spare + self._size:
            return self.whole
        try:
            with open(self._path, "ab", opener=regular_file.opened) as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            self._path.unlink(missing_ok=True)
        return self.whole

    def release(self) -> bool:
        """Free the reserve if the disk is full; return whether that freed anything."""
        if not self.held or disk.free_bytes(self._path.parent) >= FULL_BYTES:
            return False
        freed = self.held
        self._path.unlink(missing_ok=True)
        log.error("disk full: the record goes on into its reserve of %.0f MB; free the disk", freed / 1e6)
        return True
