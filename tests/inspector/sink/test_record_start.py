"""Holds that a record that cannot be opened now is waited for, with its reason, and that one that never can be ends."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import HinderedError, StoreError
from inspector.host.disk_reserve import Reserve
from inspector.record import database
from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.sink import record_start
from inspector.sink.health import Health
from tests.fakes import Line, running, wait_until
from tests.inspector.host.test_age_clock import settings
from tests.inspector.record.test_store import verdict


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another program, such as a browser of databases, that keeps the record for itself."""
    data = tmp_path / "data"
    data.mkdir()
    Store(data).close()
    other = sqlite3.connect(data / FILE, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE IF NOT EXISTS mine (x)")
    yield other
    other.close()


def test_a_line_whose_record_is_locked_at_the_start_waits_for_it_and_says_who_holds_it(
    tmp_path: Path, holder: sqlite3.Connection
) -> None:
    line = Line(tmp_path)
    line.drop.mkdir()
    with running(line):
        wait_until(lambda: "it is waited for" in line.log, line.explain)
        assert f"locked: process {os.getpid()} " in line.log
        wait_until(lambda: f"record: {line.data / FILE}: locked: process " in line.page("readyz"), line.explain)
        assert line.process is not None and line.process.poll() is None
        # When it is let go
        holder.execute("ROLLBACK")
        holder.close()
        wait_until(lambda: '"ready": true' in line.page("readyz"), lambda: line.page("readyz") + line.explain())
        assert "sink ended" not in line.log
        assert line.stop() == 0


def test_a_line_that_waits_for_its_record_can_be_stopped(tmp_path: Path, holder: sqlite3.Connection) -> None:
    health, stops = Health(set(), 60), iter([False, False, True])
    made = settings(tmp_path / "data")
    waited: list[float] = []
    assert record_start.open_at_last(made, Reserve(made.data, 0), health, lambda: next(stops), waited.append) is None
    assert len(waited) == 2
    assert [one for one in health.problems() if "locked: some process" in one]


def test_what_may_pass_is_told_from_what_may_not_and_by_its_right_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILE

    def told(code: int) -> StoreError:
        error = sqlite3.OperationalError("what SQLite says")
        error.sqlite_errorcode = code
        return database.explained(path, error)

    for code in (sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
        assert isinstance(told(code), HinderedError)
    assert not isinstance(told(sqlite3.SQLITE_ERROR), HinderedError)
    assert str(told(sqlite3.SQLITE_CANTOPEN)) == f"{path}: nothing was recorded yet"
    path.touch()
    assert str(told(sqlite3.SQLITE_CANTOPEN)) == f"{path}: what SQLite says"
    user = f"user {os.geteuid()}"
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.R_OK)
    assert str(told(sqlite3.SQLITE_CANTOPEN)).startswith(f"{path}: {user} may not read it: ask as the user")
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    assert str(told(sqlite3.SQLITE_READONLY)).startswith(f"{path}: {user} may not write it or its folder")


def test_a_record_that_is_locked_for_a_moment_is_opened_once_it_is_free(
    tmp_path: Path, holder: sqlite3.Connection
) -> None:
    holder.execute("COMMIT")
    made = settings(tmp_path / "data")
    opened = record_start.open_at_last(
        made, Reserve(made.data, 0), Health(set(), 60), lambda: False, lambda _: holder.close()
    )
    assert opened is not None
    assert opened[0].write([("m", verdict(1))])
    opened[0].close()
