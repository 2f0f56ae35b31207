"""Owns replacing files as a whole: a reader finds the old content or the new one, also after a kill or a power cut."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

#: Errors of a file system that cannot sync a folder.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
#: Characters of a file's name in the name of its unfinished version: a name may have 255 bytes.
_NAME_CHARS = 50


def write(path: Path, content: bytes | memoryview, mode: int = 0o666, durable: bool = True) -> None:
    """Replace the file at `path` by `content`. See `replaced`."""
    with replaced(path, mode, durable) as file:
        file.write(content)


@contextmanager
def replaced(path: Path, mode: int = 0o666, durable: bool = True) -> Iterator[BinaryIO]:
    """Yield a new file that takes the place of the one at `path` when the block ends.

    If the block raises, the old file stays. The umask applies to `mode`. Without `durable` nothing is synced: a power
    cut may leave the file empty. Raise OSError if the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name[:_NAME_CHARS]}.{os.getpid()}.tmp")
    file = open(unfinished, "wb", opener=lambda name, flags: os.open(name, flags, mode))  # noqa: SIM115
    try:
        with file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def place(unfinished: Path, path: Path) -> None:
    """Rename a finished file, or a folder of synced files, to `path` in the same folder, durably."""
    if unfinished.is_dir():
        sync_folder(unfinished)
    else:
        sync(unfinished)
    unfinished.rename(path)
    sync_folder(path.parent)


def sync(path: Path) -> None:
    """Return once the content of a file is on the disk. Raise OSError if it cannot be written there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path | int) -> bool:
    """Return once the names in a folder, by path or descriptor, are on the disk; False if its file system cannot."""
    if isinstance(folder, int):
        return _sync_names(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _sync_names(descriptor)
    finally:
        os.close(descriptor)


def _sync_names(folder: int) -> bool:
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno in _CANNOT_SYNC:
            return False
        raise
    return True
