"""Owns a drop folder's lock and descriptor: it is ours, still the one we opened, and no step leads out of it.

A share can go between any two calls, and its bare mount point has the same path; a folder below can be swapped for a
link to anywhere. So every step begins at the descriptor of the folder we hold, and follows no link: what was made on
the mount point would pass for the share and hide behind it, and what lies behind a link is not ours to take.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Collection, Sequence

from inspector.errors import BusyError, ConfigError
from inspector.host.locks import taken
from inspector.host.regular_file import opened
from inspector.sources.folder.renaming import renamed

WORK = ".work"
_LANES = b".work/"
#: Folders of .work/ that are kept open, because each frame needs one several times.
_MAX_LANES = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class OwnedFolder:
    """One folder, owned by a lock and a descriptor until it is released."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._lock_path = os.path.join(root, WORK.encode(), b".lock")
        self._folder: int | None = None
        self._lock: int | None = None
        self._lock_status: os.stat_result | None = None
        self._device: int | None = None  # of the file system it was on when it was taken last
        self._links: frozenset[bytes] = frozenset()  # done/ and failed/ may be links of whoever set the line up
        self._lanes: dict[bytes, int] = {}  # folders of .work/ that are kept open, that used last at the end

    def take(self, inside: Sequence[bytes]) -> None:
        """Take the folder, made where the one above it is there, with .work/ and the folders named `inside` in it.

        Links that are there now in the place of those inside are followed, later ones are not.

        Raises:
            BusyError: another process has it.
            ConfigError: .work/ is a link, or one inside is on another file system.
            OSError: the folder cannot be used, or is a mount point left bare.
        """
        if self._lock is not None:
            return
        there = self._root
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        if there != self._root:
            self._check_mounted(there)
        with contextlib.suppress(FileExistsError):
            self._make_root()
        self._folder = os.open(self._root, _FOLDER)
        try:
            if not self._known():
                self._check_mounted(self._folder)
            for name in (WORK.encode(), *inside):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=self._folder)
                self._check_usable(name)
            self._links = frozenset(name for name in inside if self._is_link(name))
            self._lock = taken(f"{WORK}/.lock", self._folder)
            if self._lock is None:
                raise BusyError(f"{text(self._root)}: another inspector works on this drop folder")
        except BaseException:
            self.release()
            raise
        self._device = os.fstat(self._folder).st_dev
        self._lock_status = os.fstat(self._lock)

    def _make_root(self) -> None:
        """Make the folder if the one above it is there: more than one is missing if a path has a typo."""
        try:
            os.mkdir(self._root)
        except FileNotFoundError:
            above = text(os.path.dirname(self._root))
            raise FileNotFoundError(
                errno.ENOENT, f"is not there, nor is {above}: make the folder, or mend sources.path", text(self._root)
            ) from None

    @property
    def root(self) -> bytes:
        """The path of the folder, for people."""
        return self._root

    def release(self) -> None:
        """Give the folder back."""
        self._close_lanes()
        for descriptor in (self._lock, self._folder):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._folder = self._lock_status = None

    def check(self) -> None:
        """Raise OSError if the folder at this path is not the one held: unmounted, mounted over, or made anew."""
        if self._lock_status is None:
            raise OSError(errno.ENODEV, "not open")
        if not os.path.samestat(os.stat(self._lock_path), self._lock_status):
            raise OSError(errno.ENODEV, "another folder is where it was", text(self._root))

    def folder(self, relative: bytes, make: bool = False) -> "OpenFolder":
        """Open the folder at this path below ours ("": ours); its descriptor is not to be used after leaving.

        `make`: missing folders are made. Raise NotADirectoryError if a link or a file is on the way, and OSError if
        ours is not open.
        """
        if self._folder is None:
            raise OSError(errno.ENODEV, "not open")
        if not relative:
            return OpenFolder(self._folder, ours=False)
        if relative.startswith(_LANES):
            return OpenFolder(self._lane(self._folder, relative, make), ours=False)
        return entered(self._folder, relative, make, self._links)

    def rename(self, path: bytes, target: bytes) -> None:
        """Rename a file, both paths below ours; the target's missing folders are made.

        Raise FileNotFoundError if nothing is at `path`, FileExistsError if something is at `target`.
        """
        try:
            self._rename(path, target)
        except FileNotFoundError:
            self._close_lanes()  # one of them was removed
            self._rename(path, target)

    def _rename(self, path: bytes, target: bytes) -> None:
        (above, name), (target_above, target_name) = split(path), split(target)
        with self.folder(above) as source, self.folder(target_above, make=True) as place:
            if renamed(source, name, place, target_name):
                return
            if _is_there(target_name, place):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), text(target))
            os.rename(name, target_name, src_dir_fd=source, dst_dir_fd=place)

    def remove(self, relative: bytes) -> bool:
        """Remove an empty folder below ours; return False if it is not empty, or not there."""
        above, name = split(relative)
        try:
            with self.folder(above) as place:
                os.rmdir(name, dir_fd=place)
        except OSError:
            return False
        if (kept := self._lanes.pop(relative, None)) is not None:
            os.close(kept)
        return True

    def file_system_time(self) -> int:
        """Return the file system's own time, ns: a file server's clock may differ from ours, and ours may be set."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with self.folder(WORK.encode()) as work:
            descriptor = opened(b".clock", flags, folder=work)
        try:
            os.utime(descriptor)
            return os.fstat(descriptor).st_ctime_ns
        finally:
            os.close(descriptor)

    def _lane(self, root: int, relative: bytes, make: bool) -> int:
        """Return the kept descriptor of a folder in .work/: it stays open until _MAX_LANES others were used."""
        descriptor = self._lanes.pop(relative, None)
        if descriptor is None:
            descriptor = entered(root, relative, make).descriptor
            while len(self._lanes) >= _MAX_LANES:
                os.close(self._lanes.pop(next(iter(self._lanes))))
        self._lanes[relative] = descriptor
        return descriptor

    def _close_lanes(self) -> None:
        while self._lanes:
            os.close(self._lanes.popitem()[1])

    def _known(self) -> bool:
        """Return whether the folder shows that a source had it before."""
        return self._folder is not None and _is_there(WORK.encode(), self._folder)

    def _check_mounted(self, there: bytes | int) -> None:
        """Raise OSError if a folder that we had would now be on another file system."""
        if self._device is not None and os.stat(there).st_dev != self._device:
            raise OSError(errno.ENODEV, "not mounted", text(self._root))

    def _is_link(self, name: bytes) -> bool:
        return stat.S_ISLNK(os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_mode)

    def _check_usable(self, name: bytes) -> None:
        path = text(os.path.join(self._root, name))
        if name == WORK.encode() and self._is_link(name):
            raise ConfigError(f"{path}: a link; what is in it would be taken from elsewhere: remove it")
        status = os.stat(name, dir_fd=self._folder)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        if self._folder is not None and status.st_dev != os.fstat(self._folder).st_dev:
            raise ConfigError(f"{path}: on another file system than {text(self._root)}; files are renamed into it")


def _is_there(name: bytes, folder: int) -> bool:
    """Return whether anything of this name, a link too, is in the folder of this descriptor."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


