"""Holds that the record's log is bounded: our own commands never hold it up, and who does is named."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.record.queries import Query
from inspector.record.schema import FILE
from inspector.record.storage import lock_holders, log_bound
from inspector.record.storage.lock_holders import Holder
from inspector.record.storage.log_bound import RecordLog
from inspector.record.store import Store
from inspector.sink.health import Health
from inspector.sink.maintenance import Maintenance
from inspector.sink.metrics import Metrics
from tests.fakes import ROOT, Line
from tests.inspector.host.test_age_clock import settings
from tests.inspector.record.test_store import verdict

MB = 1 << 20


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def write(book: Store, first: int, transactions: int) -> None:
    """So many transactions of 20 rows with long names, some 60 kB each."""
    for number in range(first, first + transactions):
        book.write([("m", verdict(20 * number + n, name="x" * 2000)) for n in range(20)])


def size(book: Store) -> int:
    """Of the log."""
    return book.path.with_name(f"{FILE}-wal").stat().st_size


QUERIES = [Query(), Query(oldest_first=True), Query(outcomes=("ok",), since=0.0)]


@pytest.mark.parametrize("query", QUERIES)
def test_an_answer_that_is_taken_at_leisure_is_whole_and_holds_up_no_log(book: Store, query: Query) -> None:
    write(book, 0, 60)
    reader = Store(book.path.parent, read_only=True)
    answer = reader.records(query)
    first = [next(answer) for _ in range(3)]
    # When the line goes on while nobody takes the rest
    write(book, 60, 300)
    assert size(book) < 8 * MB
    # Then the rest is what was there when it was asked for, in order
    ids = [one.id for one in [*first, *answer]]
    assert ids == sorted(range(1, 1201), reverse=not query.oldest_first)
    reader.close()


def test_a_command_whose_output_waits_lets_the_log_be_emptied(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.data.mkdir()
    book = Store(line.data)
    write(book, 0, 60)
    command = [sys.executable, "-m", "inspector", "defects", "-c", str(line.config), "--verdict", "all", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read(1)  # it writes by now, and the pipe is full
    write(book, 60, 300)
    assert size(book) < 8 * MB
    assert len(process.stdout.read().splitlines()) == 1200
    assert process.wait() == 0
    process.stdout.close()
    book.close()


READER = """
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT * FROM records")
next(rows)
print("reads", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def foreign(book: Store) -> Iterator["subprocess.Popen[str]"]:
    """Another program that reads and does not go on."""
    write(book, 0, 10)
    command = [sys.executable, "-c", READER, str(book.path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "reads\n"
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


def test_a_program_that_reads_without_an_end_is_named_and_the_log_is_small_again_after_it(
    book: Store, foreign: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_bound, "LOG_BYTES", 1 * MB)
    monkeypatch.setattr(log_bound, "TROUBLE_BYTES", 4 * MB)
    health, metrics = Health(set(), 60), Metrics()
    upkeep = Maintenance(settings(tmp_path), metrics, health, threading.Event())
    write(book, 10, 150)
    assert size(book) > 8 * MB
    upkeep.look()
    upkeep.look()
    (told,) = [one for one in health.problems() if one.startswith("record log")]
    name = Path(f"/proc/{foreign.pid}/comm").read_text().strip()
    assert told.endswith(f"MB and grows: process {foreign.pid} ({name}) reads the record and does not end")
    assert b"inspector_record_wal_bytes 0.0" not in metrics.render()
    # When it ends
    assert foreign.stdin is not None
    foreign.stdin.close()
    foreign.wait()
    upkeep.look()
    assert [one for one in health.problems() if one.startswith("record log")] == []
    assert size(book) == 0 and b"inspector_record_wal_bytes 0.0" in metrics.render()
    upkeep.close()


def test_a_log_that_became_large_is_cut_when_it_is_begun_anew(
    book: Store, foreign: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    write(book, 10, 400)
    assert size(book) > 20 * MB
    assert foreign.stdin is not None
    foreign.stdin.close()
    foreign.wait()
    write(book, 410, 3)
    assert size(book) <= 17 * MB


def test_who_writes_is_told_from_who_reads(book: Store, foreign: "subprocess.Popen[str]") -> None:
    assert {one.pid for one in lock_holders.readers(book.path)} == {foreign.pid}
    assert lock_holders.writers(book.path) == set()
    code = "import sqlite3,sys; d = sqlite3.connect(sys.argv[1], isolation_level=None); d.execute('BEGIN IMMEDIATE');"
    code += "print('holds', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(book.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None and writer.stdin is not None
        writer.stdout.readline()
        assert {one.pid for one in lock_holders.writers(book.path)} == {writer.pid}
        writer.stdin.close()


def test_nobody_is_named_where_the_kernel_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_holders, "_LOCKS", tmp_path / "none")
    assert lock_holders.readers(tmp_path / FILE) == set()
    assert lock_holders.named(set(), Path("/d/records.sqlite")) == (
        "some process (`fuser -v /d/records.sqlite*` shows which)"
    )
    assert lock_holders.named({Holder(7, "less"), Holder(3, "")}, tmp_path) == "process 3, process 7 (less)"


def test_a_log_that_cannot_be_emptied_now_is_emptied_later(
    book: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_bound, "LOG_BYTES", 0)
    write(book, 0, 5)
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    log = RecordLog(book)
    assert log.look() == size(book) > 0
    holder.execute("ROLLBACK")
    holder.close()
    assert log.look() == size(book) == 0
