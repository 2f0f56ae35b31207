"""Owns the life of a source: capture, hand out by credit, hear "recorded". A `connector` only opens, reads, closes.

One file a connector: `folder`, `camera`, `gige`, `push`, `replay`, `simulated`. What they share is written once: taking
in and reconnecting in `intake`, frames under way and their sums in `ledger`, the rest here.
"""

import logging
import math
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.errors import MessageError
from inspector.protocol import canary, messages
from inspector.protocol.canary import Canary
from inspector.protocol.control import Ready, WorkerGone, heard, say
from inspector.protocol.messages import Ack, Frame, Hello, Pulse, Tally, Verdicts, Welcome
from inspector.protocol.rejections import READ_BURST, Refusals, check_credit
from inspector.protocol.sockets import Dealer, Poller, Router, sink_address, source_address
from inspector.record.gaps import RECORD_LOST, STALLED
from inspector.settings.settings import DeliverySettings
from inspector.sources.connector import Capture, Connector
from inspector.sources.credits import Credits, Window
from inspector.sources.intake import Intake
from inspector.sources.ledger import Flight, Ledger
from inspector.sources.optics.monitor import Watch
from inspector.sources.outages import Spells

log = logging.getLogger(__name__)

#: How often the sums go to the sink, and so how soon a restarted sink is noticed.
TALLY_S = 0.25
#: No answer to the tallies for so long: the sink is away, and deadlines of frames do not run.
SINK_AWAY_S = 2.0
#: Error verdicts in one message: with the longest names and reasons so many still fit it.
REPORT_FRAMES = 32
#: A turn that took longer is on record as a gap: the share hung, or this process was held.
STALL_S = 5.0


