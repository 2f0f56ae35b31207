"""Owns the roll marks on a map: a line where each lies across, with a tick for each turn of the roll."""

from collections.abc import Iterator, Sequence

from inspector.quality import wording
from inspector.record.findings import RollMark
from inspector.reports.map.axis import Axis
from inspector.reports.map.shapes import INK, LETTER, PAPER, Line, Rectangle, Shape, Text

#: Lines that are drawn on a band at most: those of the marks with the most repeats.
MOST = 12
_TICK_PX, _LEAST_STEP_PX, _SIZE_PX = 5.0, 4.0, 11.0


def draw(marks: Sequence[RollMark], along: Axis, across: Axis) -> Iterator[Shape]:
    """Yield the marks of one source, on its band."""
    for mark in sorted(marks, key=lambda one: -one.repeats)[:MOST]:
        y = across.px(mark.x_mm + mark.width_mm / 2)
        left, right = along.px(mark.first_mm), along.px(mark.last_mm)
        for x in _turns(mark, along):
            yield Line(x, y - _TICK_PX, x, y + _TICK_PX, INK)
        yield Rectangle(
            left,
            y - 1,
            max(2.0, right - left),
            2,
            INK,
            title=f"mark of a roll: {mark.label} {wording.recurrence(mark)}",
        )
        name = mark.rolls[0] if mark.rolls else f"every {mark.distance_mm:.0f} mm"
        wide = LETTER * _SIZE_PX * len(name) + 6
        x = max(along.first, min(left, along.last - wide))
        yield Rectangle(x, y - _TICK_PX - 15, wide, 14, PAPER, opacity=0.85)
        yield Text(x + 3, y - _TICK_PX - 4, name, _SIZE_PX)


def _turns(mark: RollMark, along: Axis) -> Iterator[float]:
    """Yield where the mark comes again; the ends alone where the turns would run into each other."""
    if mark.distance_mm * along.px_per_mm < _LEAST_STEP_PX:
        yield from (along.px(mark.first_mm), along.px(mark.last_mm))
        return
    count = round((mark.last_mm - mark.first_mm) / mark.distance_mm)
    yield from (along.px(mark.first_mm + turn * mark.distance_mm) for turn in range(count + 1))
