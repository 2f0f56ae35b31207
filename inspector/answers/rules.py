"""Owns the answers that rules give: the alarms and marks of rolls on record, and the grade of a piece."""

from dataclasses import dataclass

import msgspec

from inspector.answers.line_record import LineRecord
from inspector.quality import grading, piece_summary
from inspector.quality.grading import QualityGrade
from inspector.quality.wording import rolls, sentence
from inspector.record import findings, pieces
from inspector.record.findings import Alarm, RollMark

__all__ = [
    "Alarm",
    "FindingsAnswer",
    "FindingsQuestion",
    "GradeAnswer",
    "QualityGrade",
    "RollMark",
    "found",
    "grade",
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


class GradeAnswer(msgspec.Struct, frozen=True):
    """What a piece is and why, and the marks of rolls that were found on it."""

    grade: QualityGrade
    marks: list[RollMark]


def found(line: LineRecord, question: FindingsQuestion) -> FindingsAnswer:
    """Return what the rules found. Raise ConfigError for a piece that is not on record."""
    store = line.store
    piece = pieces.find(store, question.piece).id if question.piece else None
    return FindingsAnswer(
        findings.read(store, Alarm, piece, question.since, question.until)[::-1],
        findings.read(store, RollMark, piece, question.since, question.until)[::-1],
    )


def grade(line: LineRecord, piece: str) -> GradeAnswer:
    """Return the grade of the piece of that name by the limits of the line's settings.

    Raise ConfigError for a piece that is not on record, and where the settings have no limits.
    """
    summary = piece_summary.gather(line.store, line.settings, piece)
    return GradeAnswer(grading.judge(summary, line.settings, line.clock()), summary.marks)
