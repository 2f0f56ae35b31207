"""Owns the sign that a running line uses a bundle: a lock on its bundle.json. A read-only folder takes it, too.

Not by `host.locks`, which gives a lock to one process alone: any number of lines may use a bundle.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inspector.errors import BundleError

#: Time in seconds that a line retries its lock: whoever asks whether it is held locks it for an instant.
_LOOK_S = 0.5


@contextmanager
def held(manifest: Path) -> Iterator[None]:
    """Hold the bundle of this bundle.json, as other lines may too. No sign is left on a file system without locks.

    Raise BundleError if it cannot be opened.
    """
    try:
        file = manifest.open("rb")
    except OSError as error:
        raise BundleError(f"{manifest}: {error.strerror}") from None
    with file:
        ends_at = time.monotonic() + _LOOK_S
        while not _locked(file.fileno(), fcntl.LOCK_SH) and time.monotonic() < ends_at:
            time.sleep(0.02)
        yield


def is_held(manifest: Path) -> bool:
    """Return whether a line on this machine uses the bundle of this bundle.json."""
    for mode in ("r+b", "rb"):  # a network share locks for itself alone only what may be written
        try:
            with manifest.open(mode) as file:
                return not _locked(file.fileno(), fcntl.LOCK_EX)
        except OSError:
            continue
    return False


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True
