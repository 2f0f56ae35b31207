"""Holds the gaps: what was not inspected is on record with its time and reason, and agrees with the sums."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from inspector.cli import main
from inspector.errors import StoreError
from inspector.protocol.messages import Span, Tally
from inspector.record.gaps import NOT_RUNNING, SOURCE_DOWN, STALLED, Gap, silence, time_lost
from inspector.record.queries import Query
from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.sources.delivery.outages import OUTAGE_ENDS_S, Outages
from tests.fakes import Line, wait_until
from tests.inspector.record.test_store import verdict
from tests.inspector.roles import Bench, bench
from tests.inspector.sources.test_sources_losses import CAMERA


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


def word(at: float, dropped: dict[str, int] | None = None, epoch: str = "1f", **changes: Any) -> Tally:
    """What a source says at a moment: nothing recorded, the rest dropped."""
    counts = dropped or {}
    values: dict[str, Any] = {"at": at, "oldest_at": at, **changes}
    return Tally(
        source="drop",
        epoch=epoch,
        captured=sum(counts.values()),
        outcomes={},
        dropped=counts,
        in_flight=0,
        last_frame_at=at,
        **values,
    )


def listed(book: Store, **query: Any) -> list[tuple[str, float, float, int]]:
    """The gaps on record; the sums agree with them."""
    assert all(account.balanced for account in book.accounts())
    return [(gap.reason, gap.began_at, gap.ended_at, gap.frames) for gap in book.gaps(Query(**query))]


def hear(book: Store, *words: Tally) -> None:
    """Each in a transaction of its own."""
    for one in words:
        book.write([], [one])


def test_dropped_frames_are_a_gap_from_their_first_to_their_last_capture(book: Store) -> None:
    overload = {"overload": Span(95.0, 99.5)}
    hear(book, word(100, {"overload": 3}, spans=overload), word(101, {"overload": 3}, spans=overload))
    hear(book, word(102, {"overload": 8}, spans={"overload": Span(95.0, 101.5)}))
    hear(book, word(200, {"overload": 10, "shutdown": 1}, spans={"overload": Span(199.0, 199.5)}))

    assert listed(book) == [
        ("overload", 95.0, 101.5, 8),
        ("shutdown", 102.0, 200.0, 1),  # without a word of when: since the word before
        ("overload", 199.0, 199.5, 2),
    ]


def test_words_that_were_lost_leave_out_no_frame(book: Store) -> None:
    # Given a record that could not be written while much was dropped
    hear(book, word(100, {"overload": 1}), word(190, {"overload": 70}, spans={"overload": Span(99.0, 189.0)}))

    assert sum(frames for *_, frames in listed(book)) == 70


def test_a_source_that_did_not_run_leaves_a_gap_between_its_lives(book: Store) -> None:
    hear(book, word(100), word(101), word(160, epoch="2a"), word(161, epoch="2a"), word(300, epoch="3b"))

    assert listed(book) == [(NOT_RUNNING, 101.0, 160.0, 0), (NOT_RUNNING, 161.0, 300.0, 0)]


def test_a_source_that_captures_nothing_leaves_a_gap_with_what_was_wrong(book: Store) -> None:
    hear(book, word(100), *[word(at, problem="lost: it is gone") for at in (101, 102, 103)], word(104))
    hear(book, word(105), word(106, problem="lost: again"))

    assert listed(book) == [(SOURCE_DOWN, 100.0, 103.0, 0), (SOURCE_DOWN, 105.0, 106.0, 0)]
    assert [gap.detail for gap in book.gaps(Query())] == ["lost: it is gone", "lost: again"]


def test_a_source_that_stood_still_leaves_a_gap_however_often_it_is_told(book: Store) -> None:
    stalled = {STALLED: Span(100.5, 130.0)}
    hear(book, word(100), *[word(at, spans=stalled) for at in (131, 132, 133)], word(137))

    assert listed(book) == [(STALLED, 100.5, 130.0, 0)]


def test_time_that_was_lost_is_the_length_of_its_gaps_and_of_no_others() -> None:
    stalled, overload = Span(100.5, 130.0), Span(131.0, 139.0)
    words = [
        *(word(100), word(131, spans={STALLED: stalled}), word(132, spans={STALLED: stalled})),
        word(140, {"overload": 5}, spans={"overload": overload, STALLED: replace(stalled, ended_at=138.0)}),
        *(word(141, {"overload": 5}), word(143, {"overload": 5}, problem="gone")),
        *(word(153, {"overload": 5}, epoch="2a"), word(100, {"overload": 5}, epoch="3b")),
    ]
    lost: dict[str, float] = {}
    for before, now in zip([None, *words], words, strict=False):
        for reason, seconds in time_lost(before, now).items():
            lost[reason] = lost.get(reason, 0.0) + seconds

    assert lost == {STALLED: 37.5, SOURCE_DOWN: 2.0, NOT_RUNNING: 10.0}


def test_a_clock_set_back_makes_no_gap_that_ends_before_it_began(book: Store) -> None:
    hear(book, word(5000), word(100, epoch="2a"))

    assert listed(book) == [(NOT_RUNNING, 5000.0, 5000.0, 0)]


def test_gaps_are_found_by_the_time_they_overlap_and_by_source(book: Store) -> None:
    hear(book, word(100), word(200, epoch="2a"), word(201, epoch="2a"), word(300, epoch="3b"))
    hear(book, replace(word(100), source="cam"), replace(word(150, epoch="2a"), source="cam"))

    assert listed(book, since=210.0) == [(NOT_RUNNING, 201.0, 300.0, 0)]
    assert listed(book, until=200.0, sources=["drop"]) == [(NOT_RUNNING, 100.0, 200.0, 0)]
    assert listed(book, since=120.0, until=130.0, sources=["cam"]) == [(NOT_RUNNING, 100.0, 150.0, 0)]


def test_a_list_of_gaps_that_grew_long_is_folded_and_keeps_its_sums(book: Store) -> None:
    for number in range(1, 31):
        span = Span(100.0 * number, 100.0 * number + 1)
        hear(book, word(100 * number + 1, {"overload": 2 * number}, spans={"overload": span}))
    book.fold_gaps(keep=5)

    assert listed(book)[0] == ("overload", 100.0, 2501.0, 50)
    assert len(listed(book)) == 6
    book.fold_gaps(keep=5)
    assert len(listed(book)) == 6


def test_sums_that_name_more_dropped_frames_than_the_gaps_do_not_balance(book: Store, tmp_path: Path) -> None:
    hear(book, word(100, {"overload": 3}))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE gaps SET frames = 2")
    database.close()

    assert not book.account("drop").balanced


def test_silence_is_a_gap_that_is_open_and_a_fresh_word_is_none() -> None:
    assert silence(word(100), 104.0) is None
    assert silence(word(100), 160.0) == Gap(
        source="drop", reason=NOT_RUNNING, began_at=100.0, ended_at=160.0, state="open"
    )


def test_an_outage_goes_on_until_it_is_over_and_on_record() -> None:
    now = [0.0]
    outages = Outages(lambda: now[0])
    outages.add("overload", 10.0, 10.0)
    outages.spans(1)
    now[0] = 1.0
    outages.add("overload", 12.0, 12.0)
    outages.spans(2)

    now[0] = OUTAGE_ENDS_S
    outages.on_record(2)  # not over yet
    now[0] = 100.0
    outages.on_record(1)  # not on record yet
    assert outages.spans(3) == {"overload": Span(10.0, 12.0)}
    outages.on_record(2)
    assert outages.spans(4) == {}


#: What schema 1 was, as it was released.
SCHEMA_1 = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, frame TEXT NOT NULL, epoch TEXT NOT NULL,
    name TEXT NOT NULL, sequence INTEGER NOT NULL, captured_at REAL NOT NULL, recorded_at REAL NOT NULL,
    outcome TEXT NOT NULL, label TEXT NOT NULL, severity TEXT NOT NULL, score REAL NOT NULL, reason TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, regions TEXT NOT NULL, model TEXT NOT NULL,
    attempt INTEGER NOT NULL, latency_s REAL NOT NULL, UNIQUE (source, frame)
);
CREATE INDEX records_by_time ON records (captured_at);
CREATE TABLE sources (
    source TEXT PRIMARY KEY, ok INTEGER NOT NULL DEFAULT 0, defect INTEGER NOT NULL DEFAULT 0,
    unsure INTEGER NOT NULL DEFAULT 0, error INTEGER NOT NULL DEFAULT 0, tally TEXT NOT NULL DEFAULT ''
);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO records VALUES (1, 'cam', 'f-1', '1f', '1', 1, 1000.0, 1000.1, 'ok', 'ok', 'none', 0.9, '', 64, 64,
    '[]', 'm-1', 1, 0.1);
INSERT INTO sources VALUES ('cam', 1, 0, 0, 0,
    '["Tally", "cam", "1f", 8, {"ok": 1, "defect": 0, "unsure": 0, "error": 0}, {"overload": 5, "shutdown": 2}, 0,
      1005.0, ""]');
INSERT INTO sources VALUES ('drop', 0, 0, 0, 0, '');
INSERT INTO marks VALUES ('defect_log', 7);
PRAGMA user_version = 1;
"""


