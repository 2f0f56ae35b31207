"""Owns the replay of a recorded run: its evidence again, in its order and at its own pace, under the same names."""

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from inspector.errors import ImageError
from inspector.protocol.messages import Left
from inspector.protocol.verdicts import Judgement
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.sources.connector import Capture, Overload
from inspector.sources.crash_guard import CrashGuard
from inspector.vision import image
from inspector.vocabulary import Outcome

log = logging.getLogger(__name__)

#: Records read in a row; most have no picture.
_PAGE = 256
#: Seconds of the longest pause that is replayed; a night or a stop of the run was longer.
MAX_PAUSE_S = 10.0
#: Seconds of delay, by want of room, after which the run goes on from there instead of catching up.
_LATE_S = 1.0


class Replay:
    """Reads another line's record and evidence, and waits while there is no room. It ends with the record."""

    patient = False
    overload = Overload("block")

    def __init__(
        self,
        settings: ReplaySourceSettings,
        clock: Callable[[], float] = time.monotonic,
        guard: CrashGuard | None = None,
    ) -> None:
        """`guard` remembers what is read."""
        self._settings = settings
        self._guard = guard or CrashGuard()
        self._clock = clock
        self._epoch = f"{time.time_ns():x}"
        self._sequence = 0
        self._store: Store | None = None
        self._after_id = 0
        self._records: deque[Record] = deque()
        self._last_at: float | None = None  # when the last frame was captured, in its run
        self._next_at = 0.0
        self._ended = False

    def open(self) -> list[Capture]:
        """Open the record. Raise StoreError if there is none."""
        self.close()
        self._store = Store(self._settings.path, read_only=True)
        return []

    def read(self) -> Capture | None:
        """Return the next picture if it is due."""
        if not self._records and not self._ended:
            self._look_further()
        if not self._records or self._clock() < self._next_at:
            return None
        record = self._records.popleft()
        self._set_pace()
        return self._capture(record)

    def due_ms(self) -> float:
        """Return the time to the next picture; 0 while one is searched."""
        if self._records:
            return max(0.0, (self._next_at - self._clock()) * 1000)
        return math.inf if self._ended else 0.0

    def wake(self) -> None:
        """Return None: frames come by the clock."""

    def secure(self) -> None:
        """Do nothing: what is replayed ends with this process."""

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """Do nothing: the recorded run stays as it is."""

    def missed(self) -> dict[str, int]:
        """Return nothing: a picture that is gone is an error on record."""
        return {}

    def left(self) -> list[Left]:
        """Return nothing: frames are taken as they come."""
        return []

    def problem(self) -> str:
        """Return no problem: a run that is over is none."""
        return ""

    def close(self) -> None:
        """Close the record."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _look_further(self) -> None:
        """Read one page of records: a call must not take longer than a frame."""
        if self._store is None:
            return
        page = list(self._store.records(Query(oldest_first=True, after_id=self._after_id, limit=_PAGE)))
        if not page:
            self._ended = True
            log.info("%s: replayed to its end, %d pictures", self._settings.path, self._sequence)
            return
        self._after_id = page[-1].id
        self._records.extend(record for record in page if record.evidence)
        self._set_pace()

    def _set_pace(self) -> None:
        """Set when the next of the known pictures is due."""
        if not self._records:
            return
        captured_at, now = self._records[0].captured_at, self._clock()
        if self._last_at is None:
            self._last_at, self._next_at = captured_at, now
        pause = min(MAX_PAUSE_S, max(0.0, captured_at - self._last_at))
        self._last_at = captured_at
        speed = self._settings.speed
        self._next_at = max(self._next_at, now - _LATE_S) + (0.0 if speed is None else pause / speed)

    def _capture(self, record: Record) -> Capture:
        key, pixels = f"record {record.id}", None
        if not (reason := self._guard.refusal(key)):
            with self._guard.reading(key, record.evidence):
                try:
                    pixels = image.read(Path(record.evidence))
                except ImageError as error:
                    reason = f"its evidence: {error}"
                except OSError as error:
                    reason = f"its evidence cannot be read: {error.strerror}"
        frame = f"{self._epoch}-{self._sequence}"
        self._sequence += 1
        return Capture(
            frame=frame,
            name=record.name,
            captured_at=time.time(),
            captured_mono=time.monotonic(),
            pixels=pixels,
            reason=reason,
            piece=record.piece,
            at_mm=record.at_mm,
        )
