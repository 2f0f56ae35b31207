"""Owns the shaded grounds of a map: stretches of the piece and parts of its width, in no more boxes than px."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from inspector.quality.coverage import Stretch
from inspector.quality.uncertain_areas import UncertainArea
from inspector.reports.map.axis import Axis
from inspector.reports.map.shapes import Rectangle


def stretches(of: Sequence[Stretch], along: Axis, least_px: float) -> Iterator[tuple[float, float]]:
    """Yield where each begins and how long it is, in px, at least `least_px`; those less than a px apart are one."""
    begins, ends = 0.0, -math.inf
    for x, end in ((along.px(one.from_mm), along.px(one.to_mm)) for one in of):
        if x - ends < 1:
            ends = max(ends, end)
            continue
        if ends > begins:
            yield _at_least(begins, ends, least_px)
        begins, ends = x, end
    if ends > begins:
        yield _at_least(begins, ends, least_px)


def doubtful(doubts: Iterable[UncertainArea], along: Axis, across: Axis, fill: str) -> Iterator[Rectangle]:
    """Yield the parts of the width that are in doubt, in columns of whole px; neighbours that are alike are one box."""
    columns: dict[int, list[Stretch]] = {}
    for one in doubts:
        first, last = (along.px(mm) for mm in (one.y_mm, one.y_mm + one.length_mm))
        for x in range(math.floor(first), max(math.ceil(last), math.floor(first) + 1)):
            columns.setdefault(x, []).append(Stretch(one.x_mm, one.x_mm + one.width_mm))
    parts = [
        (x, tuple(stretches(sorted(of, key=attrgetter("from_mm")), across, 1))) for x, of in sorted(columns.items())
    ]
    for (_, spans), alike in groupby(enumerate(parts), lambda at: (at[1][0] - at[0], at[1][1])):
        run = [x for _, (x, _) in alike]
        yield from (Rectangle(run[0], y, len(run), high, fill) for y, high in spans)


def _at_least(begins: float, ends: float, least_px: float) -> tuple[float, float]:
    long = max(least_px, ends - begins)
    return (begins + ends - long) / 2, long
