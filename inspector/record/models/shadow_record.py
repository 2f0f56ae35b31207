"""Owns what models in shadow say: data/models/shadow.sqlite, apart from the record, bounded by age and rows.

Only the process of the model in shadow writes it. It may lose its last rows where power fails, as nothing depends on
them: each commit costs the line's disk no fsync.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from inspector.errors import StoreError
from inspector.record import database
from inspector.record.models.model_history import FOLDER
from inspector.vocabulary import Outcome

FILE = "shadow.sqlite"
#: Largest number of rows; the oldest go first.
MAX_ROWS = 1_000_000
#: Longest wait for another process, in seconds.
_PATIENCE_S = 5.0
#: A script for each version of the layout, in order; released scripts never change.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE shadow (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        address TEXT NOT NULL,
        judged_at REAL NOT NULL,
        source TEXT NOT NULL,
        frame TEXT NOT NULL,
        captured_at REAL NOT NULL,
        live_model TEXT NOT NULL,
        live_outcome TEXT NOT NULL,
        live_label TEXT NOT NULL,
        live_severity TEXT NOT NULL,
        outcome TEXT NOT NULL,
        label TEXT NOT NULL,
        severity TEXT NOT NULL,
        score REAL NOT NULL,
        live_s REAL NOT NULL,
        cpu_s REAL NOT NULL,
        missed INTEGER NOT NULL,
        UNIQUE (address, source, frame)
    );
    CREATE INDEX shadow_by_age ON shadow (judged_at);
    """,
)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One frame that a model in shadow judged. Times are in seconds; `captured_at` since 1970 UTC.

    `live_…`: what decided it, and how. `live_s`: scoring time of its batch by frame; `cpu_s`: CPU time of the shadow.
    `missed`: frames that were not shown before it, as the shadow was busy.
    """

    source: str
    frame: str
    captured_at: float
    live_model: str
    live_outcome: Outcome
    live_label: str
    live_severity: str
    outcome: Outcome
    label: str
    severity: str
    score: float
    live_s: float
    cpu_s: float
    missed: int

    @property
    def is_flip(self) -> bool:
        """Whether the two models differ in the outcome, or in the label of a defect."""
        if self.outcome != self.live_outcome:
            return True
        return self.outcome == "defect" and self.label != self.live_label


_COLUMNS = Judged.__struct_fields__


class ShadowRecord:
    """The open file, to write what one model says."""

    def __init__(self, data: Path, address: str, keep_days: float, max_rows: int = MAX_ROWS) -> None:
        """Open the file of a line for the model of that address; make it if there is none. Raise StoreError."""
        self._path = data / FOLDER / FILE
        self._address = address
        self._keep_s = keep_days * 86_400
        self._max_rows = max_rows
        try:
            self._db = database.opened(self._path, False, _PATIENCE_S, MIGRATIONS)
            self._db.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error as error:
            raise database.explained(self._path, error) from None

    def write(self, judged: Sequence[Judged], now: float) -> None:
        """Write these frames, all or none; a repeat is ignored. Remove what is too old or too much.

        Raise StoreError if nothing is written.
        """
        places = ", ".join("?" * (len(_COLUMNS) + 2))
        insert = f"INSERT OR IGNORE INTO shadow (address, judged_at, {', '.join(_COLUMNS)}) VALUES ({places})"
        rows = [(self._address, now, *(getattr(one, name) for name in _COLUMNS)) for one in judged]
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(insert, rows)
                self._db.execute("DELETE FROM shadow WHERE judged_at < ?", (now - self._keep_s,))
                self._db.execute("DELETE FROM shadow WHERE id <= (SELECT MAX(id) FROM shadow) - ?", (self._max_rows,))
        except sqlite3.Error as error:
            raise database.explained(self._path, error) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def judged(data: Path, address: str) -> list[Judged]:
    """Return what the model of that address said, the oldest first. Raise StoreError if it cannot be read."""
    path = data / FOLDER / FILE
    if not path.exists():
        return []
    try:
        db = database.opened(path, True, _PATIENCE_S, MIGRATIONS)
        try:
            rows = db.execute(f"SELECT {', '.join(_COLUMNS)} FROM shadow WHERE address = ? ORDER BY id", (address,))
            return [msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), Judged) for row in rows]
        finally:
            db.close()
    except sqlite3.Error as error:
        raise database.explained(path, error) from None
    except msgspec.ValidationError as error:
        raise StoreError(f"{path}: a row is not as this version writes it: {error}") from None
