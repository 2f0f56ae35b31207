"""Owns opening the record's file: it is made if there is none, and migrated to this version's layout."""

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

#: Cursor of a transaction of the record; a module that writes into one imports it from here, and not sqlite3.
Cursor = sqlite3.Cursor
#: Pause between two tries to set a new file's journal mode while another process sets it, in seconds.
_WAL_PAUSE_S = 0.02
#: Size to which SQLite truncates its log, in bytes. A larger log is checkpointed; SQLite does so every 4 MB by itself.
LOG_BYTES = 16 << 20


class OpenRecord(Protocol):
    """The record as seen by the modules that keep rows in it. store.Store, which builds on those modules, is one."""

    path: Path

    @property
    def replaced(self) -> str:
        """Which of the open files is gone, or has another file in its place; empty if none is."""
        ...

    def read(self, statement: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a SELECT as they come. Raise StoreError if they cannot be read."""
        ...

    def snapshot(self) -> AbstractContextManager[Cursor]:
        """Return a context in which everything that is read is of one moment."""
        ...

    def transaction(self) -> AbstractContextManager[Cursor]:
        """Return a context after which everything written in it is durable. Raise StoreError if nothing is written."""
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
    older_lack: str = "",
) -> sqlite3.Connection:
    """Return a connection to the file, outside any transaction. It waits up to `patience_s` for another's lock.

    `migrations` are the scripts that lead to the layout, one a version. A reader accepts layouts from
    `oldest_readable` on; None: only the newest. `older_lack`: SQL that makes, for this connection alone, the tables
    that those layouts lack. Raise sqlite3.Error if the file cannot be used, StoreError if its layout is another one
    that must not be changed here.
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
        if _version(db) < len(migrations):
            db.executescript(older_lack)
    except (sqlite3.Error, StoreError):
        db.close()  # which rolls back whatever had begun
        raise
    return db


def copy(db: sqlite3.Connection, path: Path) -> None:
    """Copy the record, as it is at one moment, to a new file without a log. Raise sqlite3.Error if that fails."""
    with closing(sqlite3.connect(path)) as target:
        db.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # so that it can also be read in a read-only folder


def copy_file(source: Path, path: Path) -> None:
    """Copy a record that nobody uses, with its log if it has one, to a new file. Raise StoreError if that fails."""
    try:
        with closing(_to_read(source)) as db:
            copy(db, path)
    except sqlite3.Error as error:
        raise explained(source, error) from None


def check_copy(path: Path) -> None:
    """Raise StoreError unless the file is a whole record of this version or an older one."""
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
    """Return SQLite's error as a StoreError: HinderedError if it may pass, DamagedError if the file is malformed."""
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
    """Return why this user cannot use the file; empty if nothing forbids it."""
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
    """Make the file for its user and group alone, and take the access of others away from files of older versions."""
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
    for tail in TAILS:
        with suppress(OSError):  # it is missing, or owned by another user
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
    """Set the journal mode. Where two processes do so at once, SQLite fails one as locked without waiting: retry."""
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
        if _version(db) == version:  # otherwise another process opened it at the same time and has migrated it
            raise
