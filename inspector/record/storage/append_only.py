"""Owns append-only files: labels, decisions and events, each row tied to all rows before it.

A row is never changed or deleted. Each holds a sha256 over itself and the row before, so that a row that someone edited
by hand is found.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inspector.errors import StoreError
from inspector.record import database

#: Longest wait for another process that appends, in seconds.
PATIENCE_S = 10.0


class AppendOnly:
    """One table in a file of its own, open. Several processes may append at once."""

    def __init__(
        self, path: Path, table: str, columns: Sequence[str], migrations: Sequence[str], read_only: bool = False
    ) -> None:
        """Open the file; make it if there is none. Raise StoreError if that is impossible.

        `migrations` are the scripts that lead to its layout, one a version: the table with an AUTOINCREMENT `id`,
        `columns` and `chain`. With `read_only`, a missing file reads as an empty one.
        """
        self.path = path
        self._table = table
        self._columns = tuple(columns)
        self._db: sqlite3.Connection | None = None
        if read_only and not path.exists():
            return
        try:
            if not read_only:
                path.parent.mkdir(mode=0o750, exist_ok=True)
            self._db = database.opened(path, read_only, PATIENCE_S, migrations)
        except OSError as error:
            raise StoreError(f"{path.parent}: {error.strerror}") from None
        except sqlite3.Error as error:
            raise database.explained(path, error) from None

    def append(self, values: Mapping[str, object]) -> int:
        """Append a row within `transaction` and return its id."""
        ((before, chain),) = self._rows(f"SELECT id, chain FROM {self._table} ORDER BY id DESC LIMIT 1") or [(0, "")]
        row = [values[name] for name in self._columns]
        places = ", ".join("?" * (len(row) + 2))
        statement = f"INSERT INTO {self._table} (id, {', '.join(self._columns)}, chain) VALUES ({places})"
        self._rows(statement, (before + 1, *row, _link(chain, before + 1, row)))
        return int(before) + 1

    def rows(self, which: str = "1", values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Return the rows that match the WHERE clause, the oldest first. Raise StoreError if they cannot be read."""
        names = ("id", *self._columns)
        found = self._rows(f"SELECT {', '.join(names)} FROM {self._table} WHERE {which} ORDER BY id", values)
        return [dict(zip(names, row, strict=True)) for row in found]

    def changed_by_hand(self) -> int | None:
        """Return the id of the first row that was changed or deleted after it was written; None if there is none."""
        chain, expected = "", 0
        columns = ", ".join(("id", *self._columns, "chain"))
        for expected, (number, *row, kept) in enumerate(
            self._rows(f"SELECT {columns} FROM {self._table} ORDER BY id"), start=1
        ):
            chain = _link(chain, expected, row)
            if (number, kept) != (expected, chain):
                return expected
        # SQLite itself counts the rows there ever were, where an id is AUTOINCREMENT: the last ones may be gone.
        ((ever,),) = self._rows("SELECT seq FROM sqlite_sequence WHERE name = ?", (self._table,)) or [(0,)]
        return expected + 1 if ever > expected else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is appended in the block, durably, when it ends. Raise StoreError if nothing is appended."""
        if self._db is None:
            raise StoreError(f"{self.path}: it was opened to read only")
        self._rows("BEGIN IMMEDIATE")
        try:
            yield
            self._rows("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return [] if self._db is None else self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise database.explained(self.path, error) from None


def kept_for_ever(table: str) -> str:
    """Return the SQL of triggers that refuse to change or delete a row of the table."""
    return f"""
    CREATE TRIGGER {table}_stay BEFORE DELETE ON {table} BEGIN
        SELECT RAISE(ABORT, 'rows of {table} are never deleted');
    END;
    CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table} BEGIN
        SELECT RAISE(ABORT, 'rows of {table} never change');
    END;
    """


def _link(chain: str, number: int, row: Sequence[object]) -> str:
    """Return the sha256 that ties a row to all rows before it."""
    return hashlib.sha256(f"{chain}{json.dumps([number, *row])}".encode()).hexdigest()
