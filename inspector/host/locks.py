"""Owns exclusive locks on files; the kernel releases them when their process ends."""

import fcntl
import os
import time
from pathlib import Path

from inspector.host import regular_file

#: Pause between two tries while another process has the lock, in seconds.
_PAUSE_S = 0.05


def taken(path: str | Path, folder: int | None = None, mode: int = 0o600, patience_s: float = 0.0) -> int | None:
    """Lock the file, made if there is none, and return its descriptor; None if another process has it locked.

    Try for `patience_s`. A relative path begins at the descriptor `folder`. Raise OSError if the file cannot be opened,
    or is no regular file.
    """
    lock = regular_file.opened(path, os.O_RDWR | os.O_CREAT, mode, folder)
    ends_at = time.monotonic() + patience_s
    while not locked(lock):
        if time.monotonic() >= ends_at:
            os.close(lock)
            return None
        time.sleep(_PAUSE_S)
    return lock


def is_taken(path: Path) -> bool:
    """Return whether a process has the lock. Raise OSError if this user has no permission, or there is no such file."""
    with open(path, "rb", opener=regular_file.opened) as lock:
        return not locked(lock.fileno())


def locked(descriptor: int) -> bool:
    """Lock an open file; return False if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
