"""Owns the drop folder: which files are whole, whose they are while inspected, and where they go afterwards.

    drop/scan/a.bmp ──claim──▶ drop/.work/0/scan/a.bmp ──on record──▶ drop/done/scan/a.bmp, or drop/failed/…

A file is claimed by renaming it, so nobody can swap it under us and a restart finds what was under way.
"""

import contextlib
import errno
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector import image
from inspector.decide import Outcome
from inspector.errors import ImageError
from inspector.formats.outline import Truncated
from inspector.source_settings import FolderSource
from inspector.sources.clearance import Clearance
from inspector.sources.connector import Capture, Overload
from inspector.sources.hand import Hand
from inspector.sources.hold import WORK, Hold, text
from inspector.sources.scan import Scan
from inspector.sources.shelf import DONE, FAILED, Shelf

log = logging.getLogger(__name__)

#: How often what could not be moved away is tried again.
RETRY_S = 1.0
#: Files of one name that can be under way: more than delivery.in_flight_frames allows.
_MAX_LANES = 5000


@dataclass(frozen=True, slots=True)
class _Content:
    """A file's bytes and which version of the file they are."""

    data: bytes
    version: tuple[int, ...]


class Folder:
    """Reads each file once it is whole; see connector.Connector. One process at a time: a lock holds others off."""

    patient = True
    overload = Overload("block")

    def __init__(
        self, settings: FolderSource, clock: Callable[[], float] = time.monotonic, hand: Hand | None = None
    ) -> None:
        """`hand` shows which file is read."""
        self._settings = settings
        self._hand = hand or Hand()
        self._clock = clock
        self._root = os.fsencode(settings.path.absolute())
        self._work = os.path.join(self._root, WORK.encode())
        self._hold = Hold(self._root)
        skipped = {os.path.join(self._root, name.encode()) for name in (WORK, DONE, FAILED)}
        clock_file = os.path.join(self._work, b".clock")
        self._scan = Scan(self._root, skipped, clock_file, settings.rescan_s, self._hold.check, clock)
        self._claims: dict[str, tuple[bytes, bytes]] = {}  # frame id -> (path below the root, path while claimed)
        self._vanished = 0
        self._shelf = Shelf(self._root, self._hold)
        self._clearance = Clearance(settings)
        self._next_retry = 0.0
        self._claimed: set[bytes] = set()  # the lock makes us the only one who puts files there

    def open(self) -> list[Capture]:
        """Take the folder over. Returns what a former life had claimed. BusyError where another process has it."""
        self._hold.take([DONE.encode(), FAILED.encode()])
        self._shelf.clear()  # what is on record must not be taken for what is under way
        self._clearance.close()
        self._clearance = Clearance(self._settings)
        self._clearance.start()
        self._scan.open()
        return [self._capture(path, relative) for path, relative in self._left_over()]

    def read(self) -> Capture | None:
        """The next whole file, claimed and decoded; None where there is none now.

        OSError: the folder is gone, or another one is where it was.
        """
        # Taking more while nothing can be moved away would fill .work/ without an end.
        if self._shelf.problem and not self._retry_shelf():
            return None
        while (entry := self._scan.look()) is not None:
            capture = self._consider(entry)
            if capture is not None:
                return capture
        return None

    def due_ms(self) -> float:
        """Time to the next scan; 0 while one is under way."""
        if self._shelf.problem:
            return max(0.0, (self._next_retry - self._clock()) * 1000)
        return self._scan.due_ms()

    def wake(self) -> int | None:
        """The scan's descriptor."""
        return self._scan.wake()

    def recorded(self, capture: Capture, outcome: Outcome) -> None:
        """Move the file to done/, or to failed/ where it ended as an error. One that cannot be moved stays claimed."""
        relative, claimed = self._claims.pop(capture.frame)
        self._claimed.discard(claimed)
        self._shelf.put(claimed, relative, capture.frame, failed=outcome == "error")

    def missed(self) -> dict[str, int]:
        """Files that were whole and went away before they could be claimed: `vanished`."""
        vanished, self._vanished = self._vanished, 0
        return {"vanished": vanished} if vanished else {}

    def problem(self) -> str:
        """Why nothing is taken now: what is on record could not be moved away."""
        return self._shelf.problem

    def close(self) -> None:
        """Give the folder back; what is claimed stays claimed for the next life."""
        self._scan.close()
        self._clearance.close()
        self._hold.let_go()

    def _retry_shelf(self) -> bool:
        if self._clock() < self._next_retry:
            return False
        self._next_retry = self._clock() + RETRY_S
        self._hold.check()
        return self._shelf.clear()

    def _consider(self, entry: os.DirEntry[bytes]) -> Capture | None:
        """Claim and decode the file if it is whole; otherwise leave it where it is."""
        whole = False
        try:
            quiet_s = self._scan.quiet_s(entry)  # any change to the file starts the wait anew
            content = None
            if quiet_s < self._settings.incomplete_wait_s:
                content = self._whole_content(entry.path) if quiet_s * 1000 >= self._settings.settle_ms else None
                if content is None:
                    self._scan.again_in(self._settings.settle_ms / 1000)
                    return None
            whole = True
            relative = entry.path[len(self._root) + 1 :]
            return self._capture(self._claim(entry.path, relative), relative, content)
        except OSError as error:
            if whole and isinstance(error, FileNotFoundError):
                self._hold.check()  # a whole share that went away comes back with its files
                self._vanished += 1
                log.warning("%s was whole, and someone took it away before it could be inspected", text(entry.path))
            self._scan.leave(entry.path, error)
            return None

    def _whole_content(self, path: bytes) -> _Content | None:
        """What is in the file, or None while it lacks its end or cannot be opened: that may still come."""
        hopeless = _Content(b"", ())  # at once: what is wrong is found again under its claim
        status = os.lstat(path)
        key = _key(path[len(self._root) + 1 :], status)
        if self._hand.ended(key):
            return hopeless
        try:
            with self._hand.holding(key, text(path)):
                content = _Content(image.read_file(path), _version(status))
                return None if image.incomplete(content.data) else content
        except (PermissionError, Truncated):
            return None
        except ImageError:
            return hopeless

    def _claim(self, path: bytes, relative: bytes) -> bytes:
        """Rename the file into the first lane of .work/ that has nothing of this name."""
        for lane in range(_MAX_LANES):
            claimed = os.path.join(self._work, b"%d" % lane, relative)
            if claimed not in self._claimed and not self._shelf.holds(claimed):
                with contextlib.suppress(NotADirectoryError, IsADirectoryError, FileExistsError):
                    self._hold.rename(path, claimed)
                    return claimed
                # One lane further: a folder has the file's name here, or a file the name of one of its folders.
        raise FileExistsError(errno.EEXIST, "too many files of this name are under way")

    def _capture(self, claimed: bytes, relative: bytes, content: _Content | None = None) -> Capture:
        """Decode a claimed file; `content` was read before the claim and counts if it is still the same file.

        The frame's id holds the moment of the claim: the rename set the file's ctime, and nothing changes it until
        the next. So a restart finds the same id, and a file dropped again, even moved back from done/, has another.
        """
        status = os.lstat(claimed)
        identity = (claimed[len(self._work) :], _version(status), status.st_ctime_ns)
        frame = hashlib.blake2b(repr(identity).encode(), digest_size=16).hexdigest()
        self._claims[frame] = (relative, claimed)
        self._claimed.add(claimed)
        captured_at, captured_mono = time.time(), time.monotonic()
        known = content.data if content and content.version == _version(status) else None
        pixels, reason = self._decode(claimed, _key(relative, status), known)
        decode_s = time.monotonic() - captured_mono
        return Capture(frame, text(relative)[:4096], captured_at, captured_mono, pixels, reason, decode_s=decode_s)

    def _decode(self, claimed: bytes, key: str, known: bytes | None) -> tuple[NDArray[np.uint8] | None, str]:
        """The pixels of a claimed file of which all bytes are `known`, or have to be read; None, and why not."""
        if reason := self._hand.ended(key):
            return None, reason
        try:
            with self._hand.holding(key, text(claimed)):
                data = image.read_file(claimed) if known is None else known
                return image.decode(data, self._settings.bit_depth), ""
        except ImageError as error:
            return None, str(error)
        except OSError as error:
            return None, f"cannot be read: {error.strerror}"

    def _left_over(self) -> Iterator[tuple[bytes, bytes]]:
        for lane in sorted(os.listdir(self._work)):
            if lane.isdigit():
                base = os.path.join(self._work, lane)
                for folder, folders, files in os.walk(base):
                    links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
                    for name in files + links:
                        path = os.path.join(folder, name)
                        yield path, os.path.relpath(path, base)


def _version(status: os.stat_result) -> tuple[int, ...]:
    """What tells one content of a name from the next: a new file has another inode, a rewritten one another time."""
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _key(relative: bytes, status: os.stat_result) -> str:
    """What one content of a name is called in the source's hand. No inode: on some shares it changes at a remount."""
    content = relative + b"/%d-%d" % (status.st_size, status.st_mtime_ns)
    return hashlib.blake2b(content, digest_size=16).hexdigest()
