"""Owns the life of a source: capture, hand out by credit, let go of what is on record. `factory` puts one together.

A connector only opens, reads, closes: `folder`, `cameras`, `push`, `replay`, `simulated`. What they share is written
once: taking in and reconnecting in `intake`, a frame's way onto the record in `delivery`.
"""

import logging
import math
import time
from collections.abc import Callable

from inspector.protocol.control import WorkerGone
from inspector.protocol.messages import Ack, Pulse, Welcome
from inspector.protocol.sockets import Poller
from inspector.protocol.verdicts import Settled
from inspector.record.gaps import RECORD_LOST
from inspector.sources.connector import Capture
from inspector.sources.delivery.dispatcher import Dispatcher
from inspector.sources.delivery.ledger import Ledger
from inspector.sources.delivery.outages import Outages
from inspector.sources.delivery.sink_link import TALLY_S, SinkLink
from inspector.sources.delivery.supervisor_link import SupervisorLink
from inspector.sources.intake import Intake

log = logging.getLogger(__name__)


class Source:
    """Runs one connector until it is to stop, then until its last frame is on record."""

    def __init__(
        self,
        ledger: Ledger,
        outages: Outages,
        intake: Intake,
        dispatcher: Dispatcher,
        sink: SinkLink,
        supervisor: SupervisorLink,
        drain_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`drain_s`: how long it waits, once it is to stop, for what is in flight to be on record."""
        self._ledger = ledger
        self._outages = outages
        self._intake = intake
        self._dispatcher = dispatcher
        self._sink = sink
        self._supervisor = supervisor
        self._drain_s = drain_s
        self._clock = clock
        self._began_at = time.time()

    def run(self) -> None:
        """Serve until it is to stop; returns when everything in flight is on record, or `drain_s` after that."""
        try:
            self._dispatcher.open()
            self._sink.open()
            former = self._open_at_last()
            if former is not None and self._introduce(former):
                self._supervisor.ready(self._ledger.source)
                self._serve()
        finally:
            self._intake.close()
            self._dispatcher.close()
            self._sink.close()

    def _open_at_last(self) -> list[Capture] | None:
        """Open the connector however long it takes; None if the source is to stop before that."""
        while not self._supervisor.stopping:
            former = self._intake.open()
            if former is not None:
                return former
            Poller([self._sink.dealer]).wait(min(TALLY_S * 1000, self._intake.due_ms()))
        return None

    def _introduce(self, former: list[Capture]) -> bool:
        """Present the source and take over its former life's frames; False if it is to stop before that."""
        frames = [capture.frame for capture in former]
        poller = Poller([self._sink.dealer])
        while not self._supervisor.stopping:
            self._sink.introduce(frames)
            if poller.wait(TALLY_S * 1000):
                for message in self._sink.receive():
                    if isinstance(message, Welcome):
                        self._begin(message, former)
                        return True
        return False

    def _begin(self, welcome: Welcome, former: list[Capture]) -> None:
        """Go on from what the sink has on record of the former life."""
        on_record = {settled.frame: Settled(settled.frame, settled.outcome) for settled in welcome.recorded}
        kept = [capture for capture in former if capture.frame not in on_record]
        if self._ledger.resume(welcome.captured, welcome.outcomes, welcome.dropped, len(kept)):
            self._outages.add("source_lost", welcome.since, time.time())
        for capture in former:
            if capture.frame in on_record:
                self._intake.recorded(capture, on_record[capture.frame])
            else:
                self._ledger.capture(capture)
        self._sink.begin(welcome)
        log.info("%d frames taken over, %d of them already on record", len(former), len(former) - len(kept))

    def _serve(self) -> None:
        poller = Poller([self._dispatcher.router, self._sink.dealer], self._supervisor.descriptors)
        give_up_at = math.inf
        while not (self._supervisor.stopping and (not self._ledger.in_flight or self._clock() > give_up_at)):
            self._outages.turn()
            stopping = self._supervisor.stopping
            if stopping:
                give_up_at = min(give_up_at, self._clock() + self._drain_s)
            more = not stopping and self._intake.capture()
            if not stopping:
                self._dispatcher.offer_canary()
            self._dispatcher.hand_out()
            self._sink.report()
            self._sink.send_tally_when_due()
            idle_ms = 0.0 if more else self._sink.tally_due_ms
            if stopping:
                poller.wait(idle_ms)
            else:
                poller.wait(min(idle_ms, self._intake.due_ms()), self._intake.wake())
            self._receive()
        self._end()

    def _receive(self) -> None:
        """Take in what workers, sink and supervisor sent."""
        self._dispatcher.receive()
        for message in self._sink.receive():
            match message:
                case Ack():
                    self._settle(message.settled)
                case Pulse() if message.sink != self._sink.sink:
                    self._sink.introduce(self._ledger.frames)
                case Pulse():
                    self._sink.on_record(message)
                case Welcome() if message.sink != self._sink.sink:
                    self._go_over_to(message)
        for gone in self._supervisor.lost_workers():
            self._lose_worker(gone)

    def _go_over_to(self, welcome: Welcome) -> None:
        """Offer everything again to a sink that was restarted, and count what is not on its record any more."""
        log.warning("the sink was restarted: offering %d frames again", self._ledger.in_flight)
        self._sink.go_over_to(welcome)
        self._dispatcher.expect_canary()
        self._settle(welcome.recorded)
        if lost := self._ledger.lose(welcome.outcomes):
            log.error("%d frames that were on record are not on the one that is there now", lost)
            self._outages.add(RECORD_LOST, welcome.since or self._began_at, time.time())
        self._ledger.send_again()

    def _lose_worker(self, gone: WorkerGone) -> None:
        self._dispatcher.forget(gone.worker)
        in_hand = {one.frame for one in gone.in_hand if one.source == self._ledger.source}
        if taken := self._ledger.worker_gone(gone.worker, in_hand):
            log.warning("%s is gone: %d frames taken back, %d of them were in hand", gone.worker, taken, len(in_hand))

    def _settle(self, settled: list[Settled]) -> None:
        for one in settled:
            capture = self._ledger.settle(one.frame, one.outcome)
            if capture is not None:
                self._intake.recorded(capture, one)
                self._supervisor.worked()

    def _end(self) -> None:
        if self._ledger.in_flight:
            log.warning("stopped with %d frames not on record", self._ledger.in_flight)
            if not self._intake.patient:
                while self._intake.drop_oldest("shutdown"):  # of the others a verdict may still come
                    continue
        self._sink.send_tally()
