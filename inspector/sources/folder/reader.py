"""Owns reading the files of a drop folder: the pixels of one, or the reason why it has none."""

import hashlib
import os
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.sources.crash_guard import CrashGuard
from inspector.sources.folder.ownership import OwnedFolder, joined, split, text
from inspector.vision import image
from inspector.vision.formats.outline import Truncated

#: What tells one content of a name from the next: inode, size in bytes, time of the last write in ns.
Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one version of a file holds: pixels, uint8 (height, width), or the reason why there are none.

    `version`: empty where it is not known. `began_at` and `began_mono`: when reading it began, seconds since 1970 and
    monotonic seconds. `decode_s`: how long that took.
    """

    version: Version
    pixels: NDArray[np.uint8] | None
    reason: str
    began_at: float
    began_mono: float
    decode_s: float


class Reader:
    """Reads files of one drop folder by their paths below it."""

    def __init__(self, owned: OwnedFolder, guard: CrashGuard, bit_depth: int) -> None:
        self._owned = owned
        self._guard = guard
        self._bit_depth = bit_depth

    def read_dropped(self, folder: int, relative: bytes, status: os.stat_result) -> Content | None:
        """Return what the file holds, in the open `folder`; None while it lacks its end or cannot be opened.

        Such a file may still become whole. Raise OSError if it cannot be read.
        """
        try:
            return self._read(folder, relative, relative, status)
        except (PermissionError, Truncated):
            return None

    def read_claimed(self, path: bytes, relative: bytes, known: Content | None = None) -> Content:
        """Return what the file claimed at `path` holds, which is what is known if that is of the same version.

        `relative`: where the file was dropped.
        """
        began_at, began_mono, version = time.time(), time.monotonic(), Version()
        try:
            with self._owned.folder(split(path)[0]) as folder:
                status = os.stat(split(path)[1], dir_fd=folder, follow_symlinks=False)
                version = version_of(status)
                if known is not None and known.version == version:
                    return known
                return self._read(folder, path, relative, status)
        except Truncated as error:
            reason = str(error)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        return Content(
            version=version,
            pixels=None,
            reason=reason,
            began_at=began_at,
            began_mono=began_mono,
            decode_s=time.monotonic() - began_mono,
        )

    def _read(self, folder: int, path: bytes, relative: bytes, status: os.stat_result) -> Content:
        """Read the file of this status. Raise Truncated if it lacks its end, OSError if it cannot be read."""
        began_at, began_mono = time.time(), time.monotonic()
        key, pixels = _key(relative, status), None
        reason = self._guard.refusal(key)
        if not reason:
            try:
                with self._guard.reading(key, text(joined(self._owned.root, path))):
                    pixels = image.read_file(split(path)[1], folder).decode(self._bit_depth)
            except Truncated:
                raise
            except ImageError as error:
                reason = str(error)
        return Content(
            version=version_of(status),
            pixels=pixels,
            reason=reason,
            began_at=began_at,
            began_mono=began_mono,
            decode_s=time.monotonic() - began_mono,
        )


def version_of(status: os.stat_result) -> Version:
    """Return the version of a file: a new one has another inode, a rewritten one another time."""
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _key(relative: bytes, status: os.stat_result) -> str:
    """Return the key of one content of a name. It has no inode, which changes at a remount on some shares."""
    content = relative + b"/%d-%d" % (status.st_size, status.st_mtime_ns)
    return hashlib.blake2b(content, digest_size=16).hexdigest()
