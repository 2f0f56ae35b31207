"""Owns the band of a source on a map: the strip from left to right, its first edge on top, and what was inspected."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inspector.quality.coverage import Coverage, Stretch
from inspector.quality.defects import Defect
from inspector.quality.uncertain_areas import UncertainArea
from inspector.reports.map import shading
from inspector.reports.map.axis import Axis
from inspector.reports.map.shapes import EDGE, INK, INSPECTED, UNSURE, Line, Rectangle, Shape, Text

HEIGHT_PX = 150.0
#: Least length of a gap: one of a metre in a long coil must be seen.
_LEAST_GAP_PX = 4.0


class FieldOfView(NamedTuple):
    """Where the pictures of a source begin across the strip, and how large a pixel is; 0 where that is not known."""

    left_mm: float = 0.0
    mm_per_px: float = 0.0


def width(share: Coverage, view: FieldOfView, defects: Sequence[Defect]) -> Stretch:
    """Return what of the width a source saw, and at least where its defects are."""
    begins = [one.x_mm or 0.0 for one in defects]
    ends = [(one.x_mm or 0.0) + (one.width_mm or 0.0) for one in defects]
    start = min([view.left_mm, *begins])
    return Stretch(start, max([start + 1.0, view.left_mm + share.width_px * view.mm_per_px, *ends]))


def draw(along: Axis, across: Axis, share: Coverage, doubts: Sequence[UncertainArea]) -> Iterator[Shape]:
    """Yield the ground, axes and name of a source's band: what is hatched was not inspected."""
    left, right, top, bottom = along.first, along.last, across.first, across.last
    yield Text(left, top - 9, share.source, bold=True)
    yield Rectangle(left, top, right - left, HEIGHT_PX, hatched=True)
    for x, long in shading.stretches([share.seen] if share.seen else [], along, 1):
        yield Rectangle(x, top, long, HEIGHT_PX, INSPECTED)
    for x, long in shading.stretches(share.unsure, along, 1):
        yield Rectangle(x, top, long, HEIGHT_PX, UNSURE)
    yield from shading.doubtful(doubts, along, across, UNSURE)
    for x, long in shading.stretches(share.missing, along, _LEAST_GAP_PX):
        yield Rectangle(x, top, long, HEIGHT_PX, hatched=True)
        yield Rectangle(x, top - 5, long, 4, INK)  # also where defects hide it
    yield from along.below(bottom)
    yield from across.beside(left)
    for y in (top, bottom):
        yield Line(left, y, right, y, EDGE)
    for x in (left, right):
        yield Line(x, top, x, bottom, EDGE)
