"""Holds an alarm rule: raised once where a window holds the limit, cleared where the strip has been better for long."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from inspector.cli import main
from inspector.errors import ConfigError
from inspector.quality import alarm_window
from inspector.quality.alarm_window import AlarmWindow, Raised
from inspector.settings.rules import AlarmSettings, repeats_seen, watched
from tests.fakes import Line
from tests.inspector.settings.configs import load

FAR = 1e9
PLACED = {
    "name": "drop", "type": "folder", "path": "/srv/drop",
    "place": {"mm_per_px": 0.3, "pattern": r"(?P<piece>\w+)_(?P<at_mm>\d+)"},
}  # fmt: skip
Found = list[tuple[float, float, float | None]]


def rule(**values: Any) -> AlarmSettings:
    """Three within 5 m; cleared under two, over 5 m."""
    return AlarmSettings.model_validate({"name": "a", "within_m": 5, "limit": 3, "clear_under": 2, **values})


def found(window: AlarmWindow, came: Sequence[tuple[float, float]]) -> Found:
    """Where each alarm began, was reached and ended, of defects (place, how far the strip is settled with it)."""
    raised: dict[int, Raised] = {}
    for place, settled in came:
        window.add(place)
        raised |= {id(one): one for one in window.judge(settled)}
    raised |= {id(one): one for one in window.judge(FAR)}
    return [(one.began, one.at, one.ended) for one in raised.values()]


def in_order(places: Sequence[float]) -> list[tuple[float, float]]:
    """They come as they lie, and each settles what lies before it."""
    return [(place, place) for place in places]


def reference(of: AlarmSettings, places: Iterable[float]) -> Found:
    """The rule as it is worded, over all places at which a window along the strip gains or loses a defect."""
    ordered, stretch = sorted(places), of.clear_windows * of.within
    changes = sorted([(place, 0) for place in ordered] + [(place + of.within, 1) for place in ordered])
    told: Found = []
    held: list[float] = []
    low_since: float | None = None
    for place, leaves in [*changes, (FAR, 1)]:
        if told and told[-1][2] is None and low_since is not None and low_since + stretch <= place:
            told[-1] = (*told[-1][:2], low_since + stretch)
        held = held[1:] if leaves else [*held, place]
        going_on = bool(told) and told[-1][2] is None
        if not going_on and len(held) >= of.limit:
            told.append((held[0], place, None))
            low_since = None
        elif len(held) >= of.cleared_under:
            low_since = None
        elif low_since is None:
            low_since = place
    return told


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([1000, 2000], []),
        ([1000, 2000, 6000], [(1000, 6000, 12_000)]),  # from 7000 on a window holds one; 5 m later it is over
        ([1000, 2000, 6001], []),
        ([1000, 4000, 7000, 10_000, 13_000], []),
        ([0, 1, 2, 11_000, 11_001, 11_002], [(0, 2, 10_001), (11_000, 11_002, 21_001)]),
        ([0, 1, 2, 9000, 9001, 9002], [(0, 2, 19_001)]),  # it was not over yet
        ([0, 1, 2, *range(4000, 60_000, 4000)], [(0, 2, 62_000)]),  # two in each window: neither raised nor over
        (range(0, 100_001, 10), [(0, 20, 109_990)]),  # 10,001 defects are one alarm
    ],
)
def test_it_is_raised_once_and_cleared_once_the_strip_was_better_for_a_while(
    places: Sequence[float], expected: Found
) -> None:
    assert reference(rule(), places) == expected
    assert found(AlarmWindow(rule()), in_order(places)) == expected


def test_without_a_stretch_or_a_lower_limit_it_is_cleared_as_soon_as_it_is_under_half() -> None:
    places = [0.0, 1, 2, 5004, 5005, 5006]
    quick = AlarmWindow(rule(clear_under=None, clear_windows=0))
    assert found(quick, in_order(places)) == [(0, 2, 5001), (5004, 5006, 10_005)]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_in_whatever_order_the_alarms_are_those_that_the_rule_says(seed: int) -> None:
    # Clusters and quiet stretches; each defect comes up to 3 m late, and the strip is settled as far behind.
    draw = random.Random(seed)
    of = rule(
        limit=draw.choice([1, 2, 3, 7]), clear_under=draw.choice([1, None]), clear_windows=draw.choice([0, 1, 2.5])
    )
    places = [centre + draw.gauss(0, 3000) for centre in (draw.uniform(0, 3e5) for _ in range(12)) for _ in range(12)]
    came = sorted(places, key=lambda place: place + draw.uniform(0, 3000))
    expected = reference(of, places)

    assert found(AlarmWindow(of), in_order(sorted(places))) == expected
    # What comes late may show another window first that holds the limit. The alarms are the same, as long as it is not
    # later than the stretch over which one is cleared.
    window = AlarmWindow(of)
    late = found(window, [(place, min(came[number + 1 :], default=FAR)) for number, place in enumerate(came)])
    assert not of.clear_windows or [ended for *_, ended in late] == [ended for *_, ended in expected]
    assert len(window) == 0


@pytest.mark.parametrize(
    ("values", "area_mm2", "reached_by"),
    [
        ({"measure": "per_10m", "limit": 4, "within_m": 20}, 1, 8),
        ({"measure": "per_m2", "limit": 0.5, "within_m": 10}, 1, 6),  # of 10 m x 1.2 m
        ({"measure": "area_percent", "limit": 0.5, "within_m": 10}, 6000, 10),
    ],
)
def test_a_limit_may_be_of_length_or_of_area(values: dict[str, Any], area_mm2: float, reached_by: int) -> None:
    window = AlarmWindow(rule(**values, clear_under=None))
    for number in range(1, reached_by + 1):
        window.add(100.0 * number, area_mm2, strip_mm=1200.0)
        assert [one.count for one in window.judge(-FAR)] == ([number] if number == reached_by else [])


def test_how_many_defects_an_alarm_counts_are_those_of_its_strip() -> None:
    window = AlarmWindow(rule())
    for place in (0, 1, 2, 3, 4000, 20_000):
        window.add(place)
    (alarm, same) = window.judge(FAR)
    assert alarm is same and alarm.count == 5 and window.raised is None


def test_a_storm_costs_no_more_memory_than_its_bound_and_no_defect_of_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alarm_window, "MAX_ITEMS", 100)
    for limit, within_m in ((10_000, 5), (9_000, 5), (3, 1)):
        window = AlarmWindow(rule(limit=limit, within_m=within_m, clear_under=1))
        count = 0
        for number in range(9500):
            window.add(number / 2)
            count += sum(one.ended is None for one in window.judge(-FAR))
        assert (count, len(window) <= 100) == (limit < 9500, True)


def test_the_end_of_a_piece_is_the_end_of_its_alarm() -> None:
    window = AlarmWindow(rule())
    for place in (0.0, 1.0, 2.0):
        window.add(place)
    (alarm,) = window.judge(-FAR)
    assert window.close(500.0) is alarm and (alarm.ended, alarm.count) == (500.0, 3)
    assert window.close(600.0) is None


def test_after_a_restart_an_alarm_goes_on_and_one_that_is_over_does_not_come_again() -> None:
    places = [*range(0, 3000, 500), *range(20_000, 23_000, 500)]
    for stop in range(len(places)):
        first = AlarmWindow(rule())
        told = [one for place in places[:stop] for _ in [first.add(place)] for one in first.judge(place - 1000)]
        second = AlarmWindow(rule())  # what was on record is added again, and nothing told
        for place in places[:stop]:
            second.add(place)
            list(second.judge(place - 1000))
        second.resume(first.raised, places[stop - 1] - 1000 if stop else -FAR)
        for place in places[stop:]:
            second.add(place)
            told += second.judge(place - 1000)
        told += second.judge(FAR)
        ends = list({id(one): one.ended for one in told}.values())
        assert ends == [12_000, 32_000], stop


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"within_frames": 3}, "one of within_m, within_frames and within_s"),
        ({"within_m": None}, "one of within_m, within_frames and within_s"),
        ({"within_m": None, "within_s": 3, "measure": "per_m2"}, "measure per_m2 needs within_m"),
        ({"clear_under": 4}, "clear_under is above limit"),
        ({"limit": 0}, "greater than 0"),
        ({"name": "A b"}, "name"),
        (
            {"severity": "major"},
            r"did you mean min_severity\?; there are labels, min_score, min_severity",
        ),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(values: dict[str, Any], said: str, tmp_path: Path) -> None:
    alarm = {"name": "a", "within_m": 5, "limit": 3} | values
    with pytest.raises(ConfigError, match=rf"alarms\.0.*{said}"):
        load(tmp_path, alarms=[alarm], sources=[PLACED])


def test_rules_that_nothing_could_meet_are_refused_by_what_is_missing(tmp_path: Path) -> None:
    alarm, roll = {"name": "a", "within_m": 5, "limit": 3}, {"name": "r", "diameter_mm": 600}
    for values, said in (
        ({"alarms": [alarm]}, "alarms: a: no source knows where along the piece its frames lie"),
        ({"rolls": [roll]}, "rolls: no source knows where on the piece its frames lie"),
        ({"alarms": [alarm, alarm], "sources": [PLACED]}, "alarms: two are called a"),
        ({"rolls": [roll, roll], "sources": [PLACED]}, "rolls: two are called r"),
    ):
        with pytest.raises(ConfigError, match=said):
            load(tmp_path, **values)
    settings = load(tmp_path, alarms=[alarm], rolls=[roll], sources=[PLACED, {"name": "b", "type": "simulated"}])
    assert watched(settings.alarms[0], settings.sources) == repeats_seen(settings.sources) == ["drop"]


def test_check_tells_which_sources_an_alarm_watches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alarm, roll = {"name": "a", "within_m": 5, "limit": 3}, {"name": "r", "diameter_mm": 600}
    Line(tmp_path, [PLACED, {"name": "b", "type": "simulated"}], alarms=[alarm], rolls=[roll])

    assert main.main(["check", "-c", str(tmp_path / "line.yaml")]) == 0
    told = capsys.readouterr().out
    assert "  alarm    a: defects of any label within 5 m, limit 3; on drop\n  rolls    r; on drop\n" in told
