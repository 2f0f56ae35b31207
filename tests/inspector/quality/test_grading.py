"""Holds the grade of a piece: each limit with its figures, and that what failed or is not known is never prime."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.cli import main
from inspector.protocol.verdicts import Region, Verdict
from inspector.quality import grading as grade
from inspector.quality.grading import QualityGrade
from inspector.quality.piece_summary import gather
from inspector.record import pieces
from inspector.record.position import Locator
from inspector.settings.rules import LimitSettings
from tests.inspector.record.test_store import tally, verdict
from tests.inspector.sink.watched_record import ROLLS, SCRATCHES, WatchedRecord, bad_stretch
from tests.inspector.spots import LOCATORS, Spot, frames, of_roll
from tests.inspector.verdicts import changed

#: 102 frames, as long as 31.334 m.
METRES = 31.3
BOX = [Region(x=0, y=0, width=9, height=9, label="scratches", score=0.9, severity="minor")]
THREE = "scratches of score 0.9 or more within 5 m, limit 3"
LIMITS = [{"grade": "second", "limit": 3, "min_severity": "major"}]
#: Long after the last frame.
LATER = 1e6


def graded(folder: Path, verdicts: Iterable[Verdict], now: float = LATER, **changes: Any) -> QualityGrade:
    """The grade of the piece c on a record of these verdicts."""
    line = WatchedRecord(folder, **{"alarms": [], "grading": {"limits": LIMITS}} | changes)
    line.take(list(verdicts)).rules.close()
    try:
        return grade.judge(gather(line.store, line.settings, "c"), line.settings, now)
    finally:
        line.store.close()


def strip(*spots: Spot, change: Callable[[int, Verdict], Verdict | None] = lambda _, one: one) -> list[Verdict]:
    """The verdicts of the piece, each as `change` makes it; None: the frame is lost."""
    changed = [change(number, one) for number, one in enumerate(frames(spots, METRES * 1000))]
    return [one for one in changed if one]


def scratches(count: int) -> list[Spot]:
    """So many, far apart."""
    return [Spot("scratches", 500.0, 1500.0 + 1000 * number) for number in range(count)]


def sentences(of: QualityGrade) -> list[tuple[str, str]]:
    """Grade and text of each reason."""
    return [(reason.grade, reason.text) for reason in of.reasons]


def test_a_piece_that_reaches_no_limit_is_prime_and_that_says_by_how_much(tmp_path: Path) -> None:
    found = graded(tmp_path, strip(*scratches(2)))
    assert found.grade == "prime"
    assert sentences(found) == [("prime", "2 defects and 0 unsure of 102 frames reach no limit.")]


def test_limits_are_for_the_recipes_they_name_and_a_piece_that_none_is_for_is_on_hold(tmp_path: Path) -> None:
    recipes = [{"name": "exposed", "grades": ["DX56D"]}, {"name": "beams", "grades": ["S235JR"]}]
    limits = [
        {"grade": "hold", "limit": 1, "recipes": ["exposed"]},
        {"grade": "second", "limit": 2, "recipes": ["", "exposed"]},
    ]
    changes = {"recipes": recipes, "grading": {"limits": limits}}

    def of(grade: str, recipe: str) -> list[tuple[str, str]]:
        under = strip(*scratches(2), change=lambda _, one: changed(one, grade=grade, recipe=recipe))
        folder = tmp_path / f"as-{recipe}"
        folder.mkdir()
        return sentences(graded(folder, under, **changes))

    two = "2 defects (defects of any label): {} from {} on."
    assert of("DX56D", "exposed") == [("hold", two.format("hold", 1)), ("second", two.format("second", 2))]
    assert of("", "") == [("second", two.format("second", 2))]
    assert of("S235JR", "beams") == [
        ("hold", "It is under recipe beams, and no limit of grading is for that: nothing says what makes it second.")
    ]


# A scratch lies in one tile of 60 x 60 mm; the strip is 1.2 m wide and 31.334 m long.
@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ({"limit": 3}, "3 defects (defects of any label): second from 3 on."),
        ({"limit": 3, "labels": ["scratches"], "min_score": 0.9},
         "3 defects (scratches of score 0.9 or more): second from 3 on."),
        ({"limit": 0.9, "measure": "per_10m"},
         "3 defects (defects of any label), 0.957 per 10 m: second from 0.9 per 10 m on."),
        ({"limit": 0.075, "measure": "per_m2"},
         "3 defects (defects of any label), 0.0798 per m2: second from 0.075 per m2 on."),
        ({"limit": 0.037, "measure": "area_percent"},
         "3 defects (defects of any label), 0.0394% of the area: second from 0.037% of the area on."),
        ({"limit": 3, "min_severity": "major"}, "3 defects (defects of any label, major or worse): second from 3 on."),
    ],
)  # fmt: skip
def test_each_limit_gives_its_grade_and_its_figures_and_less_does_not(
    limit: dict[str, Any], text: str, tmp_path: Path
) -> None:
    spots = scratches(3)
    (tmp_path / "other").mkdir()
    chosen = LimitSettings.model_validate({"grade": "second", **limit})

    found = graded(tmp_path, strip(*spots), grading={"limits": [chosen]})
    assert (found.grade, sentences(found)) == ("second", [("second", text)])
    above = chosen.model_copy(update={"limit": chosen.limit * 1.1})
    assert graded(tmp_path / "other", strip(*spots), grading={"limits": [above]}).grade == "prime"


@pytest.mark.parametrize("which", [{"labels": ["patches"]}, {"min_score": 0.96}, {"min_severity": "critical"}])
def test_defects_that_a_limit_does_not_count_do_not_matter(which: dict[str, Any], tmp_path: Path) -> None:
    assert (
        graded(tmp_path, strip(*scratches(9)), grading={"limits": [{"grade": "hold", "limit": 1, **which}]}).grade
        == "prime"
    )


def test_the_worst_grade_counts_and_its_reasons_come_first(tmp_path: Path) -> None:
    limits = [{"grade": "second", "limit": 2}, {"grade": "hold", "limit": 3}, {"grade": "second", "limit": 9}]
    found = graded(tmp_path, strip(*scratches(3)), grading={"limits": limits})
    assert found.grade == "hold" and [reason.grade for reason in found.reasons] == ["hold", "second"]


def test_what_was_not_inspected_puts_it_on_hold_with_the_stretch_and_the_cause(tmp_path: Path) -> None:
    def change(number: int, one: Verdict) -> Verdict | None:
        if number == 40:
            return changed(one, outcome="error", reason="cut short", regions=[], width=0)
        return None if number == 70 else one

    found = graded(tmp_path, strip(change=change))
    assert sentences(found) == [(
        "hold",
        "drop did not inspect 1.96% of 31.334 m, 0% may be missing:"
        " 12.288 to 12.595 m (cut short); 21.504 to 21.811 m.",
    )]  # fmt: skip
    allowed = {"limits": LIMITS, "max_missing_percent": 2}
    (tmp_path / "other").mkdir()
    assert graded(tmp_path / "other", strip(change=change), grading=allowed).grade == "prime"


def test_unsure_frames_count_beyond_their_share(tmp_path: Path) -> None:
    def change(number: int, one: Verdict) -> Verdict:
        return changed(one, outcome="unsure", reason="score under 0.50") if number < 6 else one

    found = graded(tmp_path, strip(change=change))
    assert sentences(found) == [("hold", "5.88% of what drop inspected is unsure; 5% may be.")]


def test_a_piece_that_is_not_over_is_on_hold(tmp_path: Path) -> None:
    assert sentences(graded(tmp_path, strip(), now=1112.0)) == [
        ("hold", "Its last frame came 10 s ago: more may follow.")
    ]
    (tmp_path / "on").mkdir()
    line = WatchedRecord(tmp_path / "on", grading={"limits": LIMITS}, alarms=[])
    start(line, 1000.0)
    assert [text for _, text in sentences(judged(line))] == [
        "No frame of it is on record.", "It is still on the line: this is of its frames so far.",
    ]  # fmt: skip
    line.close()


def start(line: WatchedRecord, began_at: float, ended_at: float | None = None) -> None:
    """Put the piece c on the line."""
    with line.store.transaction() as cursor:
        pieces.start(cursor, began_at, "c")
        if ended_at is not None:
            pieces.stop(cursor, ended_at)


def judged(line: WatchedRecord) -> QualityGrade:
    """The grade of the piece c."""
    return grade.judge(gather(line.store, line.settings, "c"), line.settings, LATER)


CAMERA = {"name": "drop", "type": "simulated", "place": {"mm_per_px": 0.3, "speed_m_min": 60}}


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[WatchedRecord]:
    """Cameras over and under a coil that was on the line for 32 s; the frames of one are on record, 32 m of them."""
    under = CAMERA | {"name": "under"}
    made = WatchedRecord(tmp_path, sources=[CAMERA, under], alarms=[], grading={"limits": LIMITS})
    start(made, 1000.0, 1031.9)
    locators = {"drop": Locator(made.settings.sources[0].place), "under": Locator(made.settings.sources[1].place)}
    for name in locators:
        ok = [verdict(n, source=name, captured_at=1000.0 + n * 0.6, width=4000, height=2000) for n in range(1, 54)]
        made.store.write([("m", one) for one in ok], [tally(53, source=name, ok=53)], locators=locators)
    yield made
    made.close()


def gap(line: WatchedRecord, *values: object) -> None:
    """Something that was not inspected."""
    names = ("source", "reason", "began_at", "ended_at", "frames", "detail")
    line.store.adopt("gaps", [dict(zip(names, values, strict=True))])


def test_a_camera_that_saw_nothing_of_it_or_not_its_ends_puts_it_on_hold(camera: WatchedRecord) -> None:
    assert judged(camera).grade == "prime"
    gap(camera, "under", "source_down", 900.0, 1000.5, 0, "no answer")  # before its first frame
    gap(camera, "drop", "stale", 1020.0, 1021.0, 0, "")  # the same picture again is no strip that moved
    assert sentences(judged(camera)) == [("hold", "under may have missed its beginning or end: source_down.")]
    with camera.store.transaction() as cursor:
        cursor.execute("DELETE FROM records WHERE source = 'under'")
    assert "under has no frame of it." in [text for _, text in sentences(judged(camera))]


def test_sums_that_do_not_balance_put_it_on_hold(camera: WatchedRecord) -> None:
    camera.store.write([], [tally(60, source="drop", ok=53)])
    assert sentences(judged(camera)) == [("hold", "The sums of drop do not balance: see inspector account.")]


def test_without_places_frames_are_counted_and_what_is_measured_in_mm_is_not_known(tmp_path: Path) -> None:
    source = {"name": "drop", "type": "simulated"}
    limits = [{"grade": "second", "limit": 0.1, "measure": "per_m2"}, {"grade": "second", "limit": 9}]
    line = WatchedRecord(tmp_path, sources=[source], alarms=[], grading={"limits": limits})
    start(line, 1000.0, 1100.0)
    bad = [
        verdict(n, "error" if n == 7 else "defect" if n == 9 else "ok", regions=BOX if n == 9 else [])
        for n in range(1, 99)
    ]
    line.store.write([("m", one) for one in bad], [tally(98, ok=96, defect=1, error=1)])
    unknown = "1 defect (defects of any label): how much per m2 that is nobody can tell, for want of a place or a size."

    assert sentences(judged(line)) == [
        ("hold", "drop did not inspect 1 of 98 frames, 0% may be missing."), ("hold", unknown),
    ]  # fmt: skip
    gap(line, "drop", "stalled", 1060.0, 1061.0, 0, "")
    line.store.write([], [tally(100, ok=96, defect=1, error=1, dropped=2)])
    assert [text for _, text in sentences(judged(line))][:2] == [
        "drop did not inspect 3 of 100 frames, 0% may be missing.",
        "drop could not inspect for some time, and its frames tell no place: stalled.",
    ]
    line.close()


def test_alarms_and_marks_of_rolls_give_the_grade_that_the_rules_say(tmp_path: Path) -> None:
    marks = of_roll(np.random.default_rng(0), 1257, 900, 1000, METRES * 1000, label="patches")
    rules = {"alarms": [SCRATCHES | {"grade": "second"}], "rolls": ROLLS}
    chosen = {"limits": [{"grade": "hold", "limit": 99}], "roll_mark": "hold"}

    found = graded(tmp_path, strip(*bad_stretch(3, 7, 3), *marks), grading=chosen, **rules)
    (hold, mark), (second, alarm) = sentences(found)
    assert (hold, second) == ("hold", "second")
    assert (
        mark.startswith("A mark of patches comes again every 1257 mm, 25 times from 1.0") and "fits bridle-400" in mark
    )
    assert alarm == f"Alarm scratches was raised 1 time, first at 2.945 m: {THREE}."


def test_a_piece_that_the_rules_have_not_seen_is_on_hold(tmp_path: Path) -> None:
    rules = {"alarms": [SCRATCHES | {"grade": "second"}], "grading": {"limits": LIMITS}}
    line = WatchedRecord(tmp_path, **rules)
    coil = strip()
    line.take(coil[:50]).rules.close()
    assert judged(line).grade == "prime"
    line.store.write([("m", one) for one in coil[50:]], locators=LOCATORS)  # and nobody judges these
    said = ("hold", "The rules have not seen all of it: its alarms and marks of rolls may not all be known.")
    assert sentences(judged(line)) == [said]
    line.judge()
    line.rules.close()
    assert judged(line).grade == "prime"
    line.store.close()
    # Nor have rules that are newer than the piece.
    WatchedRecord(tmp_path, alarms=[]).close()
    line = WatchedRecord(tmp_path, **rules)
    assert sentences(judged(line)) == [said]
    line.close()


def test_the_command_tells_grade_and_reasons_and_exits_1_for_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = [{"grade": "hold", "limit": 1}]
    line = WatchedRecord(tmp_path, alarms=[], grading={"limits": limits})
    line.take(frames(scratches(1), 31_300, "bad")).take(frames([], 31_300, "good", first=200)).close()
    config = tmp_path / "line.yaml"
    config.write_text(line.settings.model_dump_json(exclude_defaults=True))

    def run(*options: str) -> tuple[int, str]:
        code = main.main(["grade", "-c", str(config), *options])
        told = capsys.readouterr()
        return code, told.out + told.err

    assert run("bad") == (1, "bad: hold\n  hold: 1 defect (defects of any label): hold from 1 on.\n")
    assert run("good") == (0, "good: prime\n  prime: 0 defects and 0 unsure of 102 frames reach no limit.\n")
    told = json.loads(run("bad", "--json")[1])
    assert (told["piece"], told["grade"], told["reasons"][0]["grade"]) == ("bad", "hold", "hold")
    code, text = run("bad", "-o", "grading.limits=[]")
    assert code == 2 and text.startswith("inspector: grading.limits: none is set")
    assert run("none")[0] == 2
