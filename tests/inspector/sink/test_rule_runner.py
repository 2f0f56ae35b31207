"""Holds the rules on a real record: a bad coil is as many alarms as the rule says, whoever is killed when."""

import json
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inspector.cli import main
from inspector.errors import StoreError
from inspector.quality import defects
from inspector.quality.piece_stream import LaneFrame
from inspector.record import findings, pieces
from inspector.record.followers import RETRY_S
from inspector.sink.rule_engine import RuleEngine
from tests.inspector.sink.watched_record import ROLLS, SCRATCHES, WatchedRecord, bad_stretch, settings
from tests.inspector.spots import LOCATORS, Spot, clutter, frames, of_roll, shuffled
from tests.inspector.verdicts import changed


@pytest.fixture
def line(tmp_path: Path) -> Iterator[WatchedRecord]:
    """An empty record, watched."""
    made = WatchedRecord(tmp_path)
    yield made
    made.close()


def test_10_000_defects_on_one_coil_are_the_alarms_that_the_rule_says(line: WatchedRecord) -> None:
    # Given two bad stretches of a coil of 1,000 m and single scratches elsewhere
    single = [Spot("scratches", 500.0, metre * 1000.0) for metre in range(480, 580, 20)]
    storm = [*bad_stretch(50, 450, 8500), *bad_stretch(600, 940, 7000), *single]
    # When the coil has run, its frames out of order as workers decide them
    line.take(shuffled(np.random.default_rng(0), frames(storm, 1e6), by=32))
    # Then there are two alarms, each from the first defect of its stretch to 5 m behind the last
    assert [(one.rule, one.piece, one.cleared_at is None) for one in line.alarms] == [("scratches", "c", False)] * 2
    for one, (begins_m, ends_m) in zip(line.alarms, ((50, 450), (600, 940)), strict=True):
        assert one.from_mm == pytest.approx(begins_m * 1000, abs=700)
        assert one.to_mm == pytest.approx(ends_m * 1000 + 10_000, abs=700)
    # And they count the defects that `inspector defects --piece` lists, cut by however many frames
    found = defects.of(line.store, pieces.find(line.store, "c"))
    assert len(found) > 10_000
    assert sum(one.count for one in line.alarms) == pytest.approx(len(found) - len(single), rel=0.01)
    page = line.page()
    assert page["inspector_alarms_total"] == {("scratches",): 2}
    assert page["inspector_alarm_active"] == {("scratches", "drop"): 0}


def test_a_rule_is_for_the_recipes_it_names_also_after_an_end_and_for_all_pieces_where_it_names_none(
    tmp_path: Path,
) -> None:
    # Given a rule for exposed steel, one for what is under no recipe, and one for all
    recipes = [{"name": "exposed", "grades": ["DX56D"]}, {"name": "beams", "grades": ["S235JR"]}]
    rules = [
        SCRATCHES | {"name": name, "recipes": of}
        for name, of in (("strict", ["exposed"]), ("other", ["", "beams"]), ("any", []))
    ]
    changes = {"alarms": rules, "recipes": recipes}
    coils = {"one": ("DX56D", "exposed"), "two": ("S235JR", "beams"), "three": ("", "")}
    verdicts = [
        changed(one, grade=grade, recipe=recipe)
        for number, (piece, (grade, recipe)) in enumerate(coils.items())
        for one in frames(bad_stretch(3, 7, 9), 30_000, piece, first=1 + 1000 * number)
    ]
    # When coils of each run, and the line ends in the middle of the first bad stretch
    line = WatchedRecord(tmp_path, **changes)
    line.take(verdicts[:20]).close()
    line = WatchedRecord(tmp_path, **changes).take(verdicts[20:])
    # Then each has the alarms that are for it, once
    assert sorted((one.piece, one.rule) for one in line.alarms) == [
        ("one", "any"), ("one", "strict"), ("three", "any"), ("three", "other"), ("two", "any"), ("two", "other"),
    ]  # fmt: skip
    line.close()


