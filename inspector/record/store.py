"""Owns the record: one SQLite file with one row a frame, keyed by source and frame id, and the sums of each source."""

import heapq
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from inspector.errors import HinderedError, ReplacedError, StoreError
from inspector.protocol.messages import Tally
from inspector.protocol.verdicts import Settled, Verdict
from inspector.record import database, pieces
from inspector.record.evidence import evidence
from inspector.record.gaps import Gap
from inspector.record.placement import placed
from inspector.record.position import Locator
from inspector.record.queries import Query, gap_statement, next_page, shares, statements, struct_of, within
from inspector.record.records import (
    INSERT,
    INSERT_DOUBT,
    INSERT_REGION,
    INSERT_SAMPLE,
    SELECTED,
    Record,
    doubt_rows,
    from_row,
    region_rows,
    to_row,
)
from inspector.record.schema import FILE, MIGRATIONS, OLDER_LACK, OLDEST_READABLE
from inspector.record.storage.file_set import FileSet
from inspector.record.sums import gap_record
from inspector.record.sums.accounts import Account
from inspector.record.sums.tallies import ROWS_SINCE_TALLY, read_accounts, save_tally
from inspector.vocabulary import OUTCOMES, Outcome

#: Largest number of gaps that are listed one by one; older ones are folded when the record is opened.
MAX_GAPS = 100_000
#: Number of records that are read at once.
PAGE = 500
_NOWHERE = Locator()


