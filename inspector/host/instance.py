"""Owns what a running line holds on the host: the lock on its data folder, and a private folder for its sockets."""

import hashlib
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from inspector.errors import BusyError, ConfigError
from inspector.host import locks, regular_file

log = logging.getLogger(__name__)

#: Longest path that fits a Unix socket address on Linux (sun_path is 108 bytes with its end).
MAX_SOCKET_PATH = 107
#: How long a new line tries to lock its data folder, in seconds: a check of the lock holds it for an instant.
LOOK_S = 0.5
_LOCK = "lock"
#: Name of the file with the data folder's path, in a socket folder outside the data folder.
_OWNER = "data"


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the lock of the data folder: two lines on it would take each other's sockets, as ZeroMQ binds a live one.

    Raise BusyError if another line holds it, ConfigError if the folder cannot be used.
    """
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        data.mkdir(mode=0o750, exist_ok=True)
        lock = locks.taken(data / _LOCK, mode=0o666, patience_s=LOOK_S)
    except OSError as error:
        raise ConfigError(f"data: {error.filename}: {error.strerror}; it must be a folder of our own") from None
    if lock is None:
        raise BusyError(f"{data}: another inspector runs on this data folder")
    try:
        yield
    finally:
        os.close(lock)


def runs(data: Path) -> bool:
    """Return whether a line runs on this data folder. Raise OSError if this user has no permission to check."""
    try:
        return locks.is_taken(data / _LOCK)
    except (FileNotFoundError, NotADirectoryError):
        return False


@contextmanager
def sockets(data: Path) -> Iterator[Path]:
    """Yield the socket folder of the line that has `data` locked, empty at first; remove it at the end."""
    _sweep()
    folder = socket_folder(data)
    _empty(folder)
    with ExitStack() as held:
        if folder.parent != data:
            owner = locks.taken(folder / _OWNER, patience_s=LOOK_S)
            if owner is None:
                raise BusyError(f"{folder}: another process has it locked")
            held.callback(os.close, owner)  # nobody sweeps a locked folder, even if `data` is unmounted
            os.write(owner, os.fsencode(data.absolute()))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def socket_folder(data: Path) -> Path:
    """Return the private folder for the sockets of the line on `data`: inside it, unless its path is too long."""
    name = f"{_prefix()}{hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:16]}"
    shortest = Path("/tmp") / name
    folder = next((one for one in (data / "run", Path(tempfile.gettempdir()) / name) if _short(one)), shortest)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _ours(folder):
        raise BusyError(f"{folder}: not a folder of this user; sockets need a private one")
    folder.chmod(0o700)
    return folder


def _sweep() -> None:
    """Remove the socket folders of lines that were killed and not started again."""
    for folder in (one for below in {tempfile.gettempdir(), "/tmp"} for one in Path(below).glob(f"{_prefix()}*")):
        with suppress(OSError), open(folder / _OWNER, "rb", opener=regular_file.opened) as owner:
            left = _ours(folder) and locks.locked(owner.fileno()) and owner.read()  # empty: its line is starting
            if left and not runs(Path(os.fsdecode(left))):
                log.info("%s was left by a line that does not run: removed", folder)
                shutil.rmtree(folder)


def _short(folder: Path) -> bool:
    """Return whether a socket's path fits: 64 bytes are for a source's name, the rest for the other parts."""
    return len(os.fsencode(folder)) <= MAX_SOCKET_PATH - 72


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _ours(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _prefix() -> str:
    return f"inspector-{os.getuid()}-"
