"""Owns the file of labels: data/labels/labels.sqlite, append-only, apart from the record so that it outlives it.

Whoever labels writes it; the line never does. A record that is damaged, set aside or restored takes no label with it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from inspector.errors import ConfigError, StoreError
from inspector.record import database
from inspector.record.labels.labels import Box, Kind, Label
from inspector.record.labels.pictures import FOLDER

FILE = "labels.sqlite"
#: A script for each version of the layout, in order; released scripts never change.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE labels (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        frame TEXT NOT NULL,
        x INTEGER,
        y INTEGER,
        width INTEGER,
        height INTEGER,
        label TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('first', 'second', 'adjudicated', 'bulk', 'undo')),
        person TEXT NOT NULL CHECK (person != ''),
        at REAL NOT NULL,
        note TEXT NOT NULL,
        undoes INTEGER UNIQUE REFERENCES labels (id) CHECK ((undoes IS NOT NULL) = (kind = 'undo')),
        picture TEXT NOT NULL,
        record TEXT NOT NULL,
        chain TEXT NOT NULL
    );
    CREATE INDEX labels_by_frame ON labels (source, frame);
    CREATE TRIGGER labels_stay BEFORE DELETE ON labels BEGIN
        SELECT RAISE(ABORT, 'labels are never deleted');
    END;
    CREATE TRIGGER labels_never_change BEFORE UPDATE ON labels BEGIN
        SELECT RAISE(ABORT, 'labels never change');
    END;
    """,
)
_COLUMNS = "id, source, frame, x, y, width, height, label, kind, person, at, note, undoes, picture, record"
_VALUES = _COLUMNS.removeprefix("id, ")


class LabelFile:
    """The labels of one line, open. Several may write at once, each in a transaction of its own."""

    def __init__(self, data: Path, read_only: bool = False, patience_s: float = 10.0) -> None:
        """Open the labels in the data folder; made where there are none. Raise StoreError if that is impossible.

        Read only, a line without labels has an empty file of them.
        """
        self.folder = data / FOLDER
        self.path = self.folder / FILE
        self._db: sqlite3.Connection | None = None
        if read_only and not self.path.exists():
            return
        try:
            if not read_only:
                self.folder.mkdir(mode=0o750, exist_ok=True)
            self._db = database.opened(self.path, read_only, patience_s, MIGRATIONS)
        except OSError as error:
            raise StoreError(f"{self.folder}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise database.explained(self.path, error) from None

    def add(
        self,
        *,
        record: dict[str, Any],
        box: Box | None,
        label: str,
        person: str,
        at: float,
        note: str = "",
        picture: str = "",
        adjudicates: bool = False,
        bulk: bool = False,
    ) -> Label:
        """Keep what a person says, durably, and return it. Raise StoreError if it cannot be written.

        `record`: the frame's, as `inspector defects --json` prints it. What another person said of the same target
        before makes it a second opinion.
        """
        source, frame = record["source"], record["frame"]
        with self._transaction() as cursor:
            others = [one for one in self._read("source = ? AND frame = ?", source, frame) if one.person != person]
            second = any(one.box == box and one.kind != "undo" for one in others)
            kind: Kind = "adjudicated" if adjudicates else "bulk" if bulk else "second" if second else "first"
            values = (source, frame, *(box or (None,) * 4), label, kind, person, at, note, None, picture)
            return self._insert(cursor, (*values, json.dumps(record)))

    def undo(self, number: int, person: str, at: float, note: str = "") -> Label:
        """Take a label back by a row of its own. Raise ConfigError if there is none such, or it is taken back."""
        with self._transaction() as cursor:
            found = self._read("id = ?", number)
            if not found or found[0].kind == "undo":
                raise ConfigError(f"--undo: there is no label {number}; `inspector labels` lists them")
            if self._read("undoes = ?", number):
                raise ConfigError(f"--undo: label {number} is taken back already")
            label = found[0]
            values = (label.source, label.frame, *(label.box or (None,) * 4), "", "undo", person, at, note, number)
            return self._insert(cursor, (*values, label.picture, json.dumps(label.record)))

    def of(self, source: str, frame: str) -> list[Label]:
        """Return every label of a frame and its regions, the oldest first."""
        return self._read("source = ? AND frame = ?", source, frame)

    def every(self, since: float | None = None, until: float | None = None) -> list[Label]:
        """Return the labels given from `since` to before `until`, the oldest first; None: without a bound."""
        return self._read("at >= ? AND at < ?", -1e13 if since is None else since, 1e13 if until is None else until)

    def names(self, source: str, frame: str) -> bool:
        """Return whether any label names the frame, one that was taken back included."""
        return bool(self._rows("SELECT 1 FROM labels WHERE source = ? AND frame = ? LIMIT 1", (source, frame)))

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    def changed_by_hand(self) -> int | None:
        """Return the first label whose row is not as it was written, by whoever edits the file; None: all are."""
        chain = ""
        for number, *values, kept in self._rows(f"SELECT {_COLUMNS}, chain FROM labels ORDER BY id", ()):
            chain = _link(chain, number, values)
            if chain != kept:
                return int(number)
        return None

    def _insert(self, cursor: sqlite3.Cursor, values: Sequence[object]) -> Label:
        last = self._rows("SELECT id, chain FROM labels ORDER BY id DESC LIMIT 1", ())
        before, chain = last[0] if last else (0, "")
        places = ", ".join("?" * (len(values) + 2))
        row = (before + 1, *values, _link(chain, before + 1, values))
        cursor.execute(f"INSERT INTO labels (id, {_VALUES}, chain) VALUES ({places})", row)
        return self._read("id = ?", before + 1)[0]

    def _read(self, which: str, *values: object) -> list[Label]:
        return [_label(row) for row in self._rows(f"SELECT {_COLUMNS} FROM labels WHERE {which} ORDER BY id", values)]

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._explained():
            return [] if self._db is None else self._db.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        if self._db is None:
            raise StoreError(f"{self.path}: it was opened to read only")
        try:
            with self._explained():
                self._db.execute("BEGIN IMMEDIATE")
                with closing(self._db.cursor()) as cursor:
                    yield cursor
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise database.explained(self.path, error) from None


def _link(chain: str, number: int, values: Sequence[object]) -> str:
    """Return the sha256 that ties a row to all rows before it."""
    return hashlib.sha256(f"{chain}{json.dumps([number, *values])}".encode()).hexdigest()


def _label(row: tuple[Any, ...]) -> Label:
    number, source, frame, x, y, width, height, *rest = row
    label, kind, person, at, note, undoes, picture, record = rest
    return Label(
        id=number, source=source, frame=frame, box=None if x is None else (x, y, width, height), label=label, kind=kind,
        person=person, at=at, note=note, undoes=undoes, picture=picture, record=json.loads(record),
    )  # fmt: skip
