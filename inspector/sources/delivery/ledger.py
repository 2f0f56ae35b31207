"""Owns the frames of one source from capture until the sink says "recorded", and the sums that must balance."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from inspector.protocol.frames import FrameHeader
from inspector.protocol.verdicts import Verdict
from inspector.record.gaps import RECORD_LOST
from inspector.sources.connector import Capture
from inspector.vocabulary import OUTCOMES, Outcome, Reason

#: Workers that ended while they held a frame after which it is a suspect though none had it in hand: what harms a
#: worker before it begins a batch must end, too.
MAX_LOSSES = 5


@dataclass(slots=True, kw_only=True)
class Flight:
    """A captured frame that is not on record yet. `worker` holds it since `sent_at`, or nobody does."""

    capture: Capture
    sequence: int
    attempt: int = 1
    worker: str | None = None
    sent_at: float = 0.0
    losses: int = 0  # workers that ended while they held it, whether or not they had it in hand
    sampled: bool = False
    given: bool = False  # a worker had it before: its verdict may be on the way, so it cannot be dropped any more


class Ledger:
    """Frames in flight and sums: captured = outcomes + dropped + in flight, at any moment.

    A frame that a lost worker had in hand is a suspect: it is tried again alone, in a batch of its own on a worker
    that holds no other frame of this source; after `max_attempts` it ends as an error. What the worker only held is
    innocent and goes to the next one at once. Times are monotonic seconds.
    """

    def __init__(
        self,
        source: str,
        epoch: str,
        max_frames: int,
        max_bytes: int,
        max_attempts: int,
        timeout_s: float,
        samples: Callable[[FrameHeader], bool] = lambda _: False,
    ) -> None:
        """`samples` is asked once for each frame, before anybody inspects it, whether it is chosen at random."""
        self.source = source
        self.epoch = epoch
        self.timeout_s = timeout_s
        self.captured = 0
        self.outcomes: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        self.dropped: dict[str, int] = {}
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._max_attempts = max_attempts
        self._samples = samples
        self._bytes = 0
        self._flights: dict[str, Flight] = {}
        self._waiting: deque[str] = deque()
        self._suspects: deque[str] = deque()
        self._held: dict[str, set[str]] = {}
        self._isolation: str | None = None  # the worker that is kept free for suspects
        self._reports: deque[str] = deque()
        self._errors: dict[str, Verdict] = {}

    @property
    def in_flight(self) -> int:
        """Frames captured and neither on record nor dropped."""
        return len(self._flights)

    @property
    def waiting(self) -> int:
        """Frames that no worker has."""
        return len(self._waiting) + len(self._suspects)

    @property
    def room(self) -> bool:
        """Whether there is room for another frame. There always is for one, however large."""
        return self.room_beside([])

    def room_beside(self, captures: Collection[Capture]) -> bool:
        """Return whether there is room for another frame beside these, which are about to be captured."""
        frames = len(self._flights) + len(captures)
        size = self._bytes + sum(capture.pixels.nbytes for capture in captures if capture.pixels is not None)
        return not frames or (frames < self._max_frames and size < self._max_bytes)

    @property
    def frames(self) -> list[str]:
        """The ids in flight."""
        return list(self._flights)

    @property
    def oldest_at(self) -> float | None:
        """When the oldest frame in flight was captured."""
        return next((flight.capture.captured_at for flight in self._flights.values()), None)

    def resume(self, captured: int, outcomes: dict[Outcome, int], dropped: dict[str, int], kept: int) -> int:
        """Go on from the sums of the source's former life; `kept` frames of it are still owned and come again.

        What it had captured and nobody has is counted as dropped, and returned: it was not inspected.
        """
        self.outcomes.update(outcomes)
        self.dropped = dict(dropped)
        ended = sum(self.outcomes.values()) + sum(self.dropped.values())
        if lost := max(0, captured - ended - kept):
            self._count_drop("source_lost", lost)
        self.captured = ended + lost
        return lost

    def lose(self, on_record: dict[Outcome, int]) -> int:
        """Count as dropped what ended and is not on record any more, by its sums; return how many frames."""
        gone = {
            one: count - on_record.get(one, 0) for one, count in self.outcomes.items() if count > on_record.get(one, 0)
        }
        for outcome, count in gone.items():
            self.outcomes[outcome] -= count
            self._count_drop(RECORD_LOST, count)
        return sum(gone.values())

    def capture(self, capture: Capture) -> None:
        """Take a frame in. One without pixels goes to the sink as an error, not to a worker."""
        self.captured += 1
        flight = self._flights[capture.frame] = Flight(capture=capture, sequence=self.captured)
        flight.sampled = self._samples(self.header(flight))
        if capture.pixels is None:
            self._fail(capture.frame, Reason("unreadable", capture.reason[:1024]))
        else:
            self._bytes += capture.pixels.nbytes
            self._waiting.append(capture.frame)

    def miss(self, reason: str, count: int) -> None:
        """Count frames that could not be captured: they were there, and nobody inspects them."""
        self.captured += count
        self._count_drop(reason, count)

    def drop_oldest(self, reason: str) -> Capture | None:
        """Give up the oldest frame that no worker ever had, and return it; None where there is none."""
        for frame in self._waiting:
            flight = self._flights[frame]
            if not flight.given:
                self._forget(frame)
                self._count_drop(reason, 1)
                return flight.capture
        return None

    def take(self, worker: str, free: int, now: float) -> list[Flight]:
        """Return frames for a worker that can hold `free` more, marked as sent. A suspect comes alone."""
        held = self._held.setdefault(worker, set())
        if self._suspects and self._isolation is None:
            self._isolation = worker
        if self._isolation == worker:
            if held or not free:
                return []
            if self._suspects:
                return [self._send(self._suspects.popleft(), worker, now)]
            self._isolation = None
        return [self._send(self._waiting.popleft(), worker, now) for _ in range(min(free, len(self._waiting)))]

    def untake(self, flight: Flight) -> None:
        """Take back a frame that could not be handed over; nobody is to blame."""
        worker = flight.worker
        self._release(flight)
        (self._suspects if flight.attempt > 1 else self._waiting).appendleft(flight.capture.frame)
        if self._isolation == worker:  # it cannot be reached: let another one be kept free
            self._isolation = None

    def settle(self, frame: str, outcome: Outcome) -> Capture | None:
        """Let go of a frame that is on record, and return it; None if it is not in flight (an ack that came twice)."""
        flight = self._forget(frame)
        if flight is None:
            return None
        self.outcomes[outcome] += 1
        return flight.capture

    def worker_gone(self, worker: str, in_hand: Collection[str] = ()) -> int:
        """Take back what a lost worker held; return how many frames. Those `in_hand` may be why it was lost."""
        held = self._held.pop(worker, set())
        if self._isolation == worker:
            self._isolation = None
        innocent = []
        for frame in [frame for frame in self._flights if frame in held]:
            self._flights[frame].losses += 1
            if frame in in_hand or self._flights[frame].losses > MAX_LOSSES:
                self._retry(frame, "took down")
            else:
                innocent.append(frame)
        self._offer_again(innocent)
        return len(held)

    def expire(self, now: float) -> int:
        """Take back what has been with a worker for longer than the timeout; return how many frames."""
        late = [
            frame
            for frame, flight in self._flights.items()
            if flight.worker is not None and now - flight.sent_at > self.timeout_s
        ]
        for frame in late:
            self._retry(frame, "got no verdict from")
        return len(late)

    def postpone(self, seconds: float) -> None:
        """Put off the deadlines of frames with workers by the time in which no verdict could be recorded."""
        for flight in self._flights.values():
            flight.sent_at += seconds

    def send_again(self) -> None:
        """Offer everything once more, because the sink forgot what was on the way. Nobody is to blame."""
        self._offer_again([frame for frame, flight in self._flights.items() if flight.worker is not None])
        self._reports = deque(self._errors)

    def header(self, flight: Flight) -> FrameHeader:
        """Return the header of a frame in flight, which its verdict has, too."""
        capture = flight.capture
        height, width = (0, 0) if capture.pixels is None else capture.pixels.shape
        return FrameHeader(
            source=self.source,
            epoch=self.epoch,
            frame=capture.frame,
            name=capture.name,
            sequence=flight.sequence,
            captured_at=capture.captured_at,
            captured_mono=capture.captured_mono,
            height=height,
            width=width,
            attempt=flight.attempt,
            piece=capture.piece,
            at_mm=capture.at_mm,
            grade=capture.grade,
            timed=capture.timed,
            sampled=flight.sampled,
        )

    def reports(self, limit: int) -> list[Verdict]:
        """Return the next error verdicts that the source itself has to send, at most `limit`."""
        return [self._errors[self._reports.popleft()] for _ in range(min(limit, len(self._reports)))]

    def unreport(self, verdicts: list[Verdict]) -> None:
        """Put back verdicts that could not be handed over: they come first next time."""
        self._reports.extendleft(verdict.header.frame for verdict in reversed(verdicts))

    def _offer_again(self, frames: list[str]) -> None:
        """Put frames that workers had, in the order they came, before those that nobody had yet."""
        for frame in reversed(frames):
            flight = self._flights[frame]
            self._release(flight)
            flight.given = True
            (self._suspects if flight.attempt > 1 else self._waiting).appendleft(frame)

    def _send(self, frame: str, worker: str, now: float) -> Flight:
        flight = self._flights[frame]
        flight.worker, flight.sent_at = worker, now
        self._held[worker].add(frame)
        return flight

    def _release(self, flight: Flight) -> None:
        if flight.worker is not None:
            self._held.get(flight.worker, set()).discard(flight.capture.frame)
            flight.worker = None

    def _retry(self, frame: str, what: str) -> None:
        flight = self._flights[frame]
        self._release(flight)
        if flight.attempt >= self._max_attempts:
            self._fail(frame, Reason("workers_lost", f"{what} {flight.attempt}"))
        else:
            flight.attempt += 1
            self._suspects.append(frame)

    def _fail(self, frame: str, reason: Reason) -> None:
        header = self.header(self._flights[frame])
        self._errors[frame] = Verdict(header=header, outcome="error", reason=reason)
        self._reports.append(frame)

    def _forget(self, frame: str) -> Flight | None:
        flight = self._flights.pop(frame, None)
        if flight is None:
            return None
        if flight.capture.pixels is not None:
            self._bytes -= flight.capture.pixels.nbytes
        if flight.worker is None and frame not in self._errors:
            for queue in (self._waiting, self._suspects):
                if frame in queue:
                    queue.remove(frame)
        self._release(flight)
        if self._errors.pop(frame, None) and frame in self._reports:
            self._reports.remove(frame)
        return flight

    def _count_drop(self, reason: str, count: int) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + count
