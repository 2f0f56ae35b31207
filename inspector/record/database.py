"""Owns the opening of the record's file: made where there is none, and brought to this version's layout."""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any, Protocol

from inspector.errors import DamagedError, HinderedError, NewerError, StoreError
from inspector.record.schema import MIGRATIONS
from inspector.record.shapes import arrays
from inspector.record.storage import lock_holders
from inspector.record.storage.file_set import TAILS

#: What a transaction of the record is told by; so whoever writes into it needs no library of its own.
Cursor = sqlite3.Cursor
#: How long between two tries of a new file's way of writing, where another sets it just then.
_WAL_PAUSE_S = 0.02
#: The log is cut to this when it is begun anew, and more than this is too much: a checkpoint comes each 4 MB.
LOG_BYTES = 16 << 20


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


def opened(
    path: Path,
    read_only: bool,
    patience_s: float,
    migrations: Sequence[str],
    oldest_readable: int | None = None,
) -> sqlite3.Connection:
    """A connection to the file, of which no transaction is under way; a lock of another is waited for, `patience_s`.

    `migrations` lead to its layout, a script a version; a reader takes layouts from `oldest_readable` on, None: only
    the last. Raise sqlite3.Error if the file cannot be used, StoreError if it is of another layout that is not ours to
    change.
    """
    _refuse_strangers(path)
    oldest = len(migrations) if oldest_readable is None or not read_only else oldest_readable
    if read_only:
        db = _to_read(path, patience_s)
    else:
        _keep_private(path)
        db = sqlite3.connect(path, timeout=patience_s, isolation_level=None)
    try:
        if not read_only:
            _check(path, _version(db), 0, len(migrations))  # before anything is changed
            _use_wal(db, patience_s)
            # FULL: a commit survives power loss, and only then is a frame acknowledged.
            db.execute("PRAGMA synchronous=FULL")
            db.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
            while (version := _version(db)) < len(migrations):
                _migrate(db, version, migrations[version])
        _check(path, _version(db), oldest, len(migrations))
    except (sqlite3.Error, StoreError):
        db.close()  # with whatever it had begun
        raise
    return db


def copy(db: sqlite3.Connection, path: Path) -> None:
    """Copy what is on record at one moment to a new file that stands alone. sqlite3.Error where it cannot be."""
    with closing(sqlite3.connect(path)) as target:
        db.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # so it is read where nothing can be written, too


def copy_file(source: Path, path: Path) -> None:
    """Copy a record that nobody uses, with its log if it has one, to a new file. StoreError where it cannot be."""
    try:
        with closing(_to_read(source)) as db:
            copy(db, path)
    except sqlite3.Error as error:
        raise explained(source, error) from None


def check_copy(path: Path) -> None:
    """Nothing where the file is a record, whole, and of this version or an older one; otherwise StoreError."""
    try:
        with closing(_to_read(path)) as db:
            _check(path, _version(db), oldest=0)
            (problem,) = db.execute("PRAGMA quick_check(1)").fetchone()
            (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('records', 'sources')").fetchone()
    except sqlite3.Error as error:
        raise explained(path, error) from None
    if problem != "ok":
        raise DamagedError(f"{path}: damaged: {problem}")
    if tables != 2:
        raise StoreError(f"{path}: it is no record of an inspector")


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """What SQLite complains of, as an error that says whether it may pass."""
    if type(error) is sqlite3.DatabaseError:  # its class for a file that is malformed or no database, and nothing else
        return DamagedError(f"{path}: {error}")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        who = lock_holders.named(lock_holders.writers(path), path)
        return HinderedError(f"{path}: locked: {who} holds it")
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return HinderedError(f"{path}: {error}")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreError(_closed(path) or f"{path}: {error}")
    return StoreError(f"{path}: {error}")


def _to_read(path: Path, patience_s: float = 10.0) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=patience_s)


def _refuse_strangers(path: Path) -> None:
    """Raise StoreError if a pipe, a device or a folder is in the place of a file: SQLite would wait for a pipe."""
    for one in (f"{path}{tail}" for tail in TAILS):
        if os.path.exists(one) and not os.path.isfile(one):
            raise StoreError(f"{one}: no regular file: a pipe, a device or a folder; remove it")


def _closed(path: Path) -> str:
    """Why the file cannot be used by this user; empty where it can be."""
    folder, user, there = path.parent, f"user {os.geteuid()}", os.path.exists(path)
    if not os.path.isdir(folder):
        return f"{path}: nothing was recorded yet: there is no such folder"
    if not there and os.access(folder, os.W_OK | os.X_OK):
        return f"{path}: nothing was recorded yet"
    if not os.access(folder, os.X_OK) or (there and not os.access(path, os.R_OK)):
        return f"{path}: {user} may not read it: ask as the user that the line runs as"
    if not os.access(folder, os.W_OK) or not os.access(path, os.W_OK):
        return f"{path}: {user} may not write it or its folder, as the user of the line must"
    return ""


def _keep_private(path: Path) -> None:
    """Make the file for its user and group alone, as what SQLite lays beside it; from an older one others are taken."""
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
    for tail in TAILS:
        with suppress(OSError):  # it is not there, or not ours
            one = path.with_name(f"{path.name}{tail}")
            mode = one.stat().st_mode & 0o777
            if mode & 0o007:
                one.chmod(mode & 0o770)


def _check(path: Path, version: int, oldest: int, newest: int = len(MIGRATIONS)) -> None:
    if version == 0 < oldest:
        raise StoreError(f"{path}: nothing was recorded yet")
    if version > newest:
        raise NewerError(
            f"{path}: schema {version}; this version reads schema {newest}: it was written by a newer version;"
            " run that one, or `inspector restore` a copy of before the upgrade"
        )
    if version < oldest:
        raise StoreError(f"{path}: schema {version}; `inspector run` brings it to schema {newest}")


def _use_wal(db: sqlite3.Connection, patience_s: float) -> None:
    """Where two do this to a new file at once, SQLite tells one of them that it is locked, and does not wait."""
    ends_at = time.monotonic() + patience_s
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends_at:
                raise
        time.sleep(_WAL_PAUSE_S)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, version: int, migration: str) -> None:
    for function in (arrays.named_tally, arrays.named_usual, arrays.named_terms):
        db.create_function(function.__name__, 1, function, deterministic=True)
    script = f"{migration} PRAGMA user_version = {version + 1};"
    try:
        db.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
    except sqlite3.OperationalError:
        if db.in_transaction:
            with suppress(sqlite3.OperationalError):  # SQLite has already rolled back by itself
                db.execute("ROLLBACK")
        if _version(db) == version:  # otherwise someone else has opened it at the same time, and was quicker
            raise
