"""Owns what a running line holds on the host: the lock on its data folder, and a private folder for its sockets."""

import fcntl
import hashlib
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from inspector.errors import BusyError, ConfigError

log = logging.getLogger(__name__)

#: Longest path that fits a Unix socket address on Linux (sun_path is 108 bytes with its end).
MAX_SOCKET_PATH = 107
#: A look at the lock holds it for an instant: so long a new line tries again before it says busy.
LOOK_S = 0.5
_LOCK = "lock"
#: In a socket folder that is not inside the data folder: whose it is.
_OWNER = "data"


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Own the data folder: two inspectors would take each other's sockets, as binding a live one succeeds."""
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        data.mkdir(mode=0o750, exist_ok=True)
        lock = open(data / _LOCK, "w")  # noqa: SIM115
    except OSError as error:
        raise ConfigError(f"data: {error.filename}: {error.strerror}; it must be a folder of our own") from None
    with lock:
        ends_at = time.monotonic() + LOOK_S
        while not _lock(lock):
            if time.monotonic() > ends_at:
                raise BusyError(f"{data}: another inspector runs on this data folder") from None
            time.sleep(0.05)
        yield


def runs(data: Path) -> bool:
    """Whether an inspector runs on this data folder. OSError where this user may not look."""
    try:
        with open(data / _LOCK) as lock:
            return not _lock(lock)
    except (FileNotFoundError, NotADirectoryError):
        return False


@contextmanager
def sockets(data: Path) -> Iterator[Path]:
    """The socket folder of the line that has `data` locked: empty at first, and gone in the end."""
    _sweep()
    folder = socket_folder(data)
    _empty(folder)
    with ExitStack() as held:
        if folder.parent != data:
            owner = held.enter_context((folder / _OWNER).open("wb"))
            owner.write(os.fsencode(data.absolute()))
            owner.flush()
            fcntl.flock(owner, fcntl.LOCK_EX)  # no line sweeps what is held, also while the data folder is away
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def socket_folder(data: Path) -> Path:
    """A private folder for the sockets of the inspector that owns `data`: inside it, unless its path is too long."""
    name = f"{_prefix()}{hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:16]}"
    shortest = Path("/tmp") / name
    folder = next((one for one in (data / "run", Path(tempfile.gettempdir()) / name) if _short(one)), shortest)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _ours(folder):
        raise BusyError(f"{folder}: not a folder of this user; sockets need a private one")
    folder.chmod(0o700)
    return folder


def _sweep() -> None:
    """Remove the socket folders of lines that were killed and did not come back."""
    for folder in (one for below in {tempfile.gettempdir(), "/tmp"} for one in Path(below).glob(f"{_prefix()}*")):
        with suppress(OSError), open(folder / _OWNER, "rb") as owner:
            if _ours(folder) and _lock(owner) and not runs(Path(os.fsdecode(owner.read()))):
                log.info("%s was left by a line that does not run: removed", folder)
                shutil.rmtree(folder)


def _short(folder: Path) -> bool:
    """Whether a socket's path fits: 64 bytes for a source's name, the rest for what stands around it."""
    return len(os.fsencode(folder)) <= MAX_SOCKET_PATH - 72


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _ours(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _prefix() -> str:
    return f"inspector-{os.getuid()}-"


def _lock(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
