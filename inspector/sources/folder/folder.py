"""Owns the drop folder: which files are whole, whose they are while inspected, and where they go afterwards.

    drop/scan/a.bmp ──claim──▶ drop/.work/<lane>/scan/a.bmp ──on record──▶ drop/done/scan/a.bmp, or drop/failed/…

A file is claimed by renaming it, so nobody can swap it under us and a restart finds what was under way. Whoever has it
open may still write to it: then what is put away is not what was inspected, and it becomes an error beside its record.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from inspector.protocol.messages import Left
from inspector.protocol.verdicts import Judgement
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.sources.connector import Capture, Overload
from inspector.sources.crash_guard import CrashGuard
from inspector.sources.folder.archive import DONE, FAILED, Archive
from inspector.sources.folder.claims import Claim, Claims
from inspector.sources.folder.cleanup import Cleanup
from inspector.sources.folder.left_alone import NameFilter
from inspector.sources.folder.ownership import WORK, OwnedFolder, joined, split, text
from inspector.sources.folder.reader import Content, Reader, Version, version_of
from inspector.sources.folder.scanner import Scanner
from inspector.vocabulary import Outcome

log = logging.getLogger(__name__)

#: Seconds between attempts to move away what could not be moved.
RETRY_S = 1.0
#: Earliest plausible time of a file, seconds since 1970, and how many seconds it may lie in the future: an earlier
#: one is of a clock that was never set.
_EARLIEST_S, _LATEST_S = 946_684_800.0, 1.0
_LATE = "written to after it was taken: frame {} on record is of other bytes; write under another name, then rename"


class Folder:
    """Reads each file once it is whole; see connector.Connector. One process at a time: a lock holds others off."""

    patient = True
    overload = Overload("block")

    def __init__(
        self,
        settings: FolderSourceSettings,
        clock: Callable[[], float] = time.monotonic,
        guard: CrashGuard | None = None,
    ) -> None:
        """`guard` remembers which file is read."""
        self._settings = settings
        self._clock = clock
        self._owned = OwnedFolder(os.fsencode(settings.path.absolute()))
        self._reader = Reader(self._owned, guard or CrashGuard(), settings.bit_depth)
        skipped = {name.encode() for name in (WORK, DONE, FAILED)}
        self._scanner = Scanner(self._owned, skipped, NameFilter(settings.ignore), settings.rescan_s, clock)
        self._claims = Claims(self._owned)
        self._claimed: dict[str, tuple[Claim, Version]] = {}  # by frame, with the content that was inspected
        self._late: deque[Capture] = deque()  # what was written to while it was inspected
        self._vanished = 0
        self._archive = Archive(self._owned, self._claims.forget)
        self._cleanup = Cleanup(settings)
        self._next_retry = 0.0

    def open(self) -> list[Capture]:
        """Take the folder over; return what a former life had claimed. Raise BusyError if another process has it."""
        self._owned.take([DONE.encode(), FAILED.encode()])
        self._archive.clear()  # what is on record must not be taken for what is under way
        self._cleanup.close()
        self._cleanup = Cleanup(self._settings)
        self._cleanup.start()
        self._scanner.open()
        self._late.clear()  # it is left over, too
        left_over = self._claims.left_over()
        self._claims.secure()
        return sorted(map(self._capture, left_over), key=lambda capture: (capture.captured_at, capture.name))

    def read(self) -> Capture | None:
        """Return the next whole file, claimed and decoded; None if there is none now.

        Raise OSError if the folder is gone, or another one is where it was.
        """
        # Taking more while nothing can be moved away would fill .work/ without an end.
        if self._archive.problem and not self._retry_archive():
            return None
        if self._late:
            return self._late.popleft()
        while (relative := self._scanner.next()) is not None:
            capture = self._consider(relative)
            if capture is not None:
                return capture
        return None

    def due_ms(self) -> float:
        """Return the time to the next scan; 0 while one is under way."""
        if self._archive.problem:
            return max(0.0, (self._next_retry - self._clock()) * 1000)
        return 0.0 if self._late else self._scanner.due_ms()

    def wake(self) -> int | None:
        """Return the scanner's descriptor."""
        return self._scanner.wake()

    def secure(self) -> None:
        """Sync what was claimed since the last call, all at once."""
        self._claims.secure()

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """Move the file to done/, or to failed/ if it ended as an error. One that cannot be moved stays claimed.

        One that holds another picture by now is another frame, an error.
        """
        claim, version = self._claimed.pop(capture.frame)
        failed = outcome == "error"
        if not failed and capture.pixels is None:
            # Only one of a former life: its bytes were not on disk yet when the power went, or someone wrote to it.
            log.warning("%s is on record as %s and holds no picture any more", self._shown(claim.relative), outcome)
            failed = True
        elif not failed and self._was_written_to(claim, version, capture):
            reason = _LATE.format(claim.frame)
            log.warning("%s: %s", self._shown(claim.relative), reason)
            if self._took_again(claim, reason):
                return
            failed = True
        self._archive.put(claim.path, claim.relative, capture.frame, failed)

    def missed(self) -> dict[str, int]:
        """Return the number of files that were whole and went away before they could be claimed: `vanished`."""
        vanished, self._vanished = self._vanished, 0
        return {"vanished": vanished} if vanished else {}

    def left(self) -> list[Left]:
        """Return what the last scan left alone, and what stays in done/ and failed/."""
        return [*self._scanner.left, *self._cleanup.left]

    def problem(self) -> str:
        """Return why nothing is taken now: what is on record could not be moved away."""
        return self._archive.problem

    def close(self) -> None:
        """Give the folder back; what is claimed stays claimed for the next life."""
        self._scanner.close()
        self._cleanup.close()
        self._owned.release()

    def _retry_archive(self) -> bool:
        if self._clock() < self._next_retry:
            return False
        self._next_retry = self._clock() + RETRY_S
        self._owned.check()
        return self._archive.clear()

    def _consider(self, relative: bytes) -> Capture | None:
        """Claim and decode the file if it is whole; otherwise leave it where it is."""
        whole = False
        try:
            status, content = self._look_at(relative)
            quiet_s = self._scanner.quiet_s(status)  # any change to the file starts the wait anew
            if quiet_s < self._settings.incomplete_wait_s and content is None:
                self._scanner.again_in(self._settings.settle_ms / 1000)
                return None
            whole = True
            came_ns = status.st_ctime_ns if self._scanner.came(status) else None
            return self._capture(self._claims.take(relative), content, came_ns)
        except OSError as error:
            if whole and isinstance(error, FileNotFoundError):
                self._owned.check()  # a whole share that went away comes back with its files
                self._vanished += 1
                log.warning(
                    "%s was whole, and someone took it away before it could be inspected", self._shown(relative)
                )
            self._scanner.leave(relative, error)
            return None

    def _look_at(self, relative: bytes) -> tuple[os.stat_result, Content | None]:
        """Return the file's status, and its content if the file is whole and may have become so just now."""
        above, name = split(relative)
        with self._owned.folder(above) as folder:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            quiet_s = self._scanner.quiet_s(status)
            if self._settings.settle_ms / 1000 <= quiet_s < self._settings.incomplete_wait_s:
                return status, self._reader.read_dropped(folder, relative, status)
        return status, None

    def _capture(self, claim: Claim, known: Content | None = None, came_ns: int | None = None) -> Capture:
        """Return the frame of a claimed file; `known` was read before the claim and counts for the same version.

        `came_ns`: when the file came, by the file system's clock, where that was seen.
        """
        content = self._reader.read_claimed(claim.path, claim.relative, known)
        self._claimed.setdefault(claim.frame, (claim, content.version))
        own = self._time(content.version, came_ns, content.began_at)
        return Capture(
            frame=claim.frame,
            name=text(claim.relative)[:4096],
            captured_at=content.began_at if own is None else own,
            captured_mono=content.began_mono,
            pixels=content.pixels,
            reason=content.reason,
            decode_s=content.decode_s,
            timed=own is not None,
        )

    def _time(self, version: Version, came_ns: int | None, now: float) -> float | None:
        """Return when the file was made: when it was last written to, or came, if that was seen; else None."""
        for time_ns in (*version[2:], came_ns):
            if time_ns is not None and _EARLIEST_S < (at := self._scanner.time_of(time_ns)) < now + _LATEST_S:
                return min(at, now)
        return None

    def _was_written_to(self, claim: Claim, version: Version, capture: Capture) -> bool:
        """Return whether the file holds another picture than was inspected.

        Its time proves nothing: copies set it late.
        """
        above, name = split(claim.path)
        try:
            with self._owned.folder(above) as folder:
                if version_of(os.stat(name, dir_fd=folder, follow_symlinks=False)) == version:
                    return False
        except OSError:
            return False  # someone took it: there is nothing to put away
        pixels = self._reader.read_claimed(claim.path, claim.relative).pixels
        return capture.pixels is None or pixels is None or not np.array_equal(pixels, capture.pixels)

    def _took_again(self, claim: Claim, reason: str) -> bool:
        """Make a frame of its own, an error, of what lies there now; return False if it cannot be renamed."""
        try:
            again = self._claims.take_again(claim)
        except OSError:
            return False
        self._claimed[again.frame] = (again, ())
        late = Capture(
            frame=again.frame,
            name=text(again.relative)[:4096],
            captured_at=time.time(),
            captured_mono=time.monotonic(),
            pixels=None,
            reason=reason,
        )
        self._late.append(late)
        return True

    def _shown(self, path: bytes) -> str:
        """Return a path below the drop folder for people."""
        return text(joined(self._owned.root, path))
