"""Holds that a clock that is ahead deletes nothing, in a run or at a start, and that what goes, goes by shares."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from inspector.host.age_clock import AgeClock
from inspector.record.evidence.evidence import Keeper
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink.health import Health
from inspector.sink.maintenance import Maintenance
from inspector.sink.metrics import Metrics
from tests.inspector.pictures import strip
from tests.inspector.record.test_store import verdict

DAY = 86_400.0
T0 = time.time()


class Clocks:
    """The world's clock, which anyone can set, and the machine's own count of seconds."""

    def __init__(self) -> None:
        self.world, self.up = T0, 1000.0

    def pass_(self, seconds: float) -> None:
        """Both go on."""
        self.world, self.up = self.world + seconds, self.up + seconds

    def age_clock(self, age_s: float, known: float | None = None) -> AgeClock:
        """By these clocks."""
        return AgeClock(age_s, known, lambda: self.world, lambda: self.up)


def test_time_that_passes_is_believed() -> None:
    clocks = Clocks()
    clock = clocks.age_clock(90 * DAY)
    for _ in range(100):
        clocks.pass_(DAY)
        assert clock.too_old() == clocks.world - 90 * DAY
    assert clock.doubt == ""


def test_a_clock_that_is_ahead_is_in_doubt_until_it_has_run_evenly_for_a_day() -> None:
    clocks = Clocks()
    clock = clocks.age_clock(90 * DAY)
    clocks.world += 91 * DAY
    assert clock.too_old() is None
    assert clock.doubt.startswith("91.0 days ahead of what is known to have passed: nothing goes by age until it is")
    for _ in range(23):
        clocks.pass_(3600)
        assert clock.too_old() is None
    # When it was right, and another one was ahead
    clocks.world -= 91 * DAY
    assert clock.too_old() == clocks.world - 90 * DAY
    clocks.world += 91 * DAY
    assert clock.too_old() is None
    # When it stays so for a day, then it is followed, a share of the age at a time
    moments: list[float] = []
    for _ in range(48 * 6):
        clocks.pass_(600)
        if (moment := clock.too_old()) is not None:
            moments.append(moment)
    assert len(moments) == 24 * 6 + 1
    assert max(after - before for before, after in pairwise(moments)) <= 0.9 * DAY + 1
    assert moments[-1] == clocks.world - 90 * DAY


def test_a_pause_of_a_holiday_is_no_doubt_and_a_long_one_is_for_a_day() -> None:
    clocks = Clocks()
    clocks.world += 8 * DAY
    assert clocks.age_clock(90 * DAY, T0).too_old() == clocks.world - 90 * DAY
    clocks.world += 30 * DAY
    clock = clocks.age_clock(90 * DAY, T0)
    assert clock.too_old() is None
    clocks.pass_(DAY)
    assert clock.too_old() is not None
    for _ in range(24 * 6):
        clocks.pass_(600)
        last = clock.too_old()
    assert last == clocks.world - 90 * DAY


def test_a_clock_that_is_behind_takes_nothing_that_it_does_not_call_old_itself() -> None:
    clocks = Clocks()
    clock = clocks.age_clock(90 * DAY)
    clocks.world -= 500 * DAY
    assert clock.too_old() == clocks.world - 90 * DAY
    clocks.world += 500 * DAY
    assert clock.too_old() == clocks.world - 90 * DAY


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Store]:
    """A record of 2,000 frames of the last 30 days, 200 of them with a picture."""
    opened = Store(tmp_path)
    keeper = Keeper(settings(tmp_path))
    for day in range(40):
        at = T0 - (40 - day) * 0.75 * DAY
        frames = [verdict(50 * day + n, "defect" if n < 5 else "ok", captured_at=at + n) for n in range(50)]
        opened.write([("m", keeper.keep(one, strip(20, 20))) for one in frames], now=at)
    opened.write([("m", verdict(9000, captured_at=T0))], now=T0)
    yield opened
    opened.close()


def settings(data: Path) -> Settings:
    """A line's."""
    source = {"name": "drop", "type": "folder", "path": data / "drop"}
    return Settings.model_validate(
        {"data": data, "sources": [source], "disk": {"min_free_mb": 0}, "evidence": {"ok_share": 0}}
    )


def upkeep(data: Path, clocks: Clocks, health: Health) -> Maintenance:
    """Of this data folder, by these clocks."""
    made = settings(data)
    return Maintenance(made, Metrics(), health, threading.Event(), clock=lambda: clocks.world, uptime=lambda: clocks.up)


def left(book: Store) -> tuple[int, int]:
    """Records, and those of them with a picture."""
    records = list(book.records(Query()))
    return len(records), sum(bool(one.evidence) for one in records)


def sweep(upkeep: Maintenance) -> None:
    """All its steps."""
    upkeep.look()
    upkeep.retire()
    upkeep.retire_evidence()


def test_three_months_ahead_for_seconds_take_no_picture_and_no_record(tmp_path: Path, book: Store) -> None:
    clocks, health = Clocks(), Health(set(), 60)
    running = upkeep(tmp_path, clocks, health)
    sweep(running)
    clocks.world += 91 * DAY
    clocks.up += 6
    sweep(running)
    assert left(book) == (2001, 200)
    assert [one for one in health.problems() if one.startswith("clock, evidence: 91.0 days ahead of what is known")]
    clocks.world -= 91 * DAY
    sweep(running)
    assert not [one for one in health.problems() if "clock" in one]
    running.close()


def test_starts_with_a_clock_ahead_take_nothing_though_there_are_records_of_that_time_by_then(
    tmp_path: Path, book: Store
) -> None:
    clocks = Clocks()
    clocks.world += 400 * DAY
    for life in range(3):
        health = Health(set(), 60)
        starting = upkeep(tmp_path, clocks, health)
        sweep(starting)
        starting.close()
        clocks.pass_(3600)
        book.write([("m", verdict(9001 + life, captured_at=clocks.world))], now=clocks.world)
        assert left(book) == (2002 + life, 200)
        assert [one for one in health.problems() if one.startswith("clock, records: 400.")]


def test_what_is_old_goes_though_what_came_before_it_is_of_a_clock_that_was_ahead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    book, keeper = Store(tmp_path), Keeper(settings(tmp_path))
    ahead = [verdict(n, "defect", captured_at=T0 + 900 * DAY) for n in range(300)]
    old = [verdict(1000 + n, "defect", captured_at=T0 - 500 * DAY) for n in range(300)]
    book.write([("m", keeper.keep(one, strip(20, 20))) for one in ahead], now=T0 + 900 * DAY)
    book.write([("m", keeper.keep(one, strip(20, 20))) for one in old], now=T0 - 500 * DAY)
    book.write([("m", verdict(9000, captured_at=T0))], now=T0)
    running = upkeep(tmp_path, Clocks(), Health(set(), 60))
    assert running.retire_evidence() == 300
    assert running.retire() == 300
    running.close()
    assert len(list(book.records(Query()))) == 301
    book.close()
    assert "evidence: 300 pictures of before " in caplog.text and "300 records of before " in caplog.text
