"""Owns what a decision on a grade is: a person releases a piece that is on hold, or overrides its grade.

The computed grade never changes. A decision counts until a reason comes up that the person did not know: a failure
never looks like a pass.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from inspector.settings.rules import GRADES, GradeName

#: `released`: the computed grade was hold; `overridden`: it was another; `undo`: takes an earlier decision back.
Kind = Literal["released", "overridden", "undo"]


class GradeDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what `person` decided on the piece of that name, when (`at`, in seconds since 1970 UTC), and why.

    `computed` and `reasons`: the computed grade at that time, and the sentences that explain it. `undoes`: the id of
    the decision that an undo takes back; the grade of an undo is the computed one.
    """

    id: int
    piece: str
    grade: GradeName
    kind: Kind
    person: str
    at: float
    why: str
    computed: GradeName
    reasons: list[str]
    undoes: int | None


def in_force(rows: Sequence[GradeDecision]) -> GradeDecision | None:
    """Return the last decision on a piece that was not taken back; None if there is none."""
    undone = {row.undoes for row in rows}
    standing = [row for row in rows if row.kind != "undo" and row.id not in undone]
    return max(standing, key=lambda row: row.id, default=None)


def unknown_then(decision: GradeDecision, reasons: Iterable[tuple[GradeName, str]]) -> list[str]:
    """Return those reasons for a worse grade than the decided one that the person did not know."""
    allowed = GRADES.index(decision.grade)
    return [text for grade, text in reasons if GRADES.index(grade) > allowed and text not in decision.reasons]
