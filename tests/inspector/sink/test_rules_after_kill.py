"""Rules that are killed at any instant find what rules find that never are, whatever the order of the frames."""

from pathlib import Path

import numpy as np
import pytest

from inspector.protocol.verdicts import Region, Verdict
from inspector.record import findings
from inspector.record.database import Cursor
from inspector.record.findings import RULES_CURSOR, Alarm, RollMark
from inspector.record.followers import Feed, Follower
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import rule_engine
from inspector.sink.metrics import Metrics
from inspector.sink.rule_engine import Row
from inspector.sink.rule_runner import RuleRunner
from tests.inspector.record.test_store import verdict
from tests.inspector.sink.watched_record import ROLLS

#: The rules: each unit of a window, a low limit and one that is reached by clusters alone, and one that clears late.
ALARMS = [
    {"name": "pair", "labels": ["scratches"], "limit": 2, "within_frames": 2},
    {"name": "frames", "limit": 4, "within_frames": 12, "clear_windows": 2},
    {"name": "any", "limit": 1, "within_m": 1},
    {"name": "metres", "limit": 3, "within_m": 1.5, "clear_under": 1},
    {"name": "area", "measure": "area_percent", "limit": 0.2, "within_m": 3},
    {"name": "seconds", "labels": ["patches"], "limit": 3, "within_s": 9},
]
_MM_PER_PX, _LINES = 0.5, 200
_PLACE = {"mm_per_px": _MM_PER_PX, "pattern": r"^(?P<piece>[^_]+)_(?P<at_mm>[0-9.]+)$"}


class Killed(BaseException):
    """The sink is gone."""


class MortalRunner(RuleRunner):
    """Rules that can be killed after a delivery, before the cursor has moved."""

    dies = False

    def save(self, cursor: Cursor) -> None:
        super().save(cursor)
        if self.dies:
            raise Killed


def _line(folder: Path) -> Settings:
    sources = [
        {"name": "drop", "type": "folder", "path": folder / "drop", "place": _PLACE},
        {"name": "cam", "type": "simulated"},
    ]
    return Settings.model_validate({"data": folder, "sources": sources, "alarms": ALARMS, "rolls": ROLLS})


def _frame(draw: np.random.Generator, source: str, piece: int, number: int, rate: float) -> Verdict:
    at_mm = number % 1000 * _LINES * _MM_PER_PX
    regions = [
        Region(
            x=int(draw.integers(0, 2000)), y=int(draw.integers(0, _LINES - 40)) // 40 * 40, width=40, height=40,
            label=str(draw.choice(["scratches", "patches"])), severity="major", score=0.95,
        )
        for _ in range(draw.poisson(rate))
    ]  # fmt: skip
    if source == "drop" and at_mm % 1257 < _LINES * _MM_PER_PX:  # a roll of 400 mm leaves its mark
        mark = Region(x=900, y=40, width=40, height=40, label="patches", severity="major", score=0.95)
        regions.append(mark)
    return verdict(
        number, "defect" if regions else "ok", source, frame=f"{source}-{number}", name=f"p{piece}_{at_mm:.1f}",
        width=2000, height=_LINES, regions=regions, label=regions[0].label if regions else "ok",
    )  # fmt: skip


