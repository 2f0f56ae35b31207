"""Owns putting files of failed/ back into their drop folder: never over another, and each is reported."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.folder.archive import FAILED
from inspector.sources.folder.ownership import entered, joined, split
from inspector.sources.folder.renaming import renamed


class Retried(msgspec.Struct, frozen=True):
    """What became of one file of failed/: `problem` is why it is still there; empty if it is in the drop folder."""

    source: str
    name: str
    problem: str = ""


def put_back(source: FolderSourceSettings, patterns: list[str]) -> Iterator[Retried]:
    """Move the files whose path below failed/ fits one of the patterns (none: all) back to where they were dropped."""
    failed = source.path / FAILED
    for path in sorted(path for path in failed.rglob("*") if path.is_symlink() or path.is_file()):
        relative = path.relative_to(failed)
        if patterns and not any(fnmatchcase(str(relative), pattern) for pattern in patterns):
            continue
        problem = ""
        try:
            _move(source.path, os.fsencode(relative))
        except OSError as error:
            problem = f"{source.path / relative}: {error.strerror}"
        yield Retried(source.name, str(relative), problem)


def _move(drop: Path, relative: bytes) -> None:
    """Rename, but never onto another file: whoever drops one of that name in this very moment keeps it.

    No link below the drop folder is followed: files behind one are not ours to move.
    """
    above, name = split(relative)
    failed = FAILED.encode()
    root = os.open(drop, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with (
            entered(root, joined(failed, above) if above else failed, links=(failed,)) as source,
            entered(root, above, make=True) as target,
        ):
            _rename(source, target, name)
    finally:
        os.close(root)


def _rename(source: int, target: int, name: bytes) -> None:
    if not renamed(source, name, target, name):
        # On such a file system a link, too, is refused where the name is taken.
        os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        os.unlink(name, dir_fd=source)
