"""Holds a lane: defects count once, whatever cuts them and in whatever order frames come; places may begin anew."""

from collections.abc import Iterable
from itertools import count
from typing import Any

import numpy as np
import pytest

from inspector.quality.alarm_window import Raised
from inspector.quality.coverage import JITTER
from inspector.quality.defects import Part
from inspector.quality.periodic_defects import PeriodicDefect
from inspector.quality.piece_stream import REORDER, Lane, LaneFrame
from inspector.settings.rules import AlarmSettings

#: Frames of 100 lines of 1 mm.
LINES = 100
#: In a frame: x, y, width, height, label.
Box = tuple[int, int, int, int, str]


def rule(**values: Any) -> AlarmSettings:
    """Three within 5 m."""
    return AlarmSettings.model_validate({"name": "a", "within_m": 5, "limit": 3, **values})


def frame(
    number: int, boxes: Iterable[Box] = (), score: float = 0.9, at_mm: float | None = None
) -> tuple[LaneFrame, list[Part]]:
    """The frame of that number, which lies there or after all before it, with its defects."""
    at = number * LINES if at_mm is None else at_mm
    parts = [
        Part(number, "drop", at, LINES, LINES, number, 1000.0 + number, "", x, y, width, height, label, "major", score,
             x, at + y, width, height)
        for x, y, width, height, label in boxes
    ]  # fmt: skip
    return LaneFrame(number, "drop", 1, number, 1000.0 + number, "defect" if parts else "ok", at, LINES, 1000.0), parts


def take(lane: Lane, frames: Iterable[tuple[LaneFrame, list[Part]]]) -> list[Raised | PeriodicDefect]:
    """What the frames changed, each thing once."""
    events = [event for one, parts in frames for event in lane.take(one, parts)]
    return list({id(event): event for event in events}.values())


def counted(frames: Iterable[tuple[LaneFrame, list[Part]]], **values: Any) -> int:
    """How many defects a rule counts on strip that ends long after these frames."""
    lane = Lane([rule(limit=1, within_m=1000, **values)], finds_marks=False)
    shown = list(frames)
    numbers = count(max(one.sequence for one, _ in shown) + 2)
    events = take(lane, shown) + take(lane, (frame(next(numbers)) for _ in range(2 * REORDER)))
    return sum(event.count for event in {id(one): one for one in events}.values() if isinstance(event, Raised))


SCRATCH: list[Box] = [(10, 0, 20, LINES, "s")]


def through(first: int, last: int) -> list[tuple[LaneFrame, list[Part]]]:
    """Frames of a defect that begins in the middle of one and ends in the middle of another; one before, one after."""
    return [
        frame(first - 1), frame(first, [(10, 50, 20, 50, "s")]), *(frame(n, SCRATCH) for n in range(first + 1, last)),
        frame(last, [(10, 0, 20, 50, "s")]), frame(last + 1),
    ]  # fmt: skip


def test_a_defect_that_frames_cut_counts_once() -> None:
    assert counted(through(3, 9)) == 1
    assert counted([*through(3, 9), *through(20, 21)]) == 2


@pytest.mark.parametrize("seed", range(20))
def test_in_whatever_order_the_frames_come_it_is_never_more_than_the_defects_there_are(seed: int) -> None:
    shown = [*through(3, 9), *through(12, 14), frame(17, [(10, 0, 20, 30, "s"), (500, 40, 20, 20, "s")]), frame(16)]
    order = np.random.default_rng(seed).permutation(len(shown))
    lane, raised = Lane([rule(limit=5)], finds_marks=False), list[Raised | PeriodicDefect]()
    for index in order:
        raised += take(lane, [shown[index]])
    assert raised == []  # four, cut into fourteen parts
    assert counted(shown[index] for index in order) == 4


def test_two_workers_that_take_frames_in_turn_do_not_make_one_scratch_many() -> None:
    shown = through(1, 30)
    lane = Lane([rule(limit=2)], finds_marks=False)
    assert take(lane, [*shown[0::2], *shown[1::2]]) == []


def test_a_part_at_the_border_counts_at_last_where_the_frame_before_never_comes() -> None:
    assert counted([frame(5, SCRATCH)]) == 1
    assert counted([frame(5, SCRATCH), frame(7, SCRATCH), frame(9, SCRATCH)]) == 3


