"""Owns the answer what the rules found: the alarms and marks of rolls on record."""

from dataclasses import dataclass

import msgspec

from inspector.answers.line_record import LineRecord
from inspector.quality.wording import rolls, sentence
from inspector.record import findings, pieces
from inspector.record.findings import Alarm, RollMark

__all__ = [
    "Alarm",
    "FindingsAnswer",
    "FindingsQuestion",
    "RollMark",
    "found",
    "rolls",
    "sentence",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsQuestion:
    """What was found on the piece of that name, and began within a time in seconds since 1970 UTC; None: any."""

    piece: str = ""
    since: float | None = None
    until: float | None = None


class FindingsAnswer(msgspec.Struct, frozen=True):
    """Alarms and marks of rolls, the newest first."""

    alarms: list[Alarm]
    marks: list[RollMark]


def found(line: LineRecord, question: FindingsQuestion) -> FindingsAnswer:
    """Return what the rules found. Raise ConfigError for a piece that is not on record."""
    store = line.store
    piece = pieces.find(store, question.piece).id if question.piece else None
    return FindingsAnswer(
        findings.read(store, Alarm, piece, question.since, question.until)[::-1],
        findings.read(store, RollMark, piece, question.since, question.until)[::-1],
    )
