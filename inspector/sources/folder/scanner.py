"""Owns scanning a drop folder: when it is scanned again, what is there, and what is taken first.

A periodic scan is the truth about what is there; inotify only wakes it early, because its queue overflows
silently, and it reports nothing on network shares. A folder below is entered from the one it is in, and only if it is
still a folder: one that was swapped for a link is left.
"""

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice

from inotify_simple import INotify, flags

from inspector.protocol.messages import REFUSED, Left
from inspector.sources.folder.left_alone import SUFFIX, LeftAlone, NameFilter
from inspector.sources.folder.ownership import OwnedFolder, joined, text

log = logging.getLogger(__name__)

#: Least seconds between scans; unless inotify wakes it, ten times the duration of the last scan is the least, too.
MIN_RESCAN_S = 0.02
#: Files of one scan that are kept, the oldest; the others are found by the next scan, which follows at once.
MAX_FOUND = 20_000
#: Seconds by which two clocks may differ and count as one: file systems count in steps.
_SAME_S = 1.0
#: Entries that are read in one step: a large folder on a slow share must not hold up the source.
_STEP = 1000
#: Depth to which folders in folders are entered: each level costs two descriptors while it is scanned.
MAX_DEPTH = 32
_WATCHED = flags.CLOSE_WRITE | flags.MOVED_TO | flags.CREATE | flags.ONLYDIR
#: Warnings about files left where they are, each once; then they start anew.
_MAX_LEFT = 1000
#: Suffixes that are not taken and named in the log.
_MAX_SUFFIXES = 50

#: When a file was last written to, ns, and its path below the drop folder.
_Found = tuple[int, bytes]