def test_a_defect_counts_where_it_is_bad_enough_and_an_endless_one_in_each_window() -> None:
    weak, strong = frame(1, [(10, 50, 20, 50, "s")], score=0.6), frame(2, SCRATCH, score=0.95)
    assert counted([frame(0), weak, strong, frame(3, SCRATCH, score=0.95)], min_score=0.9) == 1
    lane = Lane([rule(limit=1, clear_under=1)], finds_marks=False)
    (alarm,) = take(lane, through(1, 400))  # 40 m long
    assert isinstance(alarm, Raised) and alarm.ended is None and alarm.count == 8


def test_an_area_is_that_of_all_parts() -> None:
    lane = Lane([rule(limit=1, measure="area_percent", within_m=1)], finds_marks=False)
    assert take(lane, through(0, 4)) == []  # 20 mm of 1,000 over the whole window are 2%, half of it 1%
    boxes: list[Box] = [(0, 1, 100, LINES - 1, "s")]
    (alarm,) = take(lane, [frame(20 + number, boxes) for number in range(3)])
    assert isinstance(alarm, Raised) and alarm.at == 2101


def test_where_no_place_is_known_frames_or_seconds_count() -> None:
    def unplaced(number: int) -> tuple[LaneFrame, list[Part]]:
        one, parts = frame(number, [(0, 0, 9, 9, "s")] if number % 4 == 0 else [])
        return one._replace(at_mm=None, length_mm=None), [part._replace(y_mm=None) for part in parts]  # type: ignore[arg-type]

    lane = Lane(
        [rule(within_m=None, within_frames=8), rule(name="b", within_m=None, within_s=7), rule(name="c")], False
    )
    (alarm,) = take(lane, map(unplaced, range(1, 30)))
    assert isinstance(alarm, Raised) and (alarm.rule, alarm.began, alarm.at) == ("a", 4, 12)


def test_a_jump_of_the_encoder_is_no_new_piece_and_places_that_begin_again_are() -> None:
    lane = Lane([rule()], finds_marks=False)
    take(lane, (frame(number) for number in range(200)))
    far, back = frame(200, at_mm=9e8)[0], frame(201)[0]
    take(lane, [(far, []), (back, [])])
    assert not lane.begins_anew(back)
    anew = [frame(300 + number, at_mm=number * 100.0) for number in range(REORDER)]
    assert not any(lane.begins_anew(one) or take(lane, [(one, parts)]) for one, parts in anew)
    assert lane.begins_anew(frame(400, at_mm=REORDER * 100.0)[0])


def test_a_roll_mark_is_over_when_it_does_not_come_again_or_the_piece_ends() -> None:
    def marked(number: int) -> tuple[LaneFrame, list[Part]]:
        return frame(number, [(500, 40, 30, 30, "s")] if number % 19 == 0 and number < 600 else [])

    lane = Lane([], finds_marks=True)
    (mark,) = take(lane, map(marked, range(600)))
    assert isinstance(mark, PeriodicDefect) and not mark.over
    assert mark.distance_mm == pytest.approx(1900, rel=0.001) and mark.repeats == 32
    assert take(lane, map(marked, range(600, 900))) == []
    (same,) = take(lane, map(marked, range(900, 1100)))
    assert same is mark and mark.over

    other = Lane([], finds_marks=True)
    take(other, map(marked, range(600)))
    (ended,) = other.close()
    assert isinstance(ended, PeriodicDefect) and ended.over


def test_a_defect_of_frames_that_seem_to_come_late_or_early_is_counted_once() -> None:
    shown = [frame(0, [(10, LINES // 2, 20, LINES // 2, "s")]), frame(1, SCRATCH, at_mm=1.4 * LINES)]
    shown += [frame(2, [(10, 0, 20, 9, "s")], at_mm=2.1 * LINES)]
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        lane = Lane([rule(limit=1, within_m=1000)], finds_marks=False, slack=JITTER)
        later = [frame(number) for number in range(4, 2 * REORDER)]
        raised = [one for one in take(lane, [shown[number] for number in order] + later) if isinstance(one, Raised)]
        assert [one.count for one in raised[-1:]] == [1]
