"""Owns what leaves done/ and failed/: by age and by bytes, the oldest first, and nothing unless a setting says so.

No link below them is followed: what it leads to is not ours to delete, not even where it was a folder a moment ago.
"""

import contextlib
import heapq
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

from inspector.host.age_clock import AgeClock, since_boot
from inspector.host.regular_file import opened
from inspector.protocol.messages import KEPT, Left
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.folder.archive import DONE, FAILED
from inspector.sources.folder.ownership import WORK, entered, text

log = logging.getLogger(__name__)

#: Seconds between walks of both folders.
EVERY_S = 600.0
_DAY_S = 86_400.0
#: Files, the oldest, that are remembered at once, however many there are.
_BATCH = 10_000


class Cleanup:
    """Clears one drop folder's done/ and failed/, beside the source that fills them."""

    def __init__(
        self,
        settings: FolderSourceSettings,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = since_boot,
    ) -> None:
        """`clock` gives seconds since 1970, `uptime` seconds that nobody can set."""
        root = os.fsencode(settings.path.absolute())
        self._work = os.path.join(root, WORK.encode())
        rules = (
            (DONE, settings.keep_done_days, settings.keep_done_mb),
            (FAILED, settings.keep_failed_days, settings.keep_failed_mb),
        )
        self._rules = [
            (os.path.join(root, name.encode()), days, megabytes)
            for name, days, megabytes in rules
            if days is not None or megabytes is not None
        ]
        self._clock = clock
        self._uptime = uptime
        self._age_clocks: dict[bytes, AgeClock] = {}
        self._doubted: list[Left] = []  # by the sweep under way
        #: What should have gone at the last sweep and did not, and why.
        self.left: list[Left] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clearance", daemon=True)

    def start(self) -> None:
        """Begin to clear now and then, if there is a rule."""
        if self._rules and not self._thread.is_alive():
            self._thread.start()

    def close(self) -> None:
        """Stop; what is not cleared yet is cleared in the next life."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> int:
        """Delete what the rules no longer keep; return how many files. Raise OSError if a folder cannot be read."""
        deleted, self._doubted = 0, []
        for folder, days, megabytes in self._rules:
            if days is not None:
                deleted += self._retire(folder, days * _DAY_S)
            if megabytes is not None:
                deleted += self._fit(folder, megabytes * 1_000_000)
        self.left = self._doubted
        return deleted

    def _retire(self, folder: bytes, age_s: float) -> int:
        """Delete what is too old by a clock that is believed, a share at a time: see age_clock."""
        stood = os.path.join(self._work, b".%s-clock" % os.path.basename(folder))
        if folder not in self._age_clocks:
            known = _read(stood) or max((moved_at for moved_at, *_ in self._files(folder)), default=None)
            self._age_clocks[folder] = AgeClock(age_s, known, self._clock, self._uptime)
        clock = self._age_clocks[folder]
        doubted, too_old = clock.doubt, clock.too_old()
        if clock.doubt and not doubted:
            log.warning("%s: the clock is %s", os.fsdecode(folder), clock.doubt)
        with (
            contextlib.suppress(FileNotFoundError),
            open(stood, "w", opener=opened) as file,
        ):  # no .work/: the share is away
            file.write(f"{clock.trusted:.0f}")
        if too_old is None:
            self._hold_back(folder, clock)
            return 0
        return sum(self._delete(folder, path) for moved_at, _, path in self._files(folder) if moved_at < too_old)

    def _hold_back(self, folder: bytes, clock: AgeClock) -> None:
        """Note what would be too old if the clock were believed."""
        too_old = self._clock() - clock.age_s
        if count := sum(moved_at < too_old for moved_at, *_ in self._files(folder)):
            self._doubted.append(Left(KEPT, count, f"those in {text(folder)}: the clock is {clock.doubt}"[:1024]))

    def _fit(self, folder: bytes, budget: int) -> int:
        deleted = 0
        excess = sum(size for _, size, _ in self._files(folder)) - budget
        while excess > 0 and not self._stop.is_set():
            gone = 0
            for _, size, path in heapq.nsmallest(_BATCH, self._files(folder)):
                if excess > 0 and self._delete(folder, path):
                    excess -= size
                    gone += 1
            deleted += gone
            if not gone:
                break
        return deleted

    def _files(self, folder: bytes) -> Iterator[tuple[float, int, bytes]]:
        """Yield when each file was put there (no writer can set a ctime), its size and its path."""
        with contextlib.suppress(FileNotFoundError):
            for where, _, names, descriptor in os.fwalk(os.path.join(folder, b"")):  # it may itself be a link
                for name in names:
                    if self._stop.is_set():
                        return
                    with contextlib.suppress(FileNotFoundError):
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                        yield status.st_ctime, status.st_size, os.path.join(where, name)

    @staticmethod
    def _delete(folder: bytes, path: bytes) -> bool:
        above, name = os.path.split(path[len(folder) + 1 :])
        try:
            root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with entered(root, above) as place:
                    os.unlink(name, dir_fd=place)  # its folder stays: the source may be about to put a file there
            finally:
                os.close(root)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _run(self) -> None:
        trouble = ""
        while not self._stop.is_set():
            try:
                if deleted := self.sweep():
                    log.info("%d files of done/ and failed/ deleted, by age or bytes", deleted)
                trouble = ""
            except OSError as error:
                if str(error) != trouble:
                    log.warning("done/ and failed/ cannot be cleared: %s", error)
                trouble = str(error)
                self.left = [Left(KEPT, 1, f"one in done/ or failed/: {trouble}"[:1024])]
            self._stop.wait(EVERY_S)


def _read(path: bytes) -> float | None:
    """Return where the clock stood in a former life; None if that is not known."""
    try:
        with open(path, opener=opened) as file:
            return float(file.read(32))
    except (OSError, ValueError):
        return None
