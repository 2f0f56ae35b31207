"""Owns what happens to a damaged record: it is found, set aside under the time of day with its evidence, never deleted.

A large record takes longer to read than a start may take: what the start does not get through is read while the line
runs, and damage found then is dealt with at the next start.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from inspector.errors import StoreError
from inspector.host import atomic, regular_file
from inspector.record import database, pieces
from inspector.record.evidence import evidence
from inspector.record.schema import FILE
from inspector.record.storage.file_set import LOG, TAILS
from inspector.record.store import Store

log = logging.getLogger(__name__)

#: Seconds that a start may read in the record before it goes on.
START_S = 3.0
#: What is taken over from a damaged record where it is whole itself: sums go on, and what is pinned stays so.
_TAKEN_OVER = ("sources", "gaps", "pins", "pieces", "optics", "optics_troubles")
_MARK = f"{FILE}.damaged"
#: Seconds that one look waits for a lock of another.
_PATIENCE_S = 2.0
#: Steps of SQLite's machine between two looks at the clock: a few milliseconds.
_STEPS = 100_000


@dataclass
class Finding:
    """What was found: a problem or none, whether the whole file was read, and rows that are worth keeping."""

    problem: str = ""
    complete: bool = True
    rows: dict[str, list[dict[str, object]]] = field(default_factory=dict)


def open_record(data: Path, has_recipes: bool = False) -> tuple[Store, bool]:
    """Return the record, and whether all of it was read and found good. Set a damaged one aside, and begin a new one.

    Where the pieces are lost with it and it `has_recipes`, nobody knows by which to decide: see pieces.lose.
    """
    _keep_left_log(data / FILE)
    finding = examine(data, START_S)
    if not finding.problem:
        return Store(data), finding.complete
    aside = _set_aside(data)
    log.error("the record is damaged: %s; it was set aside as %s, and a new one begun", finding.problem, aside)
    store = Store(data)
    for table, rows in finding.rows.items():
        store.adopt(table, rows)
    if "sources" not in finding.rows:
        log.error("the sums of the damaged record are lost with it: they begin at 0")
    if "pieces" not in finding.rows and has_recipes:
        log.error("which piece is on the line is lost with it: its frames are unsure until `inspector piece start`")
        with store.transaction() as cursor:
            pieces.lose(cursor, aside.stem)
    return store, True


def examine(data: Path, limit_s: float = float("inf"), stopped: Callable[[], bool] = lambda: False) -> Finding:
    """Read the record for damage, for `limit_s` seconds or until `stopped`; nobody who uses it has to wait."""
    path = data / FILE
    if not path.exists():
        return Finding()
    ends_at = time.monotonic() + limit_s
    marked = _marked(data)
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S)) as connection:
            connection.set_progress_handler(lambda: stopped() or time.monotonic() > ends_at, _STEPS)
            problem = marked or _check(connection, "")
            connection.set_progress_handler(None, _STEPS)
            return Finding(problem, True, dict(_rescued(connection)) if problem else {})
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return Finding(complete=False)
        raise database.explained(path, error) from None


def mark(data: Path, problem: str) -> None:
    """Note for the next start that the record is damaged."""
    atomic.write(data / _MARK, problem.encode())


def set_aside(data: Path) -> list[Path]:
    """Return the damaged records that lie in the data folder, and the logs of those that are gone."""
    return sorted([*data.glob("records-damaged-*.sqlite"), *data.glob(f"records-left-*.sqlite{LOG}")])


def _marked(data: Path) -> str:
    try:
        return regular_file.read(data / _MARK).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{data / _MARK}: {error.strerror}") from None


def _check(connection: sqlite3.Connection, table: str) -> str:
    """Return the first thing that is wrong; empty where nothing is. Raise OperationalError if it was interrupted."""
    try:
        (answer,) = connection.execute(f"PRAGMA quick_check({table or 1})").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if answer == "ok" else str(answer).removeprefix("*** in database main ***\n")


def _rescued(connection: sqlite3.Connection) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Yield the small tables that are whole, each with its rows."""
    for table in _TAKEN_OVER:
        try:
            if not _check(connection, table):
                cursor = connection.execute(f"SELECT * FROM {table}")
                names = [column[0] for column in cursor.description]
                yield table, [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite3.DatabaseError:
            continue  # it is damaged as well, or not there


def _keep_left_log(path: Path) -> None:
    """Set aside a log whose file is gone or empty: SQLite would delete it, and frames on record may be in it alone."""
    log_file = path.with_name(f"{path.name}{LOG}")
    if _size(log_file) and not _size(path):
        aside = path.with_name(f"records-left-{_stamp()}.sqlite{LOG}")
        log_file.rename(aside)
        log.error("%s is without its record: set aside as %s", log_file, aside.name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _set_aside(data: Path) -> Path:
    # Not synced: a power cut in between leaves the mark, and the next start sets aside what is left.
    stamp = _stamp()
    aside = data / f"records-damaged-{stamp}.sqlite"
    for tail in TAILS:
        if (path := data / f"{FILE}{tail}").exists():
            path.rename(data / f"{aside.name}{tail}")
    if (pictures := data / evidence.FOLDER).exists():
        pictures.rename(data / f"{evidence.FOLDER}-damaged-{stamp}")
    (data / _MARK).unlink(missing_ok=True)
    return aside
