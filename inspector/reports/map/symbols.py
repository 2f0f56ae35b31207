"""Owns how a defect looks on a map: its colour by label, its least size by severity, and what it says of itself."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from inspector.quality.defects import Defect
from inspector.reports.map.axis import Axis
from inspector.reports.map.shapes import PAPER, Rectangle

#: Least side of a defect by severity, in px; to scale it would be a dot.
LEAST_PX = {"critical": 13.0, "major": 9.0, "minor": 6.0}
_OTHER_PX = 5.0
#: Number of defects above which they are drawn smaller, and least share of their size: they would hide everything.
_CROWD, _LEAST_SHARE = 1500, 0.4
#: Colours that colour-blind people tell apart (Okabe and Ito, 2008); labels beyond them begin again.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a", "#8c6d31")


class DrawnDefect(NamedTuple):
    """A defect and where it is drawn; its number is 1 for the worst of the piece."""

    number: int
    defect: Defect
    box: Rectangle


def colours(labels: Sequence[str], defects: Sequence[Defect]) -> dict[str, str]:
    """Return a colour for each label. Those of the model come first: a label keeps its colour on all maps of a line."""
    names = list(dict.fromkeys([*labels, *sorted({one.label for one in defects})]))
    return {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}


def share_of_size(defects: int) -> float:
    """Return the share of its least size at which a defect is drawn where there are this many, at most 1."""
    return max(_LEAST_SHARE, min(1.0, math.sqrt(_CROWD / max(1, defects))))


def draw(one: Defect, colour: str, share: float, along: Axis, across: Axis) -> Rectangle:
    """Return the defect at its place, with a border unless it is drawn smaller."""
    x_mm, y_mm, width_mm, length_mm = _sides_mm(one)
    least_px = share * LEAST_PX.get(one.severity, _OTHER_PX)
    x, length = along.around(y_mm, length_mm, least_px)
    y, width = across.around(x_mm, width_mm, least_px)
    title = "\n".join((what(one), where(one), one.name))
    return Rectangle(x, y, length, width, colour, PAPER if share == 1 else "", 0.85, title=title)


def what(one: Defect) -> str:
    """Return label, severity and score in words."""
    return f"{one.label}, {one.severity}, {one.score:.2f}"


def where(one: Defect) -> str:
    """Return place and size in words; a side that is not known counts as 0."""
    x_mm, y_mm, width_mm, length_mm = _sides_mm(one)
    return f"{y_mm / 1000:.3f} m along, {x_mm:.0f} mm across, {length_mm:.0f} x {width_mm:.0f} mm"


def _sides_mm(one: Defect) -> tuple[float, float, float, float]:
    return one.x_mm or 0.0, one.y_mm or 0.0, one.width_mm or 0.0, one.length_mm or 0.0
