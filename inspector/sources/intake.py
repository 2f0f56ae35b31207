"""Owns what comes into a source: a connector opened, lost and opened again, and its frames admitted or counted."""

import logging
import math
import time
from collections.abc import Callable

from inspector.protocol.messages import Left
from inspector.protocol.verdicts import Settled
from inspector.record.gaps import STALLED
from inspector.sources.backoff import Backoff
from inspector.sources.connector import Capture, Connector
from inspector.sources.delivery.ledger import Ledger
from inspector.sources.delivery.outages import Outages
from inspector.sources.optics.monitor import OpticsMonitor

log = logging.getLogger(__name__)

#: Frames captured in a row, and secured together, before workers and sink have their turn again.
CAPTURE_BURST = 16


class Intake:
    """Captures frames into a ledger while it has room, and drops the others by the connector's policy."""

    def __init__(
        self,
        connector: Connector,
        ledger: Ledger,
        outages: Outages,
        monitor: OpticsMonitor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`outages` gets what is not inspected, `monitor` sees the pictures that come."""
        self.last_frame_at = 0.0  # since 1970
        self._connector = connector
        self._ledger = ledger
        self._outages = outages
        self._clock = clock
        self._monitor = monitor
        self._open = False
        self._next_open = -math.inf
        self._backoff = Backoff()
        self._frame_since_open = False
        self._frames_seen = 0
        self._lost = ""  # why the connector was lost, until it captures again and that is on record
        self._lost_reported = math.inf  # the first tally with that reason
        self._tallied = 0  # the last of them that is on record

    def open(self) -> list[Capture] | None:
        """Open the connector if it is time to; return its frames of a former life, None if it is not open."""
        if self._clock() < self._next_open:
            return None
        try:
            former = self._connector.open()
        except OSError as error:
            self._lose(error)
            return None
        self._open = True
        return former

    def capture(self) -> bool:
        """Read what there is room for; return whether there may be more at once."""
        if not self._open and not self._reopen():
            return False
        burst: list[Capture] = []
        more, lost = False, None
        try:
            more = self._read(burst)
        except OSError as error:
            lost = error
        try:
            if burst:
                self._connector.secure()
        except OSError as error:  # none of them is given to a worker: they come again when it is open again
            burst, more, lost = [], False, lost or error
        for capture in burst:
            self._admit(capture)
        if lost is not None:
            self._lose(lost)
        return more

    def due_ms(self) -> float:
        """Return for how long `capture` has nothing to do, unless `wake` becomes readable or a frame is on record."""
        if not self._open:
            return max(0.0, (self._next_open - self._clock()) * 1000)
        return math.inf if self._waits_for_room else self._connector.due_ms()

    def wake(self) -> int | None:
        """Return a descriptor that becomes readable when there may be a frame; None if none could be captured."""
        # Without room, a folder into which ever more files come must not keep the source awake.
        return self._connector.wake() if self._open and not self._waits_for_room else None

    def problem(self, tally: int) -> str:
        """Return why nothing is captured, for the `tally`th tally.

        A lost source is back when it has no problem, not when it tries. The loss is reported until it is on record: the
        sink keeps one tally per second, and a shorter loss is a gap, too.
        """
        problem = self._connector.problem() if self._open else self._lost
        if self._lost and not problem and self._tallied >= self._lost_reported:
            log.info("source is back")
            self._lost = ""
        self._lost_reported = min(self._lost_reported, tally)
        return (self._lost or problem)[:1024]

    def on_record(self, tally: int) -> None:
        """Note that the `tally`th tally is on durable record."""
        self._tallied = tally

    def drop_oldest(self, reason: str) -> bool:
        """Give up the oldest frame that no worker ever had; return whether there was one."""
        if dropped := self._ledger.drop_oldest(reason):
            self._outages.add(reason, dropped.captured_at, dropped.captured_at)
        return dropped is not None

    @property
    def patient(self) -> bool:
        """Whether frames outlive this process where they come from: files do."""
        return self._connector.patient

    def recorded(self, capture: Capture, settled: Settled) -> None:
        """Let go of a frame that is on durable record."""
        self._connector.recorded(capture, settled.outcome, settled.judgement)

    def left(self) -> list[Left]:
        """Return what lies where frames come from and is left there."""
        return self._connector.left()

    def close(self) -> None:
        """Disconnect."""
        self._connector.close()

    @property
    def _waits_for_room(self) -> bool:
        return self._connector.overload.policy == "block" and not self._ledger.room

    def _read(self, burst: list[Capture]) -> bool:
        """Read what there is room for, into `burst`; return whether there may be more at once."""
        waits = self._connector.overload.policy == "block"
        for _ in range(CAPTURE_BURST):
            if waits and not self._ledger.room_beside(burst):
                return False
            capture = self._connector.read()
            for reason, count in self._connector.missed().items():
                self._ledger.miss(reason, count)
                self._outages.add(reason, time.time(), time.time())
            if capture is None:
                return False
            burst.append(capture)
        return True

    def _reopen(self) -> bool:
        former = self.open()
        known = set(self._ledger.frames)
        for capture in former or []:
            if capture.frame not in known:
                self._ledger.capture(capture)
        return former is not None

    def _lose(self, error: OSError) -> None:
        if (lost := f"lost: {error}") != self._lost:
            log.warning("source %s; it is opened again and again", lost)
            self._lost, self._lost_reported = lost, math.inf
        if self._frame_since_open and not self._connector.patient:
            # Until now the next frame might still have come.
            self._outages.add(STALLED, self.last_frame_at, time.time())
        self._connector.close()
        self._open = self._frame_since_open = False
        self._next_open = self._clock() + self._backoff.next(self._clock())

    def _admit(self, capture: Capture) -> None:
        # A file may have waited for a long time; this is about whether any come.
        self.last_frame_at = time.time() if self._connector.patient else capture.captured_at
        self._frame_since_open = True
        self._frames_seen += 1
        if self._monitor and capture.pixels is not None:
            self._monitor.see(capture.pixels, time.time())
        overload, full = self._connector.overload, not self._ledger.room
        if self._frames_seen % overload.every:
            self._miss("every", capture)
        elif full and overload.policy == "newest":
            self._miss("overload", capture)
        else:
            self._ledger.capture(capture)
            if full:
                self.drop_oldest("overload")

    def _miss(self, reason: str, capture: Capture) -> None:
        self._ledger.miss(reason, 1)
        self._outages.add(reason, capture.captured_at, capture.captured_at)
