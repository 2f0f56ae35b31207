"""Owns the answer what grade a piece has, computed and decided; and the requests to decide, and to undo that."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import msgspec

from inspector.answers.line_record import LineRecord
from inspector.errors import ConfigError, StoreError
from inspector.quality import grading, piece_summary
from inspector.quality.grading import QualityGrade
from inspector.quality.piece_summary import PieceSummary
from inspector.record.findings import RollMark
from inspector.record.grades import decisions
from inspector.record.grades.decision_file import DecisionFile
from inspector.record.grades.decisions import GradeDecision
from inspector.record.labels.labels import check_person, check_why
from inspector.settings.rules import GradeName
from inspector.settings.settings import Settings

__all__ = ["DecidedGrade", "GradeAnswer", "GradeDecision", "QualityGrade", "decide", "of", "on", "undo"]


class DecidedGrade(msgspec.Struct, frozen=True):
    """The decision of a person on a piece. `unknown_then`: reasons that came up since; with any it does not count."""

    decision: GradeDecision
    unknown_then: list[str]


class GradeAnswer(msgspec.Struct, frozen=True):
    """What a piece is by its limits and why, what a person decided, and the marks of rolls that were found on it."""

    grade: QualityGrade
    marks: list[RollMark]
    decided: DecidedGrade | None

    @property
    def final(self) -> GradeName:
        """The grade that counts: the decided one, unless something came up since."""
        return final(self.grade, self.decided)


def final(computed: QualityGrade, decided: DecidedGrade | None) -> GradeName:
    """Return the grade that counts."""
    return computed.grade if decided is None or decided.unknown_then else decided.decision.grade


def of(line: LineRecord, piece: str) -> GradeAnswer:
    """Return the grade of the piece of that name by the limits of the line's settings, and what was decided.

    Raise ConfigError for a piece that is not on record, and where the settings have no limits.
    """
    summary = piece_summary.gather(line.store, line.settings, piece)
    return _answer(line.settings, summary, line.clock())


def on(settings: Settings, computed: QualityGrade) -> DecidedGrade | None:
    """Return what a person decided of a piece of this computed grade. Raise StoreError if that cannot be read."""
    with closing(DecisionFile(settings.data, read_only=True)) as file:
        standing = decisions.in_force(file.of(computed.piece))
        if standing is None:
            return None
        _refuse_edits(file)
    return DecidedGrade(standing, decisions.unknown_then(standing, [(one.grade, one.text) for one in computed.reasons]))


def decide(line: LineRecord, piece: str, grade: GradeName, person: str, why: str) -> GradeAnswer:
    """Release a piece from hold, or override its grade; return what it is now. The decision is durable.

    Raise ConfigError for a piece that is not on record or not over, for a person or reason that cannot be, and where
    the settings have no limits; StoreError if nothing can be written.
    """
    who, text = check_person(person), check_why(why)
    summary = piece_summary.gather(line.store, line.settings, piece)
    now = line.clock()
    computed = grading.judge(summary, line.settings, now)
    if not grading.is_over(summary.piece, now):
        raise ConfigError(f"piece {piece}: it is not over, so nobody knows yet what is decided; wait for its end")
    with _opened(line.settings) as file:
        file.add(
            piece,
            "released" if computed.grade == "hold" else "overridden",
            grade,
            person=who,
            at=time.time(),
            why=text,
            computed=computed.grade,
            reasons=[one.text for one in computed.reasons],
        )
    return _answer(line.settings, summary, now)


def undo(line: LineRecord, piece: str, person: str, why: str) -> GradeAnswer:
    """Take the last decision on a piece back; return what it is now. Raise ConfigError where there is none."""
    who, text = check_person(person), check_why(why)
    summary = piece_summary.gather(line.store, line.settings, piece)
    computed = grading.judge(summary, line.settings, line.clock())
    with _opened(line.settings) as file:
        standing = decisions.in_force(file.of(piece))
        if standing is None:
            raise ConfigError(f"--undo: nobody released or overrode the grade of {piece}")
        file.add(
            piece,
            "undo",
            computed.grade,
            person=who,
            at=time.time(),
            why=text,
            computed=computed.grade,
            reasons=[one.text for one in computed.reasons],
            undoes=standing.id,
        )
    return _answer(line.settings, summary, line.clock())


def _answer(settings: Settings, summary: PieceSummary, now: float) -> GradeAnswer:
    computed = grading.judge(summary, settings, now)
    return GradeAnswer(computed, summary.marks, on(settings, computed))


@contextmanager
def _opened(settings: Settings) -> Iterator[DecisionFile]:
    with closing(DecisionFile(settings.data)) as file:
        _refuse_edits(file)
        yield file


def _refuse_edits(file: DecisionFile) -> None:
    """Raise StoreError if a row was changed by hand: a hold that someone wrote away must not look released."""
    if (edited := file.changed_by_hand()) is not None:
        raise StoreError(f"{file.path}: decision {edited} was changed by hand; restore the file from a backup")
