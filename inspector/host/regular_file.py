"""Owns opening files of our own: a pipe or a device in the place of one is refused, where `open` waits for ever."""

import errno
import os
import stat
from pathlib import Path


def opened(path: str | bytes | Path, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
    """Return the descriptor of the regular file at `path`; a relative path begins at the descriptor `folder`.

    Can be passed to `open` as its `opener`. Raise OSError if the file cannot be opened, or is no regular file.
    """
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, mode, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe without a reader, or a socket
            raise _no_file(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_file(path)
    return descriptor


def read(path: Path) -> bytes:
    """Return the content of the regular file at `path`. Raise OSError as `opened` does."""
    with open(path, "rb", opener=opened) as file:
        return file.read()


def _no_file(path: str | bytes | Path) -> OSError:
    return OSError(errno.EINVAL, "no regular file: a pipe, a device or a folder; remove it", os.fsdecode(path))
