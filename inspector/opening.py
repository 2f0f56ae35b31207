"""Owns the opening of the record's file: made where there is none, and brought to this version's layout."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Protocol

from inspector.errors import DamagedError, HinderedError, StoreError
from inspector.schema import MIGRATIONS

#: What a transaction of the record is told by; so whoever writes into it needs no library of its own.
Cursor = sqlite3.Cursor
#: How often, and how long between, a new file's way of writing is tried again where another sets it just then.
_WAL_TRIES, _WAL_PAUSE_S = 100, 0.02
#: The log is cut to this when it is begun anew, and more than this is too much: a checkpoint comes each 4 MB.
LOG_BYTES = 16 << 20
#: What nobody has to change a setting for.
_MAY_PASS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class OpenRecord(Protocol):
    """The record as those see it who keep rows of their own in it: store.Store, which builds on them."""

    path: Path

    @property
    def replaced(self) -> str:
        """Which of the open files is gone, or has another in its place; empty where none is."""
        ...

    def read(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a SELECT, as they come. StoreError where they cannot be read."""
        ...

    def snapshot(self) -> AbstractContextManager[Cursor]:
        """What is read within is of one moment."""
        ...

    def transaction(self) -> AbstractContextManager[Cursor]:
        """What is written within is durable after it, or nothing of it is there. StoreError: nothing is."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def opened(path: Path, read_only: bool, patience_s: float) -> sqlite3.Connection:
    """A connection to the file, of which no transaction is under way; a lock of another is waited for, `patience_s`.

    sqlite3.Error where the file cannot be used; StoreError where it is of another layout that is not ours to change.
    """
    if read_only:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=patience_s)
    else:
        db = sqlite3.connect(path, timeout=patience_s, isolation_level=None)
    try:
        if not read_only:
            _use_wal(db)
            # FULL: a commit survives power loss, and only then is a frame acknowledged.
            db.execute("PRAGMA synchronous=FULL")
            db.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
        _check(path, _version(db), read_only)
        while (version := _version(db)) < len(MIGRATIONS):
            _migrate(db, version)
    except (sqlite3.Error, StoreError):
        db.close()  # with whatever it had begun
        raise
    return db


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """What SQLite complains of, as an error that says whether it may pass."""
    if type(error) is sqlite3.DatabaseError:  # its class for a file that is malformed or no database, and nothing else
        return DamagedError(f"{path}: {error}")
    kind = HinderedError if getattr(error, "sqlite_errorcode", 0) & 0xFF in _MAY_PASS else StoreError
    return kind(f"{path}: {error}")


def _check(path: Path, version: int, read_only: bool) -> None:
    if version == 0 and read_only:
        raise StoreError(f"{path}: nothing was recorded yet")
    if version > len(MIGRATIONS):
        raise StoreError(f"{path}: schema {version}; this version reads schema {len(MIGRATIONS)}")
    if version < len(MIGRATIONS) and read_only:
        raise StoreError(f"{path}: schema {version}; `inspector run` brings it to schema {len(MIGRATIONS)}")


def _use_wal(db: sqlite3.Connection) -> None:
    """Where two do this to a new file at once, SQLite tells one of them that it is locked, and does not wait."""
    for tries_left in reversed(range(_WAL_TRIES)):
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if not tries_left or "locked" not in str(error):
                raise
        time.sleep(_WAL_PAUSE_S)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, version: int) -> None:
    script = f"{MIGRATIONS[version]} PRAGMA user_version = {version + 1};"
    try:
        db.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
    except sqlite3.OperationalError:
        if db.in_transaction:
            with suppress(sqlite3.OperationalError):  # SQLite has already rolled back by itself
                db.execute("ROLLBACK")
        if _version(db) == version:  # otherwise someone else has opened it at the same time, and was quicker
            raise
