"""Owns what the sink sends to sources: a Welcome to each that presents itself, a Pulse for each tally, and the acks."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from inspector.protocol import messages
from inspector.protocol.messages import Ack, Hello, Message, Pulse, Tally, Welcome
from inspector.protocol.sockets import Router
from inspector.protocol.verdicts import Judgement, Region, Settled, Verdict
from inspector.record import optics_history
from inspector.record.gaps import made_at
from inspector.record.queries import struct_of
from inspector.record.shapes.reason import reason_from_text
from inspector.record.store import Store
from inspector.vocabulary import Reason

#: Frames in one Ack: as many as fit it with the longest judgements.
ACK_FRAMES = 64
#: Defects in a judgement, the worst ones; the record holds all of them.
MAX_REGIONS = 16


class KnownSources:
    """The sources that presented themselves to this sink, each with its peer of the socket and its Hello."""

    def __init__(self, store: Store, router: Router, judged: Iterable[str] = ()) -> None:
        """`judged`: the sources that hand the judgement of each frame on to a program."""
        self._store = store
        self._router = router
        self._judged = set(judged)
        self._incarnation = f"{time.time_ns():x}"
        self._known: dict[str, tuple[bytes, Hello]] = {}
        self._learn_since: Mapping[str, float] = {}  # since when each source's pictures are learned from
        self._tallied: dict[str, tuple[str, int]] = {}  # epoch and number of a source's last tally on record

    def welcome(self, peer: bytes, hello: Hello) -> None:
        """Note the source and answer its Hello with what is on record of it.

        Raise StoreError if the record cannot be read, ReplacedError if its files are not in their place; neither is
        answered.
        """
        self._known[hello.source] = (peer, hello)
        account = self._store.account(hello.source)
        if hello.source in self._judged:  # before the Welcome: what it does not know by then is inspected again
            self._ack(hello.source, judgements(self._store, hello.source, hello.claimed))
        recorded = self._store.recorded(hello.source, hello.claimed)
        self._store.check()  # what is on record in a file that is gone must not be acknowledged either
        state = optics_history.state(self._store, hello.source)
        last = account.tally
        # After a kill the rows may know of frames that the last tally on record did not count yet.
        captured = max(last.captured if last else 0, self._store.last_sequence(hello.source))
        dropped = last.dropped if last else {}
        since = (min(last.oldest_at, last.at) or made_at(last)) if last else 0.0
        self._send(
            peer,
            Welcome(
                sink=self._incarnation,
                recorded=recorded,
                captured=captured,
                outcomes=account.recorded,
                dropped=dropped,
                since=since,
                optics=state,
            ),
        )

    def is_stale(self, verdict: Verdict) -> bool:
        """Return whether the camera has restarted since: it counted its old frames as dropped, so none may count twice.

        A file is never stale: it is still there.
        """
        header = verdict.header
        known = self._known.get(header.source)
        return known is not None and not known[1].durable and known[1].epoch != header.epoch

    def is_current(self, tally: Tally) -> bool:
        """Return whether the tally is of the source as it presented itself last."""
        known = self._known.get(tally.source)
        return known is not None and known[1].epoch == tally.epoch

    def pulse(self, peer: bytes, tally: Tally) -> None:
        """Answer a tally: the sink lives, and this is the last tally of that source on record."""
        epoch, number = self._tallied.get(tally.source, ("", 0))
        on_record = number if epoch == tally.epoch else 0
        self._send(peer, Pulse(self._incarnation, on_record, self._learn_since.get(tally.source, 0.0)))

    def note_recorded(self, tallies: Iterable[Tally], learn_since: Mapping[str, float]) -> None:
        """Note that these tallies are on record now, and since when pictures are learned from, by source."""
        self._tallied |= {tally.source: (tally.epoch, tally.number) for tally in tallies}
        self._learn_since = learn_since

    def acknowledge(self, written: Iterable[Verdict], new: Iterable[Verdict]) -> None:
        """Acknowledge all that was just written; those that were on record before keep what was recorded then."""
        fresh = {(verdict.header.source, verdict.header.frame): verdict for verdict in new}
        settled: dict[str, list[Settled]] = {}
        for verdict in written:
            source, frame = verdict.header.source, verdict.header.frame
            settled.setdefault(source, []).extend(self._settled(source, frame, fresh.get((source, frame))))
        for source, frames in settled.items():
            if source in self._known:
                self._ack(source, frames)

    def _settled(self, source: str, frame: str, new: Verdict | None) -> Iterable[Settled]:
        if new is None:
            known = judgements if source in self._judged else _outcomes
            return known(self._store, source, [frame])
        return [Settled(frame, new.outcome, _judgement(new) if source in self._judged else None)]

    def _ack(self, source: str, settled: Iterable[Settled]) -> None:
        rest = iter(settled)
        while some := list(islice(rest, ACK_FRAMES)):
            self._send(self._known[source][0], Ack(some))

    def _send(self, peer: bytes, message: Message) -> None:
        self._router.send(peer, messages.encode(message))


def judgements(store: Store, source: str, frames: Iterable[str]) -> Iterator[Settled]:
    """Yield those frames that are on record, each with its judgement. Raise StoreError if they cannot be read."""
    statement = "SELECT id, outcome, label, score, severity, reason FROM records WHERE source = ? AND frame = ?"
    regions = "SELECT x, y, width, height, label, score, severity FROM regions WHERE record = ? ORDER BY id"
    for frame in frames:
        for number, outcome, label, score, severity, reason in list(store.read(statement, (source, frame))):
            worst = [struct_of(Region, row) for row in islice(store.read(regions, (number,)), MAX_REGIONS)]
            yield Settled(frame, outcome, Judgement(label, score, severity, _sentence(reason_from_text(reason)), worst))


def _judgement(verdict: Verdict) -> Judgement:
    sentence, worst = _sentence(verdict.reason), verdict.regions[:MAX_REGIONS]
    return Judgement(verdict.label, verdict.score, verdict.severity, sentence, worst)


def _sentence(reason: Reason) -> str:
    return str(reason)[:1024]


def _outcomes(store: Store, source: str, frames: Sequence[str]) -> list[Settled]:
    return store.recorded(source, frames)