def test_a_rule_for_a_recipe_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"alarms\.scratches\.recipes: no recipe is called exposed; there are none"):
        settings(tmp_path, alarms=[SCRATCHES | {"recipes": ["exposed"]}])
    limits = [{"grade": "hold", "limit": 1, "recipes": ["exposed", "beam"]}]
    with pytest.raises(ValueError, match=r"grading\.limits\.0\.recipes: no recipe is called beam; there are exposed"):
        settings(tmp_path, grading={"limits": limits}, recipes=[{"name": "exposed"}])


def test_an_alarm_is_told_while_it_goes_on_and_names_its_defects(
    line: WatchedRecord, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    line.take(frames(bad_stretch(3, 7, 3), 20_000))

    (alarm,) = line.alarms
    assert alarm.cleared_at is None and alarm.count == 3 and alarm.from_mm and 2900 < alarm.from_mm <= 3000
    said = "alarm scratches on drop, c: 3 scratches of score 0.9 or more within 5 m, limit 3, from 2.9"
    assert [record.levelname for record in caplog.records if said in record.message] == ["WARNING"]
    assert line.page()["inspector_alarm_active"] == {("scratches", "drop"): 1}


def test_defects_that_are_not_those_of_the_rule_raise_nothing(line: WatchedRecord) -> None:
    weak = [Spot("scratches", 500, 1000.0 * metre, 0.89) for metre in range(1, 20)]
    other = [Spot("patches", 800, 1000.0 * metre) for metre in range(1, 20)]
    assert line.take(frames([*weak, *other, *bad_stretch(3, 9, 3)], 30_000)).alarms == []


def test_two_coils_have_their_own_windows_and_the_first_is_over_when_the_second_runs(line: WatchedRecord) -> None:
    line.take(frames(bad_stretch(58, 59, 2), 60_000, "one"))
    line.take(frames(bad_stretch(1, 2, 2), 60_000, "two", first=1000))
    assert line.alarms == []  # four within 5 m of travel, and two on each coil
    line.take(frames(bad_stretch(57, 59, 9), 60_000, "three", first=2000))
    assert [one.cleared_at for one in line.alarms] == [None]
    line.take(frames([], 60_000, "four", first=3000))
    assert [(one.piece, one.cleared_at is None) for one in line.alarms] == [("three", False)]


def test_the_mark_of_a_roll_is_named_while_the_coil_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Given a coil of 1,000 m with 500 random defects, and from 200 m on a mark of a roll of 600 mm, one in ten missed
    draw = np.random.default_rng(5)
    marks = of_roll(draw, np.pi * 600, 500, 200_000, 1e6, missed=0.1, jitter_mm=1)
    coil = shuffled(draw, frames([*clutter(draw, 500, 1e6), *marks], 1e6), by=32)
    line = WatchedRecord(tmp_path, rolls=ROLLS, alarms=[])
    # When it runs to 20 m behind its tenth mark
    tenth_mm = [mark.y_mm for mark in marks if mark.label == "scratches"][9]
    so_far = int((tenth_mm + 20_000) / 307.2)
    line.take(coil[:so_far])
    # Then it is named
    (mark,) = line.marks
    assert (mark.rolls, mark.piece, mark.label, mark.ended_at) == (["work-600"], "c", "scratches", None)
    assert mark.distance_mm == pytest.approx(1885, rel=0.01) and mark.x_mm < 500 < mark.x_mm + mark.width_mm
    assert mark.confidence > 0.999
    assert "roll mark on drop, c: scratches every 188" in caplog.text and "fits work-600" in caplog.text
    # And at the end of the coil it is still the only one
    line.take(coil[so_far:]).rules.close()
    (mark,) = line.marks
    assert mark.repeats > 330 and mark.last_mm > 995_000
    page = line.page()
    assert page["inspector_roll_mark_active"] == {
        ("work-600", "drop"): 1, ("bridle-400", "drop"): 0, ("none", "drop"): 0,
    }  # fmt: skip
    assert page["inspector_roll_marks_total"] == {("work-600",): 1, ("bridle-400",): 0, ("none",): 0}
    line.close()


STORMS = [*bad_stretch(20, 60, 300), *bad_stretch(120, 124, 12), *bad_stretch(160, 200, 300)]


@pytest.mark.parametrize("every", [37, 101])
def test_after_any_number_of_ends_the_alarms_are_those_of_one_run(every: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    marks = of_roll(draw, 1257, 900, 10_000, 230_000, label="patches")
    coil = shuffled(draw, frames([*STORMS, *marks], 240_000), by=20)
    (tmp_path / "whole").mkdir()
    (tmp_path / "torn").mkdir()
    whole = WatchedRecord(tmp_path / "whole", rolls=ROLLS).take(coil)
    for first in range(0, len(coil), every):
        torn = WatchedRecord(tmp_path / "torn", rolls=ROLLS).take(coil[first : first + every])
        torn.store.close()  # as a kill does: nothing more is written
    torn = WatchedRecord(tmp_path / "torn", rolls=ROLLS)

    def told(of: WatchedRecord) -> list[tuple[object, ...]]:
        return [(one.id, one.from_mm, one.to_mm, one.count) for one in of.alarms]

    assert told(torn) == told(whole) and len(told(whole)) == 3
    assert [(mark.label, mark.rolls) for mark in torn.marks] == [("patches", ["bridle-400"])]
    whole.close()
    torn.close()


def _record_and_die(folder: Path, after: int) -> None:
    """A sink that is killed when its rules have judged so many frames more."""
    judged = RuleEngine._judge

    def judge(self: RuleEngine, frame: LaneFrame) -> None:
        nonlocal after
        after -= 1
        if not after:
            os.kill(os.getpid(), signal.SIGKILL)
        judged(self, frame)

    RuleEngine._judge = judge  # type: ignore[method-assign]
    line = WatchedRecord(folder)
    line.take(list(frames(STORMS, 240_000))[sum(line.store.account("drop").recorded.values()) :])


# Three processes, a second each.
def test_a_sink_that_is_killed_between_record_and_alarm_loses_none_and_tells_none_twice(tmp_path: Path) -> None:
    for after in (75, 300, 240):
        process = multiprocessing.get_context("spawn").Process(target=_record_and_die, args=(tmp_path, after))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    line = WatchedRecord(tmp_path)
    line.take(list(frames(STORMS, 240_000))[sum(line.store.account("drop").recorded.values()) :])
    assert [round((one.from_mm or 0) / 1000) for one in line.alarms] == [20, 120, 160]
    line.close()


def test_rules_that_fail_are_told_and_the_record_goes_on_and_they_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    line = WatchedRecord(tmp_path)
    line.rules = line.group(lambda: now[0])
    for error in (StoreError("disk full"), ZeroDivisionError("a bug")):
        with monkeypatch.context() as patch:
            patch.setattr(RuleEngine, "_judge", lambda *_, error=error: (_ for _ in ()).throw(error))
            first = 1000 * len(line.alarms) + 100 * int(now[0])
            line.take(frames(bad_stretch(1, 3, 3), 6000, f"c{first}", first=first))
            assert any("rules: " in problem and str(error) in problem for problem in line.health.problems())
            assert "no alarm is raised" in caplog.text
        assert not line.rules.turn()  # not at once
        now[0] += RETRY_S
        count = len(line.alarms)
        line.judge()
        assert len(line.alarms) == count + 1
        assert not any("rules" in problem for problem in line.health.problems())
        now[0] += 1
    assert len(list(line.store.read("SELECT id FROM records"))) == 40
    line.close()


def test_rules_that_are_new_do_not_judge_what_is_old_and_those_that_go_end_their_alarms(tmp_path: Path) -> None:
    line = WatchedRecord(tmp_path, alarms=[])
    line.take(frames(bad_stretch(1, 3, 9), 6000, "old")).close()
    line = WatchedRecord(tmp_path)
    assert line.alarms == []
    line.take(frames(bad_stretch(1, 3, 9), 6000, "new", first=100))
    assert [one.cleared_at for one in line.alarms] == [None]
    line.close()
    # When the rule has another name
    line = WatchedRecord(tmp_path, alarms=[SCRATCHES | {"name": "other"}])
    assert [(one.rule, one.cleared_at is None) for one in line.alarms] == [("scratches", False)]
    line.take(frames(bad_stretch(1, 3, 9), 6000, "next", first=200))
    line.close()
    # And when there is none
    line = WatchedRecord(tmp_path, alarms=[])
    assert [(one.rule, one.cleared_at is None) for one in line.alarms] == [("scratches", False), ("other", False)]
    line.close()


def test_a_frame_full_of_regions_is_judged_in_turns_of_bounded_work(tmp_path: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.004
        return now[0]

    crowd = [Spot("scratches", 30.0 + 120 * column, 30.0 + 120 * row) for row in range(50) for column in range(10)]
    line = WatchedRecord(tmp_path)
    line.store.write([("m", one) for one in frames(crowd, 6000)], locators=LOCATORS)
    line.rules = line.group(clock)
    assert line.judge() > 3 and len(line.alarms) == 1
    line.close()


def test_the_command_lists_alarms_and_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    line = WatchedRecord(tmp_path, rolls=ROLLS)
    marks = of_roll(np.random.default_rng(0), 1257, 900, 1000, 60_000, label="patches")
    line.take(frames([*bad_stretch(3, 7, 3), *marks], 60_000, "one"))
    line.take(frames(bad_stretch(1, 2, 4), 30_000, "two", first=1000))
    line.close()
    config = tmp_path / "line.yaml"
    config.write_text(json.dumps(json.loads(line.settings.model_dump_json(exclude_defaults=True))))

    def run(*options: str) -> str:
        assert main.main(["alarms", "-c", str(config), *options]) == 0
        return capsys.readouterr().out

    whole = run()
    assert "goes on" in whole and "3 scratches" not in whole and "scratches of score 0.9 or more within 5 m" in whole
    assert "bridle-400" in whole and "1257" in whole
    rows = [json.loads(row) for row in run("--json").splitlines()]
    assert [(row["kind"], row["piece"], row.get("rule"), row.get("rolls")) for row in rows] == [
        ("alarm", "two", "scratches", None), ("alarm", "one", "scratches", None),
        ("roll_mark", "one", None, ["bridle-400"]),
    ]  # fmt: skip
    assert len(run("--json", "--piece", "two").splitlines()) == 1
    assert run("--since", "2030-01-01").splitlines() == ["no alarms", "no marks of rolls"]
    assert run("--limit", "1").endswith("\n1 older one is not shown: --limit\n")
    assert main.main(["alarms", "-c", str(config), "--piece", "none"]) == 2
    capsys.readouterr()
    assert main.main(["status", "-c", str(config)]) == 3  # it does not run, and these went on
    assert capsys.readouterr().out.count("  alarm scratches on drop, two: ") == 1
    assert main.main(["status", "-c", str(config), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [len(told["alarms"]), len(told["roll_marks"])] == [1, 0]


def test_what_was_found_goes_with_its_piece_its_age_or_its_number(
    line: WatchedRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.take(frames(bad_stretch(1, 2, 4), 6000, "one"))
    line.take(frames(bad_stretch(1, 2, 4), 6000, "two", first=1000))
    line.take(frames(bad_stretch(1, 2, 4), 6000, "three", first=2000))
    with line.store.transaction() as cursor:
        findings.forget(cursor, before=1500.0)
    assert [one.piece for one in line.alarms] == ["two", "three"]
    with line.store.transaction() as cursor:
        cursor.execute("DELETE FROM pieces WHERE name = 'two'")
        findings.forget(cursor, before=0.0)
    assert [one.piece for one in line.alarms] == ["three"]
    monkeypatch.setattr(findings, "KEEP", 0)
    with line.store.transaction() as cursor:
        findings.forget(cursor, before=0.0)
    assert line.alarms == []