def test_a_record_of_the_first_schema_is_brought_up_to_date_and_balances(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.executescript(SCHEMA_1)
    database.close()
    with pytest.raises(StoreError, match="schema 1; `inspector run` brings it to schema"):
        Store(tmp_path, read_only=True)

    for _ in range(2):  # the second time it is up to date
        book = Store(tmp_path)
        assert [record.frame for record in book.records(Query())] == ["f-1"]
        assert book.mark("defect_log") == 7
        assert listed(book) == [("overload", 0.0, 1005.0, 5), ("shutdown", 0.0, 1005.0, 2)]
        book.close()
    book = Store(tmp_path)
    hear(book, replace(word(1100.0, epoch="2a"), source="cam", captured=8, outcomes={"ok": 1},
                       dropped={"overload": 5, "shutdown": 2}))  # fmt: skip
    assert (NOT_RUNNING, 1005.0, 1100.0, 0) in listed(book)
    book.close()


def test_a_migration_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.executescript(SCHEMA_1 + "CREATE TABLE gaps (other);")
    database.close()
    with pytest.raises(StoreError, match="gaps already exists"):
        Store(tmp_path)

    database = sqlite3.connect(tmp_path / FILE)
    assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.execute("DROP TABLE gaps")
    database.close()
    book = Store(tmp_path)
    assert len(listed(book)) == 2
    book.close()


def gaps_of(line: Bench) -> list[Gap]:
    """What is on record."""
    store = Store(line.settings.data, read_only=True)
    try:
        return store.gaps(Query())
    finally:
        store.close()


def test_what_a_camera_dropped_and_lost_is_listed_frame_by_frame_through_crashes_of_the_sink() -> None:
    with bench(CAMERA, delivery={"in_flight_frames": 10, "drain_s": 0.2}) as line:
        # Given a camera that nobody asks for frames, whose sink is replaced in the middle
        line.start_sink()
        source = line.start_source()
        for life in range(2):
            line.wait_for(lambda account, life=life: account.listed > 100 * (life + 1))  # type: ignore[misc]
            line.started[-1 if life else 0].stop()
            line.start_sink()
        line.wait_for(lambda account: account.listed > 300)
        # When the camera's process is replaced while ten frames are with a worker
        worker = line.worker()
        worker.ask(10)
        frames = worker.take(10)
        source.stop()
        line.start_source()
        account = line.wait_for(lambda account: bool(account.tally and "source_lost" in account.tally.dropped))
        # Then gaps name the time in which each of them was captured
        reasons = {gap.reason for gap in gaps_of(line)}
        assert {"overload", "source_lost", NOT_RUNNING} <= reasons
        (lost,) = [gap for gap in gaps_of(line) if gap.reason == "source_lost"]
        assert lost.frames == 10
        assert lost.began_at <= min(frame.header.captured_at for frame in frames)
        assert lost.ended_at >= max(frame.header.captured_at for frame in frames)
        assert account.balanced


def test_a_source_that_was_held_says_so() -> None:
    with bench() as line:
        line.start_sink()
        moved = [0.0]
        line.start_source(clock=lambda: time.monotonic() + moved[0])
        line.wait_for(lambda account: account.tally is not None)
        moved[0] = 30.0  # as if its process had been stopped for so long
        wait_until(lambda: [gap.reason for gap in gaps_of(line)] == [STALLED])


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line with something on record and a gap in it."""
    made = Line(tmp_path)
    made.data.mkdir()
    store = Store(made.data)
    rows = [("m", verdict(n, captured_at=1_700_000_000.0 + n)) for n in range(1, 5)]
    sums = {"ok": 4, "defect": 0, "unsure": 0, "error": 0}
    span = {"overload": Span(1_700_000_002.0, 1_700_000_003.0)}
    first = word(1_700_000_005.0, {"overload": 2}, spans=span)
    store.write(rows, [replace(first, captured=6, outcomes=sums)])
    store.close()
    return made


def account(line: Line, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Exit code and stdout of `inspector account`."""
    code = main.main(["account", "-c", str(line.config), *options])
    return code, capsys.readouterr().out


def test_account_lists_the_gaps_and_counts_what_was_captured_in_a_time(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = account(
        line, capsys, "--json", "--from", "2023-11-14T22:13:22+00:00", "--to", "2023-11-14T22:13:24+00:00"
    )
    (one,) = json.loads(out)
    assert (code, one["balanced"]) == (0, True)
    assert one["window"] == {"ok": 2, "defect": 0, "unsure": 0, "error": 0}
    assert [(gap["reason"], gap["frames"], gap["state"]) for gap in one["gaps"]] == [("overload", 2, "over")]

    code, out = account(line, capsys, "--from", "2023-11-14T22:13:24+00:00")
    assert code == 0
    assert "not inspected" in out
    assert "now" in out  # the line does not run: nobody inspects, and that is a gap
    assert account(line, capsys, "--to", "2023-11-14T22:13:20+00:00")[1].splitlines()[-2:] == ["no gaps", "balanced"]


def test_account_of_a_source_that_the_line_does_not_have_is_refused(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["account", "-c", str(line.config), "--source", "dorp"]) == 2
    assert "--source dorp: the line has no such source; it has drop" in capsys.readouterr().err
    assert account(line, capsys, "--source", "drop")[0] == 0