class Source:
    """Runs one connector until told to stop, then until its last frame is on record."""

    def __init__(
        self,
        name: str,
        connector: Connector,
        delivery: DeliverySettings,
        sockets: Path,
        words: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
        worked: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        canary: Canary | None = None,
        refusals: Refusals | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`words` brings the supervisor's messages, and ends when it does; `stop` is asked in every turn.

        `worked` is called whenever frames are on record. `refusals` is what the connector counts with, too.
        `watch` looks at the pictures; none: nobody does.
        """
        self._name = name
        self._epoch = f"{time.time_ns():x}"
        self._connector = connector
        self._delivery = delivery
        self._sockets = sockets
        self._words = words
        self._stop = stop
        self._worked = worked
        self._clock = clock
        self._canary = canary
        self._next_canary = -math.inf
        self._credits = Credits(self._epoch)
        self._sink = ""  # the incarnation that welcomed us
        self._sink_heard = -math.inf
        self._next_tally = -math.inf
        self._spells = Spells()
        self._refusals = refusals or Refusals()
        self._watch = watch
        self._tallies = 0
        self._began_at = time.time()
        self._turned_at: tuple[float, float] | None = None  # the last turn, by our clock and by the world's
        self._orphaned = False
        self._ledger = Ledger(
            name,
            self._epoch,
            delivery.in_flight_frames,
            delivery.in_flight_mb << 20,
            delivery.max_attempts,
            delivery.frame_timeout_s,
        )
        self._intake = Intake(connector, self._ledger, self._note, clock, watch)

    def run(self) -> None:
        """Serve until stopped; returns when everything in flight is on record, or `drain_s` after the stop."""
        self._work = Router()
        self._record = Dealer(f"{self._name}.{self._epoch}")
        try:
            self._work.bind(source_address(self._sockets, self._name))
            self._record.connect(sink_address(self._sockets))
            former = self._open_at_last()
            if former is not None and self._introduce(former):
                if self._words:
                    say(self._words, Ready(self._name))
                self._serve()
        finally:
            self._intake.close()
            self._work.close()
            self._record.close()

    def _open_at_last(self) -> list[Capture] | None:
        """Open the connector however long it takes; None where we are stopped before that."""
        while not self._stopping():
            former = self._intake.open()
            if former is not None:
                return former
            Poller([self._record]).wait(min(TALLY_S * 1000, self._intake.due_ms()))
        return None

    def _introduce(self, former: list[Capture]) -> bool:
        """Present ourselves and take over the former life's frames; False where we are stopped before that."""
        hello = messages.encode(
            Hello(self._name, self._epoch, self._connector.patient, [capture.frame for capture in former])
        )
        poller = Poller([self._record])
        while not self._stopping():
            self._record.send(hello)
            if poller.wait(TALLY_S * 1000):
                for message in self._heard_from_sink():
                    if isinstance(message, Welcome):
                        self._begin(message, former)
                        return True
        return False

    def _begin(self, welcome: Welcome, former: list[Capture]) -> None:
        on_record = {settled.frame: settled.outcome for settled in welcome.recorded}
        kept = [capture for capture in former if capture.frame not in on_record]
        if self._ledger.resume(welcome.captured, welcome.outcomes, welcome.dropped, len(kept)):
            self._note("source_lost", welcome.since, time.time())
        for capture in former:
            if capture.frame in on_record:
                self._connector.recorded(capture, on_record[capture.frame])
            else:
                self._ledger.capture(capture)
        if self._watch:
            self._watch.resume(welcome.sight)
        self._sink, self._sink_heard = welcome.sink, self._clock()
        log.info("%d frames taken over, %d of them already on record", len(former), len(former) - len(kept))

    def _serve(self) -> None:
        poller = Poller([self._work, self._record], [self._words.fileno()] if self._words else [])
        give_up_at = math.inf
        while not (self._stopping() and (not self._ledger.in_flight or self._clock() > give_up_at)):
            self._notice_stall()
            stopping = self._stopping()
            if stopping:
                give_up_at = min(give_up_at, self._clock() + self._delivery.drain_s)
            more = not stopping and self._intake.capture()
            self._offer_canary()
            self._hand_out()
            self._report()
            self._tell()
            idle_ms = 0.0 if more else (self._next_tally - self._clock()) * 1000
            if stopping:
                poller.wait(idle_ms)
            else:
                poller.wait(min(idle_ms, self._intake.due_ms()), self._intake.wake())
            self._hear()
        self._end()

    def _notice_stall(self) -> None:
        now, world = self._clock(), time.time()
        if self._turned_at is not None and now - self._turned_at[0] > STALL_S:
            log.warning("stood still for %.0f s", now - self._turned_at[0])
            self._note(STALLED, self._turned_at[1], world)
        self._turned_at = (now, world)

    def _note(self, reason: str, began_at: float, ended_at: float) -> None:
        self._spells.add(reason, began_at, ended_at, self._clock(), self._tallies + 1)

    def _stopping(self) -> bool:
        return self._orphaned or self._stop()

    def _hand_out(self) -> None:
        """Give waiting frames to the workers that asked, the emptiest first, shared out evenly."""
        waiting = self._ledger.waiting
        if not waiting:
            return
        asking = self._credits.asking()
        for window in asking:
            share = math.ceil(waiting / len(asking))
            for flight in self._ledger.take(window.worker, min(window.available, share), self._clock()):
                if not self._hand_over(window, flight):
                    self._ledger.untake(flight)

    def _hand_over(self, window: Window, flight: Flight) -> bool:
        capture = flight.capture
        if capture.pixels is None:
            return False
        frame = Frame(self._ledger.header(flight), capture.decode_s)
        return self._send(window, frame, capture.pixels)

    def _send(self, window: Window, frame: Frame, pixels: NDArray[np.uint8]) -> bool:
        if not self._work.send(window.peer, messages.encode(frame), pixels.data):
            window.free = 0  # not reachable now; its next Credit says otherwise
            return False
        window.sent += 1
        return True

    def _offer_canary(self) -> None:
        """Now and then give the canary to the worker that had it longest ago. The sink judges what becomes of it."""
        now = self._clock()
        if self._canary is None or now < self._next_canary or self._stopping():
            return
        if asking := self._credits.asking():
            window = min(asking, key=lambda window: window.canary_at)
            if self._send(window, self._canary.frame(self._name, self._epoch), self._canary.pixels):
                window.canary_at, self._next_canary = now, now + canary.EVERY_S

    def _report(self) -> None:
        while verdicts := self._ledger.reports(REPORT_FRAMES):
            if not self._record.send(messages.encode(Verdicts(self._name, "", verdicts))):
                self._ledger.unreport(verdicts)
                return

    def _tell(self) -> None:
        now = self._clock()
        if now < self._next_tally:
            return
        self._next_tally = now + TALLY_S
        self._record.send(messages.encode(self._tally()))
        if now - self._sink_heard < SINK_AWAY_S and (late := self._ledger.expire(now)):
            log.warning(
                "%d frames without a verdict for %g s: given to another worker", late, self._delivery.frame_timeout_s
            )

    def _tally(self) -> Tally:
        ledger, now = self._ledger, time.time()
        self._tallies += 1
        return Tally(
            self._name, self._epoch, ledger.captured, dict(ledger.outcomes), dict(ledger.dropped), ledger.in_flight,
            self._intake.last_frame_at, self._intake.problem(self._tallies),
            self._tallies, now, now if ledger.oldest_at is None else ledger.oldest_at, self._spells.told(),
            self._refusals.count, self._watch.sight(self._tallies) if self._watch else None,
            self._connector.left(),
        )  # fmt: skip

    def _hear(self) -> None:
        for _ in range(READ_BURST):
            if not (received := self._work.receive()):
                break
            self._hear_worker(*received)
        for message in self._heard_from_sink():
            match message:
                case Ack():
                    self._settle(message.settled)
                case Pulse() if message.sink != self._sink:
                    self._record.send(
                        messages.encode(Hello(self._name, self._epoch, self._connector.patient, self._ledger.frames))
                    )
                case Pulse():
                    self._intake.on_record(message.number)
                    self._spells.on_record(message.number, self._clock())
                    if self._watch:
                        self._watch.on_record(message.number, message.learn_since)
                case Welcome() if message.sink != self._sink:
                    log.warning("the sink was restarted: offering %d frames again", self._ledger.in_flight)
                    self._sink = message.sink
                    self._next_canary = -math.inf  # it has seen none yet
                    if self._watch:
                        self._watch.tell_again()
                    self._settle(message.recorded)
                    if lost := self._ledger.lose(message.outcomes):
                        log.error("%d frames that were on record are not on the one that is there now", lost)
                        self._note(RECORD_LOST, message.since or self._began_at, time.time())
                    self._ledger.send_again()
        self._hear_supervisor()

    def _heard_from_sink(self) -> list[messages.Message]:
        heard: list[messages.Message] = []
        while parts := self._record.receive():
            try:
                heard.append(messages.decode(parts[0]))
            except MessageError as error:
                log.warning("message from the sink ignored: %s", error)
        if heard:
            now = self._clock()
            if now - self._sink_heard > SINK_AWAY_S:
                self._ledger.postpone(now - self._sink_heard)
            self._sink_heard = now
        return heard

    def _hear_worker(self, peer: bytes, parts: list[bytes]) -> None:
        try:
            message = messages.decode(parts[0] if len(parts) == 1 else b"")
            self._credits.hear(peer, check_credit(peer, message))
        except MessageError as error:
            self._refusals.add(str(error))

    def _hear_supervisor(self) -> None:
        try:
            for word in heard(self._words):
                if isinstance(word, WorkerGone):
                    self._lose_worker(word)
        except (EOFError, OSError):
            self._orphaned = True

    def _lose_worker(self, gone: WorkerGone) -> None:
        self._credits.forget(gone.worker)
        in_hand = {one.frame for one in gone.in_hand if one.source == self._name}
        if taken := self._ledger.worker_gone(gone.worker, in_hand):
            log.warning("%s is gone: %d frames taken back, %d of them were in hand", gone.worker, taken, len(in_hand))

    def _settle(self, settled: list[messages.Settled]) -> None:
        for one in settled:
            capture = self._ledger.settle(one.frame, one.outcome)
            if capture is not None:
                self._connector.recorded(capture, one.outcome, one.judgement)
                self._worked()

    def _end(self) -> None:
        if self._ledger.in_flight:
            log.warning("stopped with %d frames not on record", self._ledger.in_flight)
            if not self._connector.patient:
                while self._intake.drop_oldest("shutdown"):  # of the others a verdict may still come
                    continue
        self._record.send(messages.encode(self._tally()))