class Store:
    """The open record. The sink is the one that writes frames; readers open it with `read_only`."""

    def __init__(self, folder: Path, read_only: bool = False, patience_s: float = 10.0) -> None:
        """Open the record in `folder`; make it if there is none. Raise StoreError if that fails.

        Every access waits up to `patience_s` for the locks of other processes.
        """
        self.path = folder / FILE
        self._patience_s = patience_s
        self._files = FileSet(self.path)
        try:
            self._db = database.opened(self.path, read_only, patience_s, MIGRATIONS, OLDEST_READABLE, OLDER_LACK)
        except sqlite3.Error as error:
            raise self._explained(error) from None
        self._files.note()
        if not read_only:
            self.fold_gaps(MAX_GAPS)

    @property
    def replaced(self) -> str:
        """Which of the open files is gone, or has another file in its place; empty if none is."""
        return self._files.changed()

    def salvage(self) -> None:
        """Move the content of the log into the open file, wherever that is now; see `replaced`.

        A log that is left without its file is set aside: SQLite would delete it, or read it into another record.
        Raise StoreError if that fails.
        """
        try:
            self.checkpoint(self._patience_s)
            self._files.set_aside(f"records-left-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.sqlite-wal")
        except OSError as error:
            raise StoreError(f"{self.path}: {error}") from None

    def checkpoint(self, patience_s: float = 0.1) -> None:
        """Move the content of the log into the file. Raise HinderedError if others read or write in the log.

        Most of it is moved while others go on. Only for the rest do they wait, for `patience_s` at most.
        """
        try:
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._db.execute(f"PRAGMA busy_timeout={patience_s * 1000:.0f}")
            (busy, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise self._explained(error) from None
        finally:
            self._db.execute(f"PRAGMA busy_timeout={self._patience_s * 1000:.0f}")
        if busy:
            raise HinderedError(f"{self.path}: its log cannot be emptied now: others use it")

    def write(
        self,
        batches: Iterable[tuple[str, Verdict]],
        tallies: Iterable[Tally] = (),
        now: float | None = None,
        locators: Mapping[str, Locator] | None = None,
    ) -> list[Verdict]:
        """Record (model, verdict) pairs and tallies in one durable transaction; return the verdicts that were new.

        `locators`, by source, read where frames lie. A frame that is already on record keeps its first row. A frame
        that was not decided by the recipe of its piece is recorded and returned as unsure. Raise StoreError if nothing
        was written.
        """
        now = time.time() if now is None else now
        monotonic = time.monotonic()
        new: list[Verdict] = []
        with self.transaction() as cursor:
            pieces.doubt(cursor, now)
            for model, verdict in batches:
                verdict, spot = placed(cursor, (locators or {}).get(verdict.header.source, _NOWHERE), verdict)
                cursor.execute(INSERT, to_row(model, verdict, spot, now, monotonic))
                if cursor.rowcount:
                    new.append(verdict)
                    record = cursor.lastrowid or 0
                    cursor.executemany(INSERT_REGION, region_rows(record, verdict, spot))
                    cursor.executemany(INSERT_DOUBT, doubt_rows(record, verdict, spot))
                    if verdict.header.sampled:
                        cursor.execute(INSERT_SAMPLE, (record, verdict.header.source, verdict.header.captured_at))
                    self._note_evidence(cursor, record, verdict)
            for source, counts in _count(new).items():
                sums = ", ".join(f"{outcome} = {outcome} + {count}" for outcome, count in counts.items())
                cursor.execute("INSERT OR IGNORE INTO sources (source) VALUES (?)", (source,))
                cursor.execute(f"UPDATE sources SET {sums} WHERE source = ?", (source,))
            for tally in tallies:
                save_tally(cursor, tally)
        return new

    def recorded(self, source: str, frames: Iterable[str]) -> list[Settled]:
        """Return those of `frames` that are on record, with their outcomes."""
        statement = "SELECT outcome FROM records WHERE source = ? AND frame = ?"
        found = ((frame, next(self.read(statement, (source, frame)), None)) for frame in frames)
        return [Settled(frame, row[0]) for frame, row in found if row]

    def accounts(self) -> list[Account]:
        """Return the sums of every source ever seen, by name, all of one moment."""
        with self.snapshot() as cursor:
            return read_accounts(cursor)

    def recorded_within(self, query: Query) -> dict[str, dict[Outcome, int]]:
        """Return how many frames captured within the query's time are on record, by source and outcome."""
        counts: dict[str, dict[Outcome, int]] = {}
        with self.snapshot():
            for statement, values in within(query):
                for source, outcome, count in self.read(statement, values):
                    counts.setdefault(source, dict.fromkeys(OUTCOMES, 0))[outcome] += count
        return counts

    def gaps(self, query: Query) -> list[Gap]:
        """Return the gaps of the query's sources that overlap its time, by source and time."""
        return [struct_of(Gap, row) for row in self.read(*gap_statement(query))]

    def fold_gaps(self, keep: int) -> None:
        """Keep the newest `keep` gaps; merge the older ones into one for each source and reason, so the sums stay."""
        with self.transaction() as cursor:
            gap_record.fold(cursor, keep)

    def account(self, source: str) -> Account:
        """Return the sums of one source; all zero if it was never seen."""
        known = (account for account in self.accounts() if account.source == source)
        return next(known, Account(source, dict.fromkeys(OUTCOMES, 0), 0, None))

    def last_sequence(self, source: str) -> int:
        """Return the highest sequence among the source's last rows: it captured at least that number of frames."""
        statement = (
            "SELECT COALESCE(MAX(sequence), 0) FROM records NOT INDEXED WHERE source = ?"
            f" AND id > (SELECT MAX(id) FROM records) - {ROWS_SINCE_TALLY}"
        )
        return int(next(self.read(statement, (source,)))[0])

    def records(self, query: Query) -> Iterator[Record]:
        """Yield the matching records that are there at the call, in the query's order.

        They are read in pages: any number of them needs no memory, and a slow reader holds up nobody, because an open
        statement would keep the log from being emptied.
        """
        (newest,) = next(self.read("SELECT COALESCE(MAX(id), 0) FROM records"))
        pages = (self._pages(share) for share in shares(replace(query, last_id=newest)))
        return islice(heapq.merge(*pages, key=query.order, reverse=not query.oldest_first), query.limit)

    def _pages(self, query: Query) -> Iterator[Record]:
        data, size = self.path.parent, min(PAGE, query.limit or PAGE)
        query = replace(query, limit=size)
        while page := [from_row(row, data) for one in statements(query) for row in self.read(*one)]:
            yield from page
            if len(page) < size:
                return
            query = next_page(query, page[-1])

    def record(self, number: int) -> Record | None:
        """Return the record of that number; None if it is gone."""
        row = next(self.read(f"SELECT {SELECTED} FROM records WHERE id = ?", (number,)), None)
        return None if row is None else from_row(row, self.path.parent)

    def adopt(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Insert rows of a table of a record that was set aside. Raise StoreError if none is inserted."""
        with self.transaction() as cursor:
            for row in rows:
                places = ", ".join("?" * len(row))
                cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))

    def mark(self, name: str) -> int:
        """Return the number that is kept under `name`, 0 if there is none; for cursors see followers.py."""
        row = self._db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def set_mark(self, name: str, value: int) -> None:
        """Keep `value` under `name`. Raise StoreError if it cannot be written."""
        try:
            self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def copy_to(self, path: Path) -> None:
        """Copy the record as it is at one moment, while others write, to a new file. Raise StoreError if that fails."""
        try:
            database.copy(self._db, path)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """Commit what is written in the block, durably, when it ends. Raise StoreError if nothing is written.

        Raise ReplacedError if it was written into files that are no longer in their place. The check after the commit
        is enough: a file that is in its place then is the one that was written.
        """
        try:
            cursor = self._db.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._explained(error) from None
        finally:
            self._rollback()
        self.check()

    def check(self) -> None:
        """Raise ReplacedError unless the open files are in their place."""
        if changed := self.replaced:
            raise ReplacedError(f"{self.path.parent}: {changed} while the record is in use")

    def read(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT as they come. Raise StoreError if they cannot be read."""
        try:
            yield from self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise self._explained(error) from None

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Cursor]:
        """Read everything in the block as of one moment: a running line writes between two statements."""
        cursor = self._db.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
        except sqlite3.Error as error:
            raise self._explained(error) from None
        finally:
            cursor.close()  # a SELECT that was not read to its end would keep the snapshot open
            self._rollback()

    def _note_evidence(self, cursor: sqlite3.Cursor, record: int, verdict: Verdict) -> None:
        """Record the frame's picture if it is still there: a sweep may have removed it as one without a record."""
        header = verdict.header
        place = evidence.place(header.captured_at, header.source, header.frame)
        picture = self.path.parent / evidence.FOLDER / place
        if verdict.evidence_bytes and evidence.is_whole(picture, verdict.evidence_bytes):
            cursor.execute(
                "INSERT INTO evidence (record, tier, bytes, captured_at) VALUES (?, ?, ?, ?)",
                (record, verdict.outcome, verdict.evidence_bytes, header.captured_at),
            )

    def _explained(self, error: sqlite3.Error) -> StoreError:
        return database.explained(self.path, error)

    def _rollback(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return  # SQLite has already rolled back, as it does for a full disk or an I/O error


def _count(verdicts: Iterable[Verdict]) -> dict[str, dict[Outcome, int]]:
    counts: dict[str, dict[Outcome, int]] = {}
    for verdict in verdicts:
        of_source = counts.setdefault(verdict.header.source, {})
        of_source[verdict.outcome] = of_source.get(verdict.outcome, 0) + 1
    return counts
