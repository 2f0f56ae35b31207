"""Owns the looking through a drop folder: when it is looked through again, and which files and sub-folders are there.

A periodic scan is the truth about what is there; inotify only wakes it early, because its queue overflows without a
word, and it is silent on network shares. A folder below is entered from the one it is in, and only where it is a folder
still: one that was swapped for a link is left.
"""

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator

from inotify_simple import INotify, flags

from inspector import image
from inspector.sources.hold import Hold, text

log = logging.getLogger(__name__)

#: The folder is not scanned more often than this; unless it wakes us, nor than ten times what the last scan took.
MIN_RESCAN_S = 0.02
_WATCHED = flags.CLOSE_WRITE | flags.MOVED_TO | flags.CREATE | flags.ONLYDIR
#: So many complaints about files left where they are, each once; then they start anew.
_MAX_LEFT = 1000
_SUFFIXES = frozenset(suffix.encode() for suffix in image.SUFFIXES)


class Scan:
    """Looks through one folder again and again, file by file."""

    def __init__(
        self, hold: Hold, skipped: set[bytes], rescan_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`hold`: on the folder. `skipped`: what is directly in it and left alone."""
        self._hold = hold
        self._skipped = skipped
        self._rescan_s = rescan_s
        self._clock = clock
        self._inotify: INotify | None = None
        self._watched: dict[int, bytes] = {}  # inotify's number of a folder, and its path below the drop folder
        self._left: set[bytes] = set()  # what was already complained about
        self._entries: Iterator[bytes] | None = None
        self._began = 0.0
        self._took = 0.0  # looking, not counting what was done with the files it found meanwhile
        self._next = 0.0
        self._soon_s = rescan_s
        self._now_ns = 0

    def open(self) -> None:
        """Begin anew, at once."""
        self._inotify = INotify(nonblocking=True)
        self._watched.clear()
        with self._hold.folder(b"") as folder:
            self._watch(folder, b"")
        self._entries, self._next = None, self._clock()

    def close(self) -> None:
        """Let go of the folders it holds open."""
        self._entries = None
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def look(self) -> bytes | None:
        """The next file with the suffix of a picture, by its path below the drop folder.

        None at the end of a scan, or where none is due.

        OSError: the folder is gone, or another one is where it was.
        """
        if self._entries is None and not self._begin():
            return None
        began = self._clock()
        entry = next(self._entries, None) if self._entries else None
        self._took += self._clock() - began
        if entry is None:
            self._end()
        return entry

    def quiet_s(self, status: os.stat_result) -> float:
        """For how long nobody has written to the file. By its ctime, which no writer can set."""
        return (self._now_ns - status.st_ctime_ns) / 1e9

    def again_in(self, seconds: float) -> None:
        """Something will be due then: the next scan comes as soon."""
        self._soon_s = min(self._soon_s, seconds)

    def leave(self, path: bytes, error: OSError) -> None:
        """Go on with the rest: one file or folder that cannot be taken must not hold up the others.

        `path`: below the drop folder.
        """
        if isinstance(error, FileNotFoundError) or path in self._left:
            return  # whoever dropped it has taken it away again; or it was said before
        if len(self._left) >= _MAX_LEFT:
            self._left.clear()
        self._left.add(path)
        log.warning("%s is left where it is: %s", text(os.path.join(self._hold.root, path)), error.strerror)

    def due_ms(self) -> float:
        """Time to the next scan; 0 while one is under way."""
        return 0.0 if self._entries else max(0.0, (self._next - self._clock()) * 1000)

    def wake(self) -> int | None:
        """The inotify descriptor. It stays readable until the next scan begins, which empties it."""
        return None if self._inotify is None else self._inotify.fileno()

    def _watch(self, folder: int, relative: bytes) -> None:
        if self._inotify is None or relative in self._watched.values():
            return
        try:
            # By its descriptor: its path may lead elsewhere by now.
            self._watched[self._inotify.add_watch(f"/proc/self/fd/{folder}", _WATCHED)] = relative
        except OSError as error:  # out of watches: the periodic scan still finds everything
            if error.errno != errno.ENOSPC:
                raise

    def _begin(self) -> bool:
        events = self._inotify.read(timeout=0) if self._inotify else []
        for event in events:
            if event.mask & flags.IGNORED:  # the folder was removed; one of its name would be another
                self._watched.pop(event.wd, None)
        now = self._clock()
        if events:
            self._next = min(self._next, max(now, self._began + MIN_RESCAN_S))
        if now < self._next:
            return False
        self._hold.check()
        self._began, self._took, self._soon_s = now, 0.0, self._rescan_s
        self._now_ns = self._hold.file_system_time()
        self._entries = self._look_through()
        return True

    def _end(self) -> None:
        self._entries = None
        self._next = self._clock() + max(self._soon_s, 10 * self._took, MIN_RESCAN_S)

    def _look_through(self) -> Iterator[bytes]:
        with self._hold.folder(b"") as folder:
            yield from self._walk(folder, b"")

    def _walk(self, folder: int, relative: bytes) -> Iterator[bytes]:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                path = os.path.join(relative, name)
                if name.startswith(b".") or path in self._skipped:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._enter(folder, name, path)
                elif os.path.splitext(name)[1].lower() in _SUFFIXES:
                    yield path

    def _enter(self, above: int, name: bytes, path: bytes) -> Iterator[bytes]:
        try:
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        except OSError as error:
            self.leave(path, error)
            return
        try:
            self._watch(folder, path)
            yield from self._walk(folder, path)
        except OSError as error:
            self.leave(path, error)
        finally:
            os.close(folder)
