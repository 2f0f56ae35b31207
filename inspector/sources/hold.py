"""Owns the hold on a drop folder: that it is ours, still the one we opened, and that nothing is made anywhere else.

A share can go between any two calls, and its bare mount point has the same path. So a folder is only ever made from
the descriptor of the one we hold: what was made on the mount point would pass for the share and hide behind it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Sequence

from inspector.errors import BusyError, ConfigError
from inspector.sources.lock import taken

WORK = ".work"


class Hold:
    """One folder, held by a lock and a descriptor until it is let go."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._work = os.path.join(root, WORK.encode())
        self._folder: int | None = None
        self._lock: int | None = None
        self._device: int | None = None  # of the file system it was on when it was taken last

    def take(self, inside: Sequence[bytes]) -> None:
        """Take the folder, with .work/ and the folders named `inside` made in it.

        BusyError where another process has it, ConfigError where one inside is on another file system, OSError where
        the folder cannot be used or is a mount point left bare.
        """
        if self._lock is not None:
            return
        there = self._root
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        if there != self._root:
            self._check_mounted(there)
        os.makedirs(self._root, exist_ok=True)
        self._folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not self._known():
                self._check_mounted(self._folder)
            for name in (WORK.encode(), *inside):
                self._make(name)
                self._check_usable(name)
            self._lock = taken(f"{WORK}/.lock", self._folder)
            if self._lock is None:
                raise BusyError(f"{text(self._root)}: another inspector works on this drop folder")
        except BaseException:
            self.let_go()
            raise
        self._device = os.fstat(self._folder).st_dev

    def let_go(self) -> None:
        """Give it back."""
        for descriptor in (self._lock, self._folder):
            if descriptor is not None:
                os.close(descriptor)
        self._lock = self._folder = None

    def check(self) -> None:
        """OSError where the folder at this path is not the one held: unmounted, mounted over, or made anew."""
        if self._lock is None:
            raise OSError(errno.ENODEV, "not open")
        here = os.stat(os.path.join(self._work, b".lock"))
        if not os.path.samestat(here, os.fstat(self._lock)):
            raise OSError(errno.ENODEV, "another folder is where it was", text(self._root))

    def rename(self, path: bytes, target: bytes) -> None:
        """Rename, making the target's folders where they are missing. FileNotFoundError where nothing is at `path`."""
        try:
            os.rename(path, target)
        except FileNotFoundError:
            self._make(os.path.relpath(os.path.dirname(target), self._root))
            os.rename(path, target)

    def _make(self, relative: bytes) -> None:
        """Make a folder and those it is in, in the folder that is held."""
        if self._folder is None:
            raise OSError(errno.ENODEV, "not open")
        above = b""
        for name in relative.split(b"/"):
            above = os.path.join(above, name)
            with contextlib.suppress(FileExistsError):
                os.mkdir(above, dir_fd=self._folder)

    def _known(self) -> bool:
        """Whether the folder shows that we were there before."""
        try:
            os.stat(WORK, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _check_mounted(self, there: bytes | int) -> None:
        """OSError where a folder that we had would now be on another file system."""
        if self._device is not None and os.stat(there).st_dev != self._device:
            raise OSError(errno.ENODEV, "not mounted", text(self._root))

    def _check_usable(self, name: bytes) -> None:
        path = text(os.path.join(self._root, name))
        status = os.stat(name, dir_fd=self._folder)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        if self._folder is not None and status.st_dev != os.fstat(self._folder).st_dev:
            raise ConfigError(f"{path}: on another file system than {text(self._root)}; files are renamed into it")


def text(path: bytes) -> str:
    """A path for people, whatever bytes are in it."""
    return path.decode("utf-8", "backslashreplace")
