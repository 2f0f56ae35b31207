"""Owns why a piece has its grade, as its report shows it."""

from dataclasses import dataclass

from inspector.quality.grading import QualityGrade
from inspector.reports.elements import Table, left_out

#: Rows in the report, so that it stays one that is read; the rest is counted.
MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class GradeSection:
    """The grade and its reasons, the worst first."""

    name: str
    reasons: Table


def section(grade: QualityGrade | None) -> GradeSection | None:
    """Return the section; None where the line has no limits to grade by."""
    if grade is None:
        return None
    rows = [(one.grade, one.text) for one in grade.reasons[:MOST_REASONS]]
    rest = left_out(len(grade.reasons), len(rows), "reasons", "the worst")
    return GradeSection(grade.grade, Table(("grade", "why"), rows, left_out=rest))
