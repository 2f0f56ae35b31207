"""Owns what a source and the sink send each other: hello, tallies and error verdicts; acks and pulses."""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

from inspector.errors import MessageError
from inspector.protocol import messages
from inspector.protocol.messages import Hello, Message, Pulse, Tally, Verdicts, Welcome
from inspector.protocol.rejections import Refusals
from inspector.protocol.sockets import Dealer, sink_address
from inspector.sources.delivery.ledger import Ledger
from inspector.sources.delivery.outages import Outages
from inspector.sources.intake import Intake
from inspector.sources.optics.monitor import OpticsMonitor

log = logging.getLogger(__name__)

#: Seconds between tallies, and so how soon a restarted sink is noticed.
TALLY_S = 0.25
#: Seconds without an answer to the tallies after which the sink counts as away: deadlines of frames do not run then.
SINK_AWAY_S = 2.0
#: Error verdicts in one message: with the longest names and reasons this many still fit it.
REPORT_FRAMES = 32


class SinkLink:
    """The source's side of the sink."""

    def __init__(
        self,
        dealer: Dealer,
        sockets: Path,
        ledger: Ledger,
        intake: Intake,
        outages: Outages,
        refusals: Refusals,
        monitor: OpticsMonitor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sockets`: the folder of the line's sockets. `refusals` counts what came to the source and is no message."""
        self.dealer = dealer
        self._sockets = sockets
        self.sink = ""  # the incarnation that welcomed us
        self._ledger = ledger
        self._intake = intake
        self._outages = outages
        self._refusals = refusals
        self._monitor = monitor
        self._clock = clock
        self._heard = -math.inf  # when a message came last, by our clock
        self._next_tally = -math.inf
        self._tallies = 0

    def open(self) -> None:
        """Connect to the sink, now or whenever it listens."""
        self.dealer.connect(sink_address(self._sockets))

    def close(self) -> None:
        """Disconnect."""
        self.dealer.close()

    @property
    def tally_due_ms(self) -> float:
        """Time to the next tally; less than 0 if it is late."""
        return (self._next_tally - self._clock()) * 1000

    def introduce(self, frames: list[str]) -> None:
        """Send who we are and which frames we own."""
        ledger = self._ledger
        self.dealer.send(messages.encode(Hello(ledger.source, ledger.epoch, self._intake.patient, frames)))

    def begin(self, welcome: Welcome) -> None:
        """Go on with the sink that welcomed this source, and with what it knows of the source's pictures."""
        self.sink, self._heard = welcome.sink, self._clock()
        if self._monitor:
            self._monitor.resume(welcome.optics)

    def go_over_to(self, welcome: Welcome) -> None:
        """Go on with a sink that was restarted, whose record may be another one."""
        self.sink = welcome.sink
        if self._monitor:
            self._monitor.report_again()

    def report(self) -> None:
        """Send the error verdicts of the source itself."""
        while verdicts := self._ledger.reports(REPORT_FRAMES):
            if not self.dealer.send(messages.encode(Verdicts(self._ledger.source, "", verdicts))):
                self._ledger.unreport(verdicts)
                return

    def send_tally_when_due(self) -> None:
        """Send the sums if it is time to, and let the deadlines of frames run while the sink answers."""
        now = self._clock()
        if now < self._next_tally:
            return
        self._next_tally = now + TALLY_S
        self.send_tally()
        if now - self._heard < SINK_AWAY_S and (late := self._ledger.expire(now)):
            log.warning("%d frames without a verdict for %g s: given to another worker", late, self._ledger.timeout_s)

    def send_tally(self) -> None:
        """Send the source's sums as they are now."""
        ledger, intake, now = self._ledger, self._intake, time.time()
        self._tallies += 1
        tally = Tally(
            source=ledger.source,
            epoch=ledger.epoch,
            captured=ledger.captured,
            outcomes=dict(ledger.outcomes),
            dropped=dict(ledger.dropped),
            in_flight=ledger.in_flight,
            last_frame_at=intake.last_frame_at,
            problem=intake.problem(self._tallies),
            number=self._tallies,
            at=now,
            oldest_at=now if ledger.oldest_at is None else ledger.oldest_at,
            spans=self._outages.spans(self._tallies),
            refused=self._refusals.count,
            optics=self._monitor.state(self._tallies) if self._monitor else None,
            left=intake.left(),
        )
        self.dealer.send(messages.encode(tally))

    def on_record(self, pulse: Pulse) -> None:
        """Let go of what was kept until the tally that this pulse names is on record."""
        self._intake.on_record(pulse.number)
        self._outages.on_record(pulse.number)
        if self._monitor:
            self._monitor.on_record(pulse.number, pulse.learn_since)

    def receive(self) -> list[Message]:
        """Return the sink's messages since the last call. After a silence, the deadlines of frames are put off."""
        received: list[Message] = []
        while parts := self.dealer.receive():
            try:
                received.append(messages.decode(parts[0]))
            except MessageError as error:
                log.warning("message from the sink ignored: %s", error)
        if received:
            now = self._clock()
            if now - self._heard > SINK_AWAY_S:
                self._ledger.postpone(now - self._heard)
            self._heard = now
        return received
