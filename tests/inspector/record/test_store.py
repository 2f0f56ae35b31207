"""Holds the record: a frame once, sums with it, nothing acked is lost, and answers by any filter."""

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inspector.errors import StoreError
from inspector.protocol.messages import Tally
from inspector.protocol.verdicts import Region, Settled, Verdict
from inspector.record.queries import Query, statements
from inspector.record.records import to_json
from inspector.record.schema import FILE, MIGRATIONS
from inspector.record.store import Store
from tests.inspector.verdicts import verdict_of


def verdict(number: int, outcome: str = "ok", source: str = "drop", **changes: Any) -> Verdict:
    """A verdict on frame `number`, captured a second after the last."""
    values: dict[str, Any] = {
        "source": source, "frame": f"frame-{number}", "name": f"{number}.bmp", "sequence": number,
        "captured_at": 1000.0 + number, "label": "scratches" if outcome == "defect" else "ok", "score": 0.9,
    }  # fmt: skip
    return verdict_of(outcome, **values | changes)


def tally(captured: int, in_flight: int = 0, source: str = "drop", dropped: int = 0, **outcomes: int) -> Tally:
    """A source's sums."""
    counts: Any = {"ok": 0, "defect": 0, "unsure": 0, "error": 0, **outcomes}
    return Tally(
        source=source,
        epoch="1f",
        captured=captured,
        outcomes=counts,
        dropped={"overload": dropped} if dropped else {},
        in_flight=in_flight,
        last_frame_at=1000.0,
    )


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def in_pixels(region: dict[str, Any]) -> Region:
    """A region on record, without its place on a piece."""
    return Region(**{name: region[name] for name in Region.__struct_fields__})


def write(book: Store, *verdicts: Verdict, model: str = "m-1") -> list[Verdict]:
    """Record verdicts of one model."""
    return book.write([(model, one) for one in verdicts])


def frames(book: Store, **query: Any) -> list[str]:
    """The names that match."""
    return [record.name.removesuffix(".bmp") for record in book.records(Query(**query))]


def test_every_field_of_a_verdict_is_on_record(book: Store) -> None:
    region = Region(x=10, y=20, width=200, height=200, label="scratches", score=0.97, severity="major")
    written = verdict(
        3, "defect", name="scan/ä\n\"'\\xff.bmp", severity="major", score=0.97, reason="r", regions=[region], attempt=2
    )
    book.write([("m-1", written)], now=1010.0)

    (record,) = book.records(Query())
    for name in ("source", "frame", "name", "sequence", "captured_at"):
        assert getattr(record, name) == getattr(written.header, name)
    for name in ("outcome", "label", "severity", "score"):
        assert getattr(record, name) == getattr(written, name)
    assert (record.model, record.recorded_at, record.attempt, record.width) == ("m-1", 1010.0, 2, 200)
    assert [in_pixels(one) for one in record.regions] == [region]
    assert record.latency_s > 0
    assert msgspec.json.decode(to_json(record))["name"] == written.header.name


def test_a_new_record_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda at: Store(at).close(), [folder] * 4)) == [None] * 4


def test_a_frame_is_recorded_once_and_its_first_verdict_stays(book: Store) -> None:
    first, again = verdict(1, "ok"), verdict(1, "defect")

    assert write(book, first) == [first]
    assert write(book, again, model="m-2") == []
    assert write(book, verdict(2), verdict(2, "error")) == [verdict(2)]
    assert [(one.outcome, one.model) for one in book.records(Query())] == [("ok", "m-1"), ("ok", "m-1")]
    assert book.account("drop").recorded == {"ok": 2, "defect": 0, "unsure": 0, "error": 0}
    assert book.recorded("drop", ["frame-1", "frame-9"]) == [Settled("frame-1", "ok")]


def test_a_record_that_could_hold_a_frame_twice_takes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sums cannot show a frame that is there twice: that the key is in place must not be a matter of trust.
    keyless = tuple(script.replace(",\n        UNIQUE (source, frame)", "") for script in MIGRATIONS)
    monkeypatch.setattr("inspector.record.store.MIGRATIONS", keyless)
    book = Store(tmp_path)

    with pytest.raises(StoreError, match="UNIQUE"):
        write(book, verdict(1))
    assert keyless != MIGRATIONS and frames(book) == []
    book.close()


