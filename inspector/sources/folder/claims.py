"""Owns the claims: where a file lies while it is inspected, the frame's id, which follows from there, and its safety.

    drop/scan/a.bmp ──claim──▶ drop/.work/<lane>/scan/a.bmp

No two lanes ever have one name, so a path below .work/ stands for one frame for ever: a restart, a chmod, a chown or a
copy of the whole folder finds the same id, and a file that is dropped again has another.
"""

import contextlib
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.host import atomic
from inspector.sources.folder.ownership import WORK, OwnedFolder, joined, split, text

log = logging.getLogger(__name__)

#: Files that go through a lane before the next one is begun.
LANE_FILES = 1000
_WORK = WORK.encode()
_LANE = re.compile(rb"[0-9a-f]{16}")
#: Lanes of older versions: numbers, used again and again.
_OLD_LANE = re.compile(rb"[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed file: the frame's id, where it was dropped, and where it lies now, both below the drop folder."""

    frame: str
    relative: bytes
    path: bytes


class Claims:
    """Claims files by renaming them. One process at a time, which the lock of `owned` ensures."""

    def __init__(self, owned: OwnedFolder) -> None:
        self._owned = owned
        self._lane = b""
        self._taken: set[bytes] = set()  # by this lane so far
        self._folders: set[bytes] = set()  # that this lane has, and has had synced
        self._targets: dict[bytes, None] = {}  # folders to be synced, in this order: first these,
        self._origins: dict[bytes, None] = {}  # then those
        self._cannot_sync = False

    def take(self, relative: bytes) -> Claim:
        """Claim the file at this path below the drop folder. Raise FileNotFoundError if it is gone."""
        return self._move(relative, relative)

    def take_again(self, claim: Claim) -> Claim:
        """Claim what lies at a claim's path as another frame."""
        return self._move(claim.path, claim.relative)

    def secure(self) -> None:
        """Return once what was claimed is on disk as claimed: after a power cut the record must not know more.

        Raise OSError if the disk does not confirm that.
        """
        for folders in (self._targets, self._origins):  # rather in both places than in none
            for folder in folders:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # its files were taken away, too
                    self._sync(folder)
            folders.clear()

    def left_over(self) -> list[Claim]:
        """Return what is claimed, by former lives, too. Empty folders of lanes are removed."""
        self._begin_lane()
        with self._owned.folder(_WORK) as work:
            found = list(_walk(work))
        for claim in found:
            self._note(claim.path, claim.relative)
        return found

    def forget(self, path: bytes) -> None:
        """Note that a claimed file was moved away. With the last one its folders go, once their lane is full."""
        if path.startswith(b"%s/%s/" % (_WORK, self._lane)):
            return
        folder, _ = split(path)
        while folder != _WORK and self._owned.remove(folder):
            folder, _ = split(folder)

    def _move(self, origin: bytes, relative: bytes) -> Claim:
        if relative in self._taken or len(self._taken) >= LANE_FILES:
            self._begin_lane()
        try:
            return self._rename(origin, relative)
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            # A folder has the file's name in this lane, or a file the name of one of its folders.
            self._begin_lane()
            return self._rename(origin, relative)

    def _rename(self, origin: bytes, relative: bytes) -> Claim:
        path = b"%s/%s/%s" % (_WORK, self._lane, relative)
        self._owned.rename(origin, path)
        self._taken.add(relative)
        self._note(path, origin)
        return Claim(_frame(path), relative, path)

    def _begin_lane(self) -> None:
        for folder in sorted(self._folders, key=len, reverse=True):
            self._owned.remove(folder)
        self._lane = secrets.token_hex(8).encode()
        self._taken.clear()
        self._folders.clear()

    def _note(self, path: bytes, origin: bytes) -> None:
        folder, _ = split(path)
        self._targets[folder] = None
        while folder != _WORK and folder not in self._folders:  # a new folder is known to the one it is in
            self._folders.add(folder)
            folder, _ = split(folder)
            self._targets[folder] = None
        self._origins[split(origin)[0]] = None

    def _sync(self, folder: bytes) -> None:
        with self._owned.folder(folder) as descriptor:
            synced = atomic.sync_folder(descriptor)
        if not synced and not self._cannot_sync:
            self._cannot_sync = True
            root = text(self._owned.root)
            log.warning("%s: its file system syncs no folders: a power cut may have frames inspected twice", root)


def _walk(work: int) -> Iterator[Claim]:
    """Yield what lies in the lanes, and remove their empty folders; what else is in .work/ is left alone.

    Raise OSError if not all of it can be listed: what lies there would never be inspected.
    """
    lanes = [name for name in map(os.fsencode, os.listdir(work)) if _LANE.fullmatch(name) or _OLD_LANE.fullmatch(name)]
    for lane in lanes:
        old = bool(_OLD_LANE.fullmatch(lane))
        for folder, folders, files, descriptor in os.fwalk(lane, topdown=False, onerror=_raise, dir_fd=work):
            for name in sorted(folders):
                with contextlib.suppress(OSError):  # a link, or not empty
                    os.rmdir(name, dir_fd=descriptor)
            for name in sorted(files + _links(folders, descriptor)):
                path = joined(joined(_WORK, folder), name)
                frame = _old_frame(path, os.stat(name, dir_fd=descriptor, follow_symlinks=False)) if old else None
                yield Claim(frame or _frame(path), joined(folder, name).partition(b"/")[2], path)
        with contextlib.suppress(OSError):  # not empty
            os.rmdir(lane, dir_fd=work)


def _raise(error: OSError) -> None:
    raise error


def _links(folders: list[bytes], descriptor: int) -> list[bytes]:
    """Return those of the folders' names that are links."""
    found = []
    for name in folders:
        with contextlib.suppress(OSError):
            os.readlink(name, dir_fd=descriptor)
            found.append(name)
    return found


def _frame(path: bytes) -> str:
    """Return the id of the frame that is claimed at this path below the drop folder."""
    return hashlib.blake2b(path[len(_WORK) + 1 :], digest_size=16).hexdigest()


def _old_frame(path: bytes, status: os.stat_result) -> str:
    """Return the id of a frame in an old lane, which the record may know: its ctime is the moment of its claim."""
    identity = (path[len(_WORK) :], (status.st_ino, status.st_size, status.st_mtime_ns), status.st_ctime_ns)
    return hashlib.blake2b(repr(identity).encode(), digest_size=16).hexdigest()