def _stream(draw: np.random.Generator, count: int, late: float) -> list[Verdict]:
    """Frames of a folder and a camera, calm and bad stretches; a share of the blocks comes up to 400 frames late."""
    made = []
    for source in ("drop", "cam"):
        rates = np.repeat(draw.choice([0.0, 0.02, 0.1, 0.8], count // 25 + 1), 25)
        frames = [_frame(draw, source, 1 + n // 1000, n, rates[n % count]) for n in range(1, count + 1)]
        blocks = count // 6 + 1  # what a worker held comes late together
        block_delay = np.where(draw.random(blocks) < late, draw.uniform(20, 400, blocks), 0)
        delay = draw.uniform(0, 20, count) + np.repeat(block_delay, 6)[:count]
        made += list(zip(np.arange(count) + delay, range(count), frames, strict=True))
    return [frame for *_, frame in sorted(made, key=lambda one: one[:2])]


def _record(folder: Path, stream: list[Verdict], began: int = 0) -> Store:
    """A record of these frames, none of them judged; the rules begin after `began` of them."""
    folder.mkdir()
    store = Store(folder)
    locators = {"drop": Locator(_line(folder).sources[0].place)}
    store.write([("m", one) for one in stream[:began]], locators=locators)
    _rules(store, _line(folder), 1)[0].turn()
    for first in range(began, len(stream), 500):
        store.write([("m", one) for one in stream[first : first + 500]], locators=locators)
    return store


def _rules(store: Store, settings: Settings, batch: int) -> tuple[Follower[Row], MortalRunner]:
    runner = MortalRunner(settings, store, Metrics())
    return Follower(RULES_CURSOR, store, Feed("records", rule_engine.rows, batch), runner, from_now=True), runner


def _found(store: Store) -> tuple[list[Alarm], list[RollMark]]:
    return findings.read(store, Alarm), findings.read(store, RollMark)


def _judge(store: Store, settings: Settings) -> tuple[list[Alarm], list[RollMark]]:
    follower, _ = _rules(store, settings, 256)
    while follower.turn():
        continue
    follower.close()
    return _found(store)


def _judge_and_die(store: Store, settings: Settings, draw: np.random.Generator) -> tuple[list[Alarm], list[RollMark]]:
    """Life after life, each of a few batches; the end comes between two of them, or before the cursor moves."""
    more = True
    while more:
        follower, runner = _rules(store, settings, int(draw.integers(1, 120)))
        for _ in range(draw.geometric(0.2)):
            runner.dies = bool(draw.random() < 0.1)
            try:
                more = follower.turn()
            except Killed:
                more = True
                break
            if not more:
                break
        else:
            if draw.random() < 0.3:
                runner.dies = False
                follower.close()  # a graceful end
    runner.dies = False
    follower.close()
    return _found(store)


@pytest.mark.parametrize(("seed", "late", "began"), [(0, 0.0, 0), (2, 0.03, 0), (21, 0.03, 700)])
def test_rules_that_are_killed_at_any_batch_find_what_rules_find_that_are_not(
    seed: int, late: float, began: int, tmp_path: Path
) -> None:
    draw = np.random.default_rng(seed)
    stream = _stream(draw, 1500, late)
    whole, torn = (_record(tmp_path / name, stream, began) for name in ("whole", "torn"))
    alarms, marks = _judge(whole, _line(tmp_path / "whole"))
    torn_alarms, torn_marks = _judge_and_die(torn, _line(tmp_path / "torn"), draw)
    assert torn_alarms == alarms
    assert torn_marks == marks
    assert {one.rule for one in alarms} == {rule["name"] for rule in ALARMS} and marks
    whole.close()
    torn.close()


def test_a_defect_at_the_first_line_of_a_frame_counts_once_though_the_first_on_record_where_a_kill_follows(
    tmp_path: Path,
) -> None:
    # Given frames without a defect, and one with the first, where it may continue in the frame before
    line = _line(tmp_path / "line")
    seam = Region(x=0, y=0, width=40, height=40, label="scratches", severity="major", score=0.95)
    stream = [
        verdict(n, "defect" if n == 10 else "ok", frame=f"{n}", name=f"p_{n * 100.0}", width=2000, height=_LINES,
                regions=[seam] if n == 10 else [])
        for n in range(1, 101)
    ]  # fmt: skip
    store = _record(tmp_path / "line", stream)
    # When the rules are killed after they raised the alarm
    _rules(store, line, 12)[0].turn()
    assert [one.count for one in _found(store)[0]] == [1]
    # Then those that follow count that defect no second time
    assert [(one.count, one.cleared_at is None) for one in _judge(store, line)[0]] == [(1, False)]
    store.close()


def test_alarms_are_the_same_where_more_frames_came_than_a_restart_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a memory of 600 frames of each source: more than the windows and the late frames reach back
    monkeypatch.setattr(rule_engine, "_REMEMBERED", 1200)
    draw = np.random.default_rng(3)
    stream = _stream(draw, 1500, 0.03)
    whole, torn = (_record(tmp_path / name, stream) for name in ("whole", "torn"))
    alarms, _ = _judge(whole, _line(tmp_path / "whole"))
    torn_alarms, _ = _judge_and_die(torn, _line(tmp_path / "torn"), draw)
    assert torn_alarms == alarms
    whole.close()
    torn.close()
