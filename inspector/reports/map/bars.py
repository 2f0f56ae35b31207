"""Owns how many defects there are along a piece, as bars by label."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from inspector.quality.coverage import Stretch
from inspector.quality.defects import Defect
from inspector.reports.map.axis import Axis
from inspector.reports.map.shapes import EDGE, GRAY, Line, Rectangle, Shape, Text

HEIGHT_PX = 56.0
#: Length that a bar counts, in mm; ten times as much or less where there would be more bars than _MOST, or fewer.
_STEP_MM, _MOST, _FEWEST = 10_000.0, 400, 5


def step_mm(whole: Stretch) -> float:
    """Return the length that one bar counts, in mm: a power of ten that gives neither too many bars nor too few."""
    step, length = _STEP_MM, whole.to_mm - whole.from_mm
    while length > step * _MOST:
        step *= 10
    while length < step * _FEWEST:
        step /= 10
    return step


def draw(top: float, along: Axis, placed: Sequence[Defect], colours: Mapping[str, str]) -> Iterator[Shape]:
    """Yield the bars, the highest HEIGHT_PX high, and the axis below them; a defect counts where its middle is."""
    step = step_mm(along.whole)
    counts: dict[int, Counter[str]] = {}
    for one in placed:
        middle_mm = (one.y_mm or 0.0) + (one.length_mm or 0.0) / 2
        counts.setdefault(math.floor(middle_mm / step), Counter())[one.label] += 1
    most = max((of.total() for of in counts.values()), default=0)
    bottom = top + HEIGHT_PX
    yield Text(along.first, top - 7, f"defects in each {step / 1000:g} m", bold=True)
    for number, of in sorted(counts.items()):
        begins, ends = max(number * step, along.whole.from_mm), min((number + 1) * step, along.whole.to_mm)
        x, y = along.px(begins), bottom
        listed = ", ".join(f"{count} {label}" for label, count in of.most_common())
        for label in (name for name in colours if of[name]):
            high = of[label] / most * HEIGHT_PX
            y -= high
            title = f"{begins / 1000:g} to {ends / 1000:g} m: {listed}"
            yield Rectangle(x, y, max(1.0, along.px(ends) - x - 1), high, colours[label], title=title)
    yield Text(along.first - 7, top + 9, str(most), 11, "end", GRAY)
    yield Text(along.first - 7, bottom, "0", 11, "end", GRAY)
    yield Line(along.first, bottom, along.last, bottom, EDGE)
    yield from along.below(bottom)