class Scanner:
    """Scans one folder again and again. What one scan finds is taken by the time it was last written to."""

    def __init__(
        self,
        owned: OwnedFolder,
        skipped: set[bytes],
        names: NameFilter,
        rescan_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`skipped`: what is directly in the folder and ours. `names`: which of the others are taken."""
        self._owned = owned
        self._skipped = skipped
        self._names = names
        self._rescan_s = rescan_s
        self._clock = clock
        self._inotify: INotify | None = None
        self._watched: dict[int, bytes] = {}  # inotify's number of a folder, and its path below the drop folder
        self._left: set[bytes] = set()  # what was already warned about
        self._suffixes: set[bytes] = set()  # not taken, and named
        self._seen, self._refused = LeftAlone(), LeftAlone()  # by the scan under way; by it and those it goes on from
        self.left: list[Left] = []  # where it was as the last scan ended
        self._under_way = False  # a scan, until all that it found was looked at
        self._entries: Iterator[_Found | None] | None = None  # that it still has to look at
        self._found: list[_Found] = []  # once it is through: what is still to be taken, the oldest last
        self._too_many = False
        self._after: _Found = (-(2**63), b"")  # what comes before was had by the scans before this one
        self._ahead_s = 0.0  # the file system's clock, of ours
        self._opened_ns = 0
        self._began = 0.0
        self._took = 0.0  # looking, not counting what was done with the files it found meanwhile
        self._next = 0.0
        self._soon_s = rescan_s
        self._now_ns = 0

    def open(self) -> None:
        """Begin to scan anew, at once."""
        self._inotify = INotify(nonblocking=True)
        self._watched.clear()
        with self._owned.folder(b"") as folder:
            self._watch(folder, b"")
        self._forget()
        self._next = self._clock()
        self._read_clock()
        self._opened_ns = self._now_ns

    def close(self) -> None:
        """Close the folders that it holds open."""
        self._forget()
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def next(self) -> bytes | None:
        """Return the next file with the suffix of a picture, by its path below the drop folder.

        Return None if none is due, at the end of a scan, and in the midst of one, while `due_ms` is 0.
        Raise OSError if the folder is gone, or another one is where it was.
        """
        if not self._under_way and not self._begin():
            return None
        if self._entries is not None:
            self._go_on(self._entries)
        if self._entries is not None:
            return None
        if self._found:
            return self._found.pop()[1]
        self._end()
        return None

    def quiet_s(self, status: os.stat_result) -> float:
        """Return the seconds since the file was last written to, by its ctime, which no writer can set."""
        return (self._now_ns - status.st_ctime_ns) / 1e9

    def time_of(self, file_system_ns: int) -> float:
        """Return that time by our clock, seconds since 1970."""
        return file_system_ns / 1e9 - self._ahead_s

    def came(self, status: os.stat_result) -> bool:
        """Return whether the file came, or was written to, after the scanner was opened."""
        return status.st_ctime_ns >= self._opened_ns

    def again_in(self, seconds: float) -> None:
        """Let the next scan come this soon: something will be due then."""
        self._soon_s = min(self._soon_s, seconds)

    def leave(self, path: bytes, error: OSError) -> None:
        """Go on with the rest: one file or folder that cannot be taken must not hold up the others.

        `path`: below the drop folder.
        """
        if isinstance(error, FileNotFoundError):
            return  # whoever dropped it has taken it away again
        self._refused.add(REFUSED, path, error.strerror or str(error))
        if path in self._left:
            return
        if len(self._left) >= _MAX_LEFT:
            self._left.clear()
        self._left.add(path)
        log.warning("%s is left where it is: %s", text(os.path.join(self._owned.root, path)), error.strerror)

    def due_ms(self) -> float:
        """Return the time to the next scan; 0 while one is under way."""
        return 0.0 if self._under_way else max(0.0, (self._next - self._clock()) * 1000)

    def wake(self) -> int | None:
        """Return the inotify descriptor. It stays readable until the next scan begins, which empties it."""
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
        self._owned.check()
        self._began, self._took, self._soon_s = now, 0.0, self._rescan_s
        self._read_clock()
        self._entries, self._too_many, self._under_way = self._look_through(), False, True
        self._seen = LeftAlone()
        return True

    def _forget(self) -> None:
        self._under_way, self._entries = False, None
        self._found.clear()

    def _read_clock(self) -> None:
        self._now_ns = self._owned.file_system_time()
        ahead_s = self._now_ns / 1e9 - time.time()
        self._ahead_s = ahead_s if abs(ahead_s) >= _SAME_S else 0.0

    def _go_on(self, entries: Iterator[_Found | None]) -> None:
        """Scan one step further, and put what was found in order at the end."""
        began = self._clock()
        looked = 0
        for looked, found in enumerate(islice(entries, _STEP), 1):  # noqa: B007
            if found is not None and found > self._after:
                self._found.append(found)
        through = looked < _STEP
        if through or len(self._found) >= 2 * MAX_FOUND:
            self._found.sort()
            self._too_many = self._too_many or len(self._found) > MAX_FOUND
            del self._found[MAX_FOUND:]
        if through:
            self._entries = None
            self._after = self._found[-1] if self._too_many else (-(2**63), b"")
            self._found.reverse()
        self._took += self._clock() - began

    def _end(self) -> None:
        self._under_way = False
        if not self._too_many:
            self.left, self._refused = [*self._refused.all(), *self._seen.all()], LeftAlone()
        pause_s = 0.0 if self._too_many else max(self._soon_s, 10 * self._took, MIN_RESCAN_S)
        self._next = self._clock() + pause_s

    def _look_through(self) -> Iterator[_Found | None]:
        with self._owned.folder(b"") as folder:
            yield from self._walk(folder, b"")

    def _walk(self, folder: int, relative: bytes) -> Iterator[_Found | None]:
        """Yield when each entry was last written to and its path, or None for what is no file to take."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                path = joined(relative, name)
                reason = self._names.left(name, path)
                if path in self._skipped:
                    yield None
                elif reason:
                    self._seen.add(reason, path)
                    yield None
                elif entry.is_dir(follow_symlinks=False):
                    yield from self._enter(folder, name, path)
                elif self._names.is_picture(name):
                    yield self._file(entry, path)
                else:
                    self._leave_other(path)
                    yield None

    def _leave_other(self, path: bytes) -> None:
        """Leave alone what has no suffix of a picture, and log that once for each suffix."""
        self._seen.add(SUFFIX, path)
        suffix = os.path.splitext(path)[1].lower()
        if suffix not in self._suffixes and len(self._suffixes) < _MAX_SUFFIXES:
            self._suffixes.add(suffix)
            log.info("%s and its like are left alone: not the suffix of a picture", text(path))

    def _file(self, entry: os.DirEntry[str], path: bytes) -> _Found | None:
        try:
            return entry.stat(follow_symlinks=False).st_mtime_ns, path
        except OSError as error:
            self.leave(path, error)
            return None

    def _enter(self, above: int, name: bytes, path: bytes) -> Iterator[_Found | None]:
        if path.count(b"/") >= MAX_DEPTH:
            self.leave(path, OSError(errno.ENAMETOOLONG, f"in more than {MAX_DEPTH} folders"))
            return
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