class OpenFolder:
    """The descriptor of a folder, closed on leaving where it is `ours`."""

    __slots__ = ("_ours", "descriptor")

    def __init__(self, descriptor: int, ours: bool) -> None:
        self.descriptor = descriptor
        self._ours = ours

    def __enter__(self) -> int:
        return self.descriptor

    def __exit__(self, *_: object) -> None:
        if self._ours:
            os.close(self.descriptor)


def entered(folder: int, relative: bytes, make: bool = False, links: Collection[bytes] = frozenset()) -> OpenFolder:
    """Open the folder at this path below one that is open.

    No link is followed but these, directly in it. `make`: missing folders are made. Raise OSError as `os.open` does.
    """
    descriptor = folder
    for depth, name in enumerate(relative.split(b"/") if relative else ()):
        flags = _FOLDER if depth == 0 and name in links else _FOLDER | os.O_NOFOLLOW
        above = descriptor
        try:
            descriptor = _enter(above, name, flags, make)
        finally:
            if above != folder:
                os.close(above)
    return OpenFolder(descriptor, ours=descriptor != folder)


def _enter(folder: int, name: bytes, flags: int, make: bool) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
    return os.open(name, flags, dir_fd=folder)


def split(path: bytes) -> tuple[bytes, bytes]:
    """Return the folder of a path below the drop folder, and the name in it. `os.path.split` costs five times that."""
    above, _, name = path.rpartition(b"/")
    return above, name


def joined(above: bytes, name: bytes) -> bytes:
    """Return the path below the drop folder of a name in the folder `above`."""
    return b"%s/%s" % (above, name) if above else name


def text(path: bytes) -> str:
    """Return a path for people, whatever bytes are in it."""
    return path.decode("utf-8", "backslashreplace")
