"""Holds the sums by minute: whatever is written or deleted, they say what is on record, to the second."""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import StoreError
from inspector.protocol.verdicts import Verdict
from inspector.record.queries import Query
from inspector.record.schema import FILE, MIGRATIONS
from inspector.record.store import Store
from tests.inspector.record.test_store import verdict

OUTCOMES = ("ok", "defect", "unsure", "error")
#: Moments around the turn of a minute, and windows that begin and end on, before, after and between them.
EDGES = (0.0, 0.5, 59.0, 59.999, 60.0, 61.0, 119.999, 120.0, 150.0, 299.5, 300.0, 301.0)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def drawn(count: int, seed: int) -> list[Verdict]:
    """Verdicts of two sources within six minutes, some exactly at their turns."""
    draw = random.Random(seed)
    times = [draw.choice([draw.uniform(0, 360), float(draw.choice(EDGES))]) for _ in range(count)]
    return [
        verdict(number, draw.choice(OUTCOMES), draw.choice(["drop", "camera"]), captured_at=at)
        for number, at in enumerate(times)
    ]


def counted(book: Store, **query: Any) -> Counter[tuple[str, str]]:
    """What the sums say, without zeros."""
    within = book.recorded_within(Query(**query))
    return Counter({(source, o): n for source, outcomes in within.items() for o, n in outcomes.items() if n})


def listed(book: Store, **query: Any) -> Counter[tuple[str, str]]:
    """The same, counted row by row."""
    return Counter((record.source, record.outcome) for record in book.records(Query(**query)))


def test_a_window_of_any_length_counts_what_a_list_of_its_records_counts(book: Store) -> None:
    book.write([("m", one) for one in drawn(600, seed=1)])

    windows = [(since, until) for since in (None, *EDGES) for until in (None, *EDGES)]
    for since, until in windows:
        for sources in ((), ("camera",), ("camera", "drop"), ("nobody",)):
            query = {"since": since, "until": until, "sources": sources}
            assert counted(book, **query) == listed(book, **query), query


def test_a_frame_that_comes_again_counts_once_and_a_deleted_one_no_more(book: Store, tmp_path: Path) -> None:
    first = drawn(300, seed=2)
    book.write([("m", one) for one in first])
    book.write([("m", one) for one in first])
    assert counted(book).total() == 300

    with book.transaction() as cursor:
        cursor.execute("DELETE FROM records WHERE id % 3 != 0")
    assert counted(book) == listed(book)
    with book.transaction() as cursor:
        cursor.execute("DELETE FROM records")
    assert counted(book) == Counter() and list(book.read("SELECT * FROM minutes")) == []


def test_what_cannot_be_written_is_in_no_sum(book: Store) -> None:
    with pytest.raises(StoreError):
        book.write([("m", verdict(1)), ("m", verdict(2, score=float("nan")))])

    assert counted(book) == Counter()


def test_the_records_of_an_older_version_are_summed_up_once(tmp_path: Path) -> None:
    # Given a record as it was before there were sums by minute
    verdicts = drawn(100, seed=3)
    scripts = MIGRATIONS[: next(n for n, script in enumerate(MIGRATIONS) if "TABLE minutes" in script)]
    with sqlite3.connect(tmp_path / FILE) as database:
        database.executescript(f"{''.join(scripts)} PRAGMA user_version = {len(scripts)};")
        database.executemany(
            "INSERT INTO records (source, frame, epoch, name, sequence, captured_at, recorded_at, outcome, label,"
            " severity, score, reason, width, height, regions, model, attempt, latency_s) VALUES"
            " (?, ?, '1f', 'a.bmp', 1, ?, 6, ?, 'ok', 'none', 1, '', 9, 9, '[]', 'm', 1, 0)",
            [(one.header.source, one.header.frame, one.header.captured_at, one.outcome) for one in verdicts],
        )
    database.close()
    # When it is opened, and opened again, and written to
    for _ in range(2):
        book = Store(tmp_path)
        assert counted(book) == listed(book) and counted(book).total() == 100
        book.close()
    book = Store(tmp_path)
    book.write([("m", verdict(1000, captured_at=150.0))])
    # Then all of it counts
    assert counted(book, since=60.0, until=301.0) == listed(book, since=60.0, until=301.0)
    book.close()
