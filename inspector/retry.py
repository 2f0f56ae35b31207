"""Owns putting files that could not be inspected back into their drop folder: never over another, and each is told."""

import ctypes
import errno
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from inspector.source_settings import FolderSource
from inspector.sources.shelf import FAILED

_AT_FDCWD, _RENAME_NOREPLACE = -100, 1  # linux/fcntl.h, linux/fs.h


class Retried(msgspec.Struct, frozen=True):
    """What became of one file of failed/: `problem` says why it is still there; empty: it is in the drop folder."""

    source: str
    name: str
    problem: str = ""


def put_back(source: FolderSource, patterns: list[str]) -> Iterator[Retried]:
    """Move the files whose path below failed/ fits one of the patterns (none: all) back to where they were dropped."""
    failed = source.path / FAILED
    for path in sorted(path for path in failed.rglob("*") if path.is_symlink() or path.is_file()):
        relative = path.relative_to(failed)
        if patterns and not any(fnmatchcase(str(relative), pattern) for pattern in patterns):
            continue
        problem = ""
        try:
            (source.path / relative).parent.mkdir(parents=True, exist_ok=True)
            _move(path, source.path / relative)
        except OSError as error:
            problem = f"{source.path / relative}: {error.strerror}"
        yield Retried(source.name, str(relative), problem)


def _move(path: Path, target: Path) -> None:
    """Rename, but never onto another file: whoever drops one of that name in this very moment keeps it."""
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    if renameat2(_AT_FDCWD, os.fsencode(path), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE) == 0:
        return
    number = ctypes.get_errno()
    if number not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(number, os.strerror(number))
    os.link(path, target)  # a file system without it, such as NFS: a link is refused where the name is taken
    path.unlink()
