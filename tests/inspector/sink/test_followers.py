"""One contract for every follower of the record: at least once, in order, nothing skipped, and nobody is held up."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.record import followers
from inspector.record.followers import BOUND_ROWS, MAX_RETRY_S, RETRY_S, Follower
from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.sink import recovery
from inspector.sink.follower_group import FollowerGroup
from inspector.sink.health import Health
from inspector.sink.metrics import Metrics
from tests.fakes import ROOT
from tests.inspector.sink.follower_cases import NAMES, Case, Ledger, LedgerCase, case, put_frames
from tests.inspector.sink.test_metrics import parse

#: In this moment the time of a turn is over already, so each turn delivers one row.
AT_ONCE = float("-inf")


class Killed(BaseException):
    """The process ends here; no code of ours runs any more."""


class Time:
    """A clock that goes on by `step_s` whenever it is asked, so that no cursor waits to be moved."""

    def __init__(self, step_s: float = 10.0) -> None:
        self.now = 0.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty record."""
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=NAMES)
def one(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Each follower in its turn."""
    return case(request.param, tmp_path, monkeypatch)


def finish(follower: Follower[Any]) -> None:
    """All that is on record, a row a turn."""
    while follower.turn(AT_ONCE):
        continue


def test_each_row_is_delivered_once_and_in_the_order_of_the_record(one: Case, store: Store) -> None:
    follower = one.follower(store, Time())
    follower.turn()
    ids = one.put(store, 5)
    finish(follower)
    ids += one.put(store, 5)
    finish(follower)
    follower.close()
    assert one.got() == ids
    assert follower.lag_rows == 0


def test_after_a_graceful_end_it_goes_on_with_the_next_row(one: Case, store: Store) -> None:
    still = Time(0.0)  # no cursor is moved because time has passed
    follower = one.follower(store, still)
    follower.turn()
    ids = one.put(store, 5)
    finish(follower)
    follower.close()
    ids += one.put(store, 3)
    follower = one.follower(store, still)
    finish(follower)
    follower.close()
    assert one.got() == ids


#: Where a kill comes: before a delivery, between it and the move of the cursor, and right after that.
INSTANTS = ("before", "between", "after")


def kill(patch: pytest.MonkeyPatch, instant: str, number: int) -> None:
    """Kill whoever comes to that instant for the `number`th time."""
    owner, name = {"before": (Follower, "_deliver"), "between": (followers, "set_position")}.get(
        instant, (Follower, "_move")
    )
    real: Callable[..., Any] = getattr(owner, name)

    def deadly(*arguments: Any) -> Any:
        nonlocal number
        number -= 1
        if not number and instant != "after":
            raise Killed
        result = real(*arguments)
        if not number:
            raise Killed
        return result

    patch.setattr(owner, name, deadly)


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_kill_at_any_instant_skips_no_row_and_repeats_the_last_delivery_at_most(
    one: Case, instant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    follower = one.follower(store, Time())
    follower.turn()
    follower.close()
    ids = one.put(store, 6)
    kills = 0
    for number in range(1, 7):
        follower = one.follower(store, Time())
        with monkeypatch.context() as patch:
            kill(patch, instant, number)
            try:
                finish(follower)
            except Killed:
                kills += 1
        follower._consumer.close()  # as the end of a process does, for files: nothing more is written
        store.close()
        store = Store(tmp_path)
    follower = one.follower(store, Time())
    finish(follower)
    follower.close()
    store.close()

    assert kills >= 3
    got = one.got()
    assert list(dict.fromkeys(got)) == ids
    assert got == sorted(got) and len(got) - len(ids) <= (0 if one.exact or instant != "between" else kills)


def test_a_delivery_that_fails_is_tried_again_after_ever_longer_pauses_and_skips_nothing(
    one: Case, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    time = Time(0.0)
    follower = one.follower(store, time)
    follower.turn()
    ids = one.put(store, 3)
    with one.fails():
        for pause_s in (RETRY_S, 2 * RETRY_S, 4 * RETRY_S):
            assert not follower.turn()
            tries = follower.failures
            time.now += pause_s - 0.01
            assert not follower.turn() and follower.failures == tries  # not yet
            time.now += 0.01
        for _ in range(10):
            time.now += MAX_RETRY_S
            follower.turn()
        assert follower.failures == 13  # never further apart than that
        assert follower.lag_rows >= 3
        assert follower.problem and follower.error in follower.problem
    assert sum(follower.name in record.message for record in caplog.records) <= 2  # what is wrong, not each try
    assert one.got() == []
    time.now += MAX_RETRY_S
    finish(follower)
    follower.close()
    assert one.got() == ids
    assert (follower.problem, follower.lag_rows) == ("", 0)


def test_a_turn_delivers_a_batch_at_most_and_a_row_at_least(one: Case, store: Store) -> None:
    follower = one.follower(store, Time())
    follower.turn()
    one.put(store, 2 * one.batch)
    assert follower.turn()
    first = len(one.got())
    assert 0 < first <= one.batch
    assert follower.turn(AT_ONCE)
    assert len(one.got()) == first + 1
    follower.close()


def test_a_follower_that_is_new_begins_where_it_says(one: Case, store: Store) -> None:
    before = one.put(store, 3)
    follower = one.follower(store, Time())
    finish(follower)
    after = one.put(store, 3)
    finish(follower)
    follower.close()
    assert one.got() == (after if one.from_now else before + after)


def test_after_a_record_was_set_aside_it_follows_the_new_one_from_its_first_row(
    one: Case, tmp_path: Path, store: Store
) -> None:
    follower = one.follower(store, Time())
    follower.turn()
    ids = one.put(store, 5)
    finish(follower)
    follower.close()
    store.close()
    (tmp_path / FILE).write_bytes(b"no database at all" * 1000)
    opened, _ = recovery.open_record(tmp_path)
    follower = one.follower(opened, Time())
    follower.turn()
    anew = one.put(opened, 3)
    finish(follower)
    follower.close()
    opened.close()
    assert anew == ids[:3]
    assert one.got() == ids + anew


@pytest.mark.parametrize("ill", NAMES)
def test_a_follower_that_fails_disturbs_no_other(
    ill: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = {}
    for name in NAMES:
        (tmp_path / name).mkdir()
        cases[name] = case(name, tmp_path / name, monkeypatch)
    time = Time(0.0)
    made = {name: one.follower(store, time) for name, one in cases.items()}
    metrics, health = Metrics(), Health(set(), 60)
    group = FollowerGroup(made.values(), metrics, health, time)
    group.turn()
    for name in ("defect_log_alarms", "defect_log_roll_marks", "defect_log"):
        cases[name].put(store, 3)
    with cases[ill].fails():
        while group.turn():
            continue
        for follower in made.values():
            assert (follower.name == ill) == bool(follower.problem)
        page = parse(metrics.render().decode())
        assert {name for (name,), count in page["inspector_follower_failures_total"].items() if count} == {ill}
        assert {name for (name,), rows in page["inspector_follower_lag_rows"].items() if rows} == {ill}
        (problem,) = [text for text in health.problems() if text.startswith(f"{ill}: ")]
        assert made[ill].error in problem
    time.now += MAX_RETRY_S
    while group.turn():
        continue
    group.close()
    assert [text for text in health.problems() if text.startswith(ill)] == []
    assert {name: len(one.got()) for name, one in cases.items()} == {
        "defect_log": 3, "defect_log_alarms": 3, "defect_log_roll_marks": 3, "rules": 6, "ledger": 6
    }  # fmt: skip


def test_a_follower_that_is_far_behind_ends_readiness_and_says_by_how_much(store: Store) -> None:
    one = LedgerCase()
    group = FollowerGroup([one.follower(store, Time(0.0))], Metrics(), health := Health(set(), 60), Time(0.01))
    put_frames(store, BOUND_ROWS + 100)
    group.turn()
    assert "ledger: 5099 rows behind" in health.problems()
    while group.turn():
        continue
    assert not [text for text in health.problems() if text.startswith("ledger")]


def test_whoever_has_much_to_do_leaves_the_others_their_turn(store: Store) -> None:
    class Slow(Ledger):
        def deliver(self, rows: Any, ends_at: float) -> Any:
            time.now += 1.0
            return super().deliver(rows, ends_at)

    time = Time(0.0)
    cases = [LedgerCase(), LedgerCase(), LedgerCase()]
    made = []
    for number, one in enumerate(cases):
        one.ledger = Slow()
        made.append(one.follower(store, time))
        made[-1].name = f"ledger-{number}"
    group = FollowerGroup(made, Metrics(), Health(set(), 60), time)
    put_frames(store, 9)
    for _ in range(6):
        assert group.turn()  # one of them a turn, as the time of the turn is over after it
    assert [len(one.got()) for one in cases] == [2, 2, 2]


def test_a_record_that_version_0_2_0_followed_is_followed_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a record of 0.2.0, killed when ten frames were on record that neither its rules nor its log had seen: the
    # log has the first two of five defects, and an alarm (0.1 has the same cursors by the same names)
    record = sqlite3.connect(tmp_path / FILE)
    record.executescript((ROOT / "tests" / "data" / "followed_by_0.2.0.sql").read_text())
    record.close()
    store = Store(tmp_path)
    log, alarms, rules = (case(name, tmp_path, monkeypatch) for name in ("defect_log", "defect_log_alarms", "rules"))
    made = [one.follower(store, Time()) for one in (log, alarms, rules)]
    # When this version goes on
    for follower in made:
        finish(follower)
    put_frames(store, 80)
    for follower in reversed(made):
        finish(follower)
        follower.close()
    # Then nothing is repeated and nothing skipped
    assert log.got() == [87, 88, 89]
    assert rules.got() == list(range(81, 171))
    assert list(store.read("SELECT id, raised_at FROM alarms")) == [(1, 1004.0), (2, 1088.0)]
    assert alarms.got() == [2]
    store.close()


def test_a_line_of_the_log_that_was_cut_off_spoils_no_other(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "defects.jsonl"
    path.parent.mkdir()
    path.write_text('{"id": 1, "sou')  # as a kill in the middle of writing leaves it
    log = case("defect_log", tmp_path, pytest.MonkeyPatch())
    (number,) = log.put(store, 1)
    follower = log.follower(store, Time())
    finish(follower)
    follower.close()
    cut_off, whole = path.read_text().splitlines()
    assert cut_off == '{"id": 1, "sou' and json.loads(whole)["id"] == number
