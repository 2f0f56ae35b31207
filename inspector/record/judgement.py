"""Owns what a program that handed a frame in hears of its verdict, as it was given or as it is on record. Bounded."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from inspector.protocol.messages import Judgement, Region, Settled, Verdict

if TYPE_CHECKING:
    from inspector.record.store import Store

#: So many of a frame's defects are told, the worst; the record holds all of them.
MAX_TOLD = 16


def settled(verdict: Verdict) -> Settled:
    """Return what is told of a verdict that is on record now."""
    told = Judgement(verdict.label, verdict.score, verdict.severity, verdict.reason, verdict.regions[:MAX_TOLD])
    return Settled(verdict.header.frame, verdict.outcome, told)


def on_record(store: "Store", source: str, frames: Iterable[str]) -> Iterator[Settled]:
    """Yield what is told of those frames that are on record. StoreError where it cannot be read."""
    statement = "SELECT id, outcome, label, score, severity, reason FROM records WHERE source = ? AND frame = ?"
    regions = "SELECT x, y, width, height, label, score, severity FROM regions WHERE record = ? ORDER BY id"
    for frame in frames:
        for number, outcome, label, score, severity, reason in list(store.read(statement, (source, frame))):
            worst = [Region(*row) for row in islice(store.read(regions, (number,)), MAX_TOLD)]
            yield Settled(frame, outcome, Judgement(label, score, severity, reason, worst))
