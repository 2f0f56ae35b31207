"""Owns the lock on a place that one source alone may use: on a file, and given back by the kernel with its process."""

import fcntl
import os


def taken(path: str | bytes, folder: int | None = None) -> int | None:
    """The descriptor of the locked file, made where there is none; None where another process has it.

    `folder`: the descriptor that a relative path begins at. OSError where the file cannot be made.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
