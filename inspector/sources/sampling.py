"""Owns which frames are sampled: one at random of each stretch of time or strip, before anybody knows what it shows.

Each stretch has an instant in it, drawn by a keyed hash: nobody without the key can tell it beforehand, and it is the
same after a restart. The first frame of the stretch that was captured at its instant or later is sampled. What counts
is the time of capture, not when a frame comes: files that come in a burst, or late, are of the stretches in which they
were made. Where a frame tells its place along a piece, stretches are of that piece, so a line that stands still or
runs slowly has no more of them.
"""

import hashlib
import logging
import math
import os
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from inspector.protocol.frames import FrameHeader
from inspector.record.position import Locator
from inspector.record.samples import SampledFrame
from inspector.settings.settings import EvidenceSettings

log = logging.getLogger(__name__)

#: The file in the data folder that holds the key, and its bytes.
KEY_FILE, KEY_BYTES = "sampling.key", 32
#: Largest number of stretches that are remembered, the last that had a frame.
MAX_STRETCHES = 10_000

Stretch = tuple[str, int]  # the piece, "" for a stretch of time; and its number


class Sampler:
    """Chooses among the frames of one source. Called once for each frame that is let in, by one thread."""

    def __init__(
        self,
        source: str,
        key: bytes,
        evidence: EvidenceSettings,
        locator: Locator,
        taken: Callable[[], Iterable[SampledFrame]] = tuple,
    ) -> None:
        """`taken` returns samples that are on record; it is asked when the first frame comes."""
        self._source = source
        self._key = key
        self._every_s = evidence.ok_every_s
        self._every_mm = evidence.ok_every_m * 1000
        self._locator = locator
        self._taken: Callable[[], Iterable[SampledFrame]] | None = taken
        self._instants: dict[Stretch, float] = {}  # from which on a frame is sampled; inf: one was

    def samples(self, frame: FrameHeader) -> bool:
        """Return whether the frame is sampled; its stretch then is done."""
        if self._taken is not None:
            taken, self._taken = self._taken(), None
            for sample in taken:
                self._mark(sample)
        stretch, at = self._stretch(frame)
        if stretch is None or at < self._instant(stretch):
            return False
        self._instants[stretch] = math.inf
        return True

    def _mark(self, sample: SampledFrame) -> None:
        """Note a sample of a former life: the record does not say whether it was taken by time or by place."""
        if self._every_s:
            self._instants["", int(sample.captured_at // self._every_s)] = math.inf
        if self._every_mm and sample.piece and sample.at_mm is not None:
            self._instants[sample.piece, int(sample.at_mm // self._every_mm)] = math.inf

    def _stretch(self, frame: FrameHeader) -> tuple[Stretch | None, float]:
        """Return the stretch that a frame is of and where in all of them it lies; None if nothing is sampled."""
        if self._every_mm:
            stated = self._locator.stated(frame)
            if stated.piece and stated.at_mm is not None:
                return (stated.piece, int(stated.at_mm // self._every_mm)), stated.at_mm / self._every_mm
        if self._every_s:
            return ("", int(frame.captured_at // self._every_s)), frame.captured_at / self._every_s
        return None, 0.0

    def _instant(self, stretch: Stretch) -> float:
        instant = self._instants.get(stretch)
        if instant is None:
            if len(self._instants) >= MAX_STRETCHES:
                self._instants.pop(next(iter(self._instants)))
            instant = self._instants[stretch] = stretch[1] + self._drawn(stretch)
        return instant

    def _drawn(self, stretch: Stretch) -> float:
        """Return a number from 0 to below 1 that belongs to the stretch."""
        text = "\0".join((self._source, *map(str, stretch)))
        drawn = hashlib.blake2b(text.encode("utf-8", "backslashreplace"), key=self._key, digest_size=6)
        return int.from_bytes(drawn.digest(), "big") / 2**48


def read_key(data: Path) -> bytes:
    """Return the key of the line, made where there is none; one for this life alone where it cannot be kept."""
    path = data / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
        log.warning("%s: %d bytes, a key has %d; remove it, and a new one is made", path, len(key), KEY_BYTES)
    except OSError as error:
        log.warning("%s: %s; until the next start frames are sampled by another key", path, error.strerror)
    return secrets.token_bytes(KEY_BYTES)


def _make_key(path: Path) -> None:
    """Make the key; of several sources that do so at once, the first one's is kept."""
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        mine.unlink()
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(mine, path)
    finally:
        mine.unlink()