def test_two_sources_may_use_the_same_frame_id(book: Store) -> None:
    assert len(write(book, verdict(1), verdict(1, source="other"))) == 2


def test_what_cannot_be_written_leaves_neither_row_nor_sum(book: Store) -> None:
    # A score that is no number cannot be kept: nothing of its transaction may be, and nobody may think it was.
    with pytest.raises(StoreError):
        write(book, verdict(1), verdict(2, score=float("nan")))

    assert frames(book) == []
    assert book.account("drop").recorded["ok"] == 0
    assert write(book, verdict(1)) == [verdict(1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["4", "3", "2", "1", "0"]),
        ({"oldest_first": True}, ["0", "1", "2", "3", "4"]),
        ({"limit": 2}, ["4", "3"]),
        ({"limit": 0}, []),
        ({"since": 1002.0}, ["4", "3", "2"]),
        ({"until": 1002.0}, ["1", "0"]),
        ({"since": 1001.0, "until": 1003.0}, ["2", "1"]),
        ({"outcomes": ["defect"]}, ["4", "2"]),
        ({"outcomes": ["defect", "error"]}, ["4", "3", "2"]),
        ({"labels": ["patches"]}, ["4"]),
        ({"sources": ["camera"]}, ["1"]),
        ({"models": ["m-2"]}, ["4", "3"]),
        ({"models": ["m-2"], "outcomes": ["defect"]}, ["4"]),
        ({"sources": ["' OR 1=1 --"]}, []),
        ({"after_id": 3}, ["4", "3"]),
    ],
)
def test_records_are_found_by_time_source_label_verdict_and_model(
    book: Store, query: dict[str, Any], expected: list[str]
) -> None:
    write(book, verdict(0), verdict(1, source="camera"), verdict(2, "defect"))
    write(book, verdict(3, "error"), verdict(4, "defect", label="patches"), model="m-2")

    assert frames(book, **query) == expected


def test_an_idle_account_balances_when_rows_and_last_word_agree(book: Store) -> None:
    sums = tally(6, ok=3, error=1, dropped=2)
    book.write([("m", verdict(n, "error" if n == 3 else "ok")) for n in range(1, 5)], [sums])

    account = book.account("drop")
    assert (account.balanced, account.newer, account.unsettled) == (True, 0, 0)


def test_a_running_line_ahead_of_its_last_word_balances(book: Store) -> None:
    # Given a last word of 10 captured with 4 in flight, then 3 of those and 2 newer frames on record
    book.write([("m", verdict(n)) for n in range(1, 7)], [tally(10, in_flight=4, ok=6)])
    write(book, *[verdict(n) for n in (7, 8, 9, 11, 12)])

    account = book.account("drop")
    assert (account.newer, account.unsettled, account.balanced) == (2, 3, True)


@pytest.mark.parametrize(
    "sums",
    [tally(10, in_flight=3, ok=6), tally(10, in_flight=4, ok=7), tally(6, ok=6, in_flight=0), tally(7, ok=7)],
)
def test_sums_that_do_not_add_up_do_not_balance(book: Store, sums: Tally) -> None:
    # Five rows, whatever the source says: a frame too many or too few shows.
    book.write([("m", verdict(n)) for n in range(1, 6)], [sums])

    assert not book.account("drop").balanced


def test_a_source_never_seen_has_no_sums(book: Store) -> None:
    assert book.accounts() == []
    assert (book.account("none").balanced, book.account("none").tally) == (True, None)


def _writer(folder: Path, acked: Connection) -> None:
    """Commit batches of 7 for ever, and say each number once it is durable."""
    book = Store(folder)
    for first in range(1, 1_000_000, 7):
        book.write([("m", verdict(number)) for number in range(first, first + 7)], [tally(first + 6, ok=first + 6)])
        acked.send_bytes(str(first + 6).encode())


