"""Owns why a piece has its grade, and what a person decided of it, as its report shows it."""

from dataclasses import dataclass

from inspector.answers.grades import DecidedGrade, QualityGrade
from inspector.reports.elements import Table, left_out, moment

#: Rows in the report, so that it stays one that is read; the rest is counted.
MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class GradeSection:
    """The computed grade and its reasons, the worst first.

    `decided`: who decided what and why; "" if nobody did. `unknown_then`: what came up since, so that the decision does
    not count; "" if nothing did.
    """

    name: str
    reasons: Table
    decided: str
    unknown_then: str


def section(grade: QualityGrade | None, decided: DecidedGrade | None) -> GradeSection | None:
    """Return the section; None where the line has no limits to grade by."""
    if grade is None:
        return None
    rows = [(one.grade, one.text) for one in grade.reasons[:MOST_REASONS]]
    rest = left_out(len(grade.reasons), len(rows), "reasons", "the worst")
    return GradeSection(
        grade.grade,
        Table(("grade", "why"), rows, left_out=rest),
        decided="" if decided is None else _sentence(decided),
        unknown_then="" if decided is None else _unknown_then(decided),
    )


def _sentence(decided: DecidedGrade) -> str:
    one = decided.decision
    return f"{one.kind.capitalize()} to {one.grade} by {one.person}, {moment(one.at)}: {one.why}"


def _unknown_then(decided: DecidedGrade) -> str:
    if not decided.unknown_then:
        return ""
    return f"This decision does not count any more. Unknown then: {' '.join(decided.unknown_then)}"
