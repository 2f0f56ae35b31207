"""Owns the file of decisions on grades: data/grades/grades.sqlite, append-only, apart from the record.

The command of the person who decides writes it; the line never does. A record that is damaged, set aside or restored
takes no decision with it.
"""

import json
from pathlib import Path
from typing import Any

from inspector.record.grades.decisions import GradeDecision, Kind
from inspector.record.storage.append_only import AppendOnly, kept_for_ever
from inspector.settings.rules import GradeName

FOLDER, FILE = "grades", "grades.sqlite"
_COLUMNS = ("piece", "grade", "kind", "person", "at", "why", "computed", "reasons", "undoes")
#: A script for each version of the layout, in order; released scripts never change.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE grade_decisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        piece TEXT NOT NULL,
        grade TEXT NOT NULL CHECK (grade IN ('prime', 'second', 'hold')),
        kind TEXT NOT NULL CHECK (kind IN ('released', 'overridden', 'undo')),
        person TEXT NOT NULL CHECK (person != ''),
        at REAL NOT NULL,
        why TEXT NOT NULL CHECK (why != ''),
        computed TEXT NOT NULL,
        reasons TEXT NOT NULL,
        undoes INTEGER UNIQUE CHECK ((undoes IS NOT NULL) = (kind = 'undo')),
        chain TEXT NOT NULL
    );
    CREATE INDEX grade_decisions_by_piece ON grade_decisions (piece);
    """
    + kept_for_ever("grade_decisions"),
)


class DecisionFile:
    """The open file of the decisions on a line's grades. Several processes may write at once."""

    def __init__(self, data: Path, read_only: bool = False) -> None:
        """Open the file in the data folder; make it if there is none. Raise StoreError if that is impossible.

        With `read_only`, a missing file reads as an empty one.
        """
        self._file = AppendOnly(data / FOLDER / FILE, "grade_decisions", _COLUMNS, MIGRATIONS, read_only)
        self.path = self._file.path

    def add(
        self,
        piece: str,
        kind: Kind,
        grade: GradeName,
        *,
        person: str,
        at: float,
        why: str,
        computed: GradeName,
        reasons: list[str],
        undoes: int | None = None,
    ) -> GradeDecision:
        """Keep a decision, durably, and return it. Raise StoreError if it is not kept."""
        with self._file.transaction():
            values: dict[str, Any] = {
                "piece": piece, "grade": grade, "kind": kind, "person": person, "at": at, "why": why,
                "computed": computed, "reasons": json.dumps(reasons), "undoes": undoes,
            }  # fmt: skip
            number = self._file.append(values)
        return GradeDecision(id=number, **{**values, "reasons": reasons})

    def of(self, piece: str) -> list[GradeDecision]:
        """Return every decision on the piece of that name, undos included, the oldest first."""
        rows = self._file.rows("piece = ?", (piece,))
        return [GradeDecision(**{**row, "reasons": json.loads(row["reasons"])}) for row in rows]

    def changed_by_hand(self) -> int | None:
        """Return the id of the first decision whose row was changed after it was written; None if there is none."""
        return self._file.changed_by_hand()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