@pytest.mark.parametrize("pause_s", [0.02, 0.05, 0.11])
def test_killing_the_writer_loses_no_acked_row_and_leaves_sums_that_agree(tmp_path: Path, pause_s: float) -> None:
    # Given a process that writes as fast as it can
    ours, theirs = multiprocessing.Pipe(duplex=False)
    writer = multiprocessing.get_context("spawn").Process(target=_writer, args=(tmp_path, theirs))
    writer.start()
    theirs.close()
    last = int(ours.recv_bytes())
    # When it is killed at some moment
    ends_at = time.monotonic() + pause_s
    while time.monotonic() < ends_at:
        last = int(ours.recv_bytes())
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    while True:
        try:
            last = int(ours.recv_bytes())
        except EOFError:
            break
    # Then every acked row is there, at most one more batch, and rows and sums agree
    book = Store(tmp_path)
    count = len(frames(book))
    account = book.account("drop")
    book.close()
    assert count in (last, last + 7)
    assert account.recorded["ok"] == count
    assert account.balanced


def test_a_reader_sees_commits_while_the_writer_goes_on_and_cannot_write(book: Store, tmp_path: Path) -> None:
    reader = Store(tmp_path, read_only=True)
    write(book, verdict(1))

    assert frames(reader) == ["1"]
    with pytest.raises(StoreError, match="readonly"):
        write(reader, verdict(2))
    write(book, verdict(3))
    assert frames(reader) == ["3", "1"]
    reader.close()


def test_a_record_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"records\.sqlite"):
        Store(tmp_path, read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read_only", [True, False])
def test_a_record_of_another_schema_is_refused(tmp_path: Path, read_only: bool) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(StoreError, match=f"schema 99; this version reads schema {len(MIGRATIONS)}"):
        Store(tmp_path, read_only)


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, however long it may be" * 100)

    with pytest.raises(StoreError, match="not a database"):
        Store(tmp_path)


def test_marks_are_kept(tmp_path: Path) -> None:
    book = Store(tmp_path)
    assert book.mark("log") == 0
    book.set_mark("log", 5)
    book.set_mark("log", 9)
    book.close()

    again = Store(tmp_path)
    assert again.mark("log") == 9
    again.close()


def test_a_long_record_streams(book: Store) -> None:
    book.write([("m", verdict(number)) for number in range(3000)])
    records = book.records(Query(oldest_first=True))

    assert next(records).name == "0.bmp"
    assert write(book, verdict(5000)) != []  # while it is being read
    assert sum(1 for _ in records) in (2999, 3000)


@pytest.mark.parametrize("reads_only", [True, False])
def test_a_record_of_the_first_version_is_brought_to_this_one_with_all_it_holds(
    tmp_path: Path, reads_only: bool
) -> None:
    with sqlite3.connect(tmp_path / FILE) as database:
        database.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        database.execute(
            "INSERT INTO records (source, frame, epoch, name, sequence, captured_at, recorded_at, outcome, label,"
            " severity, score, reason, width, height, regions, model, attempt, latency_s) VALUES"
            " ('drop', 'frame-1', '1f', '1.bmp', 1, 5, 6, 'defect', 'patches', 'major', 1, '', 9, 9, '[]', 'm', 1, 0)"
        )
    database.close()
    if reads_only:
        with pytest.raises(StoreError, match="schema 1; `inspector run` brings it to schema"):
            Store(tmp_path, read_only=True)
        return
    book = Store(tmp_path)
    assert frames(book, since=4, until=6, outcomes=["defect"]) == ["1"]
    assert write(book, verdict(1)) == [] and write(book, verdict(2)) != []
    book.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            Query(since=5.0, until=9.0, outcomes=("defect",)),
            "USING INDEX records_by_outcome (outcome=? AND captured_at>",
        ),
        (Query(since=5.0), "USING INDEX records_by_outcome (outcome=? AND captured_at>"),
        (Query(limit=8), "USING INDEX records_by_outcome (outcome=?)"),
        (Query(piece=3, outcomes=("defect",)), "USING INDEX records_by_piece (piece=?)"),
        (Query(after_id=7, oldest_first=True, outcomes=("defect",)), "INTEGER PRIMARY KEY (rowid>?)"),
    ],
)
def test_every_question_has_its_index_and_sorts_nothing(book: Store, tmp_path: Path, query: Query, index: str) -> None:
    with sqlite3.connect(tmp_path / FILE) as database:
        for statement, values in statements(query):
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert index in plan[0] and not any("B-TREE" in step or "SCAN" in step for step in plan), plan
    database.close()
