"""Owns the map of a piece: defects at their place by label and severity, gaps hatched, unsure shaded, how many where.

It says what is drawn; `svg` and `raster` write it down. Its bars have a file of their own.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from inspector.quality.coverage import Coverage, Stretch
from inspector.quality.defects import Defect, worst_first
from inspector.quality.uncertain_areas import UncertainArea
from inspector.record.findings import Mark as RollMark
from inspector.record.pieces import Piece
from inspector.reports.map import bars, roll_marks, shading
from inspector.reports.map.axis import Axis
from inspector.reports.map.shapes import EDGE, GRAY, HATCH, INK, LETTER, PAPER, Box, Drawing, Line, Words

#: Colours that colour-blind people tell apart (Okabe and Ito, 2008); labels beyond them begin again.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a", "#8c6d31")
_INSPECTED, _UNSURE = "#e8ecef", "#f7e39b"
#: A defect is drawn at least so large, in px, by severity; to scale it would be a dot.
_LEAST_PX = {"critical": 13.0, "major": 9.0, "minor": 6.0}
_OTHER_PX = 5.0
#: With more defects than that they are drawn smaller, down to this share, and without a border: they would hide it all.
_CROWD, _LEAST_SIZE = 1500, 0.4
#: A gap of a metre in a long coil must be seen.
_LEAST_GAP_PX = 4.0
_LEFT_PX, _RIGHT_PX, _BAND_PX, _LINE_PX = 76.0, 26.0, 150.0, 20.0
#: More would be a blot, and too much for a browser.
MAX_DRAWN = 10_000
_MAX_LETTERS, _MAX_LABELS = 80, 40


class Sight(NamedTuple):
    """What a source sees of the width: where its pictures begin across, and how large a pixel is; 0: not known."""

    left_mm: float = 0.0
    mm_per_px: float = 0.0


class Mark(NamedTuple):
    """A defect and where it is drawn; its number is 1 for the worst of the piece."""

    number: int
    defect: Defect
    box: Box


@dataclass(frozen=True, slots=True)
class CoilMap:
    """The drawing; its marks, the worst first; the colour of each label."""

    drawing: Drawing
    marks: list[Mark]
    colours: dict[str, str]


def colours(labels: Sequence[str], defects: Sequence[Defect]) -> dict[str, str]:
    """A colour for each label. Those of the model come first, so that one is the same on every map of a line."""
    names = list(dict.fromkeys([*labels, *sorted({one.label for one in defects})]))
    return {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}


def lay_out(
    piece: Piece,
    shares: Sequence[Coverage],
    defects: Sequence[Defect],
    sights: Mapping[str, Sight],
    labels: Sequence[str] = (),
    width_px: float = 1310.0,
    titled: bool = True,
    rolls: Sequence[RollMark] = (),
    doubts: Sequence[UncertainArea] = (),
) -> CoilMap:
    """The map, a band for each source that knows places along; `labels` are those of the model, `rolls` their marks.

    `doubts`: what is unsure of frames that were decided in parts.
    """
    ranked = enumerate(worst_first(defects), 1)
    placed = [(number, one) for number, one in ranked if one.x_mm is not None and one.y_mm is not None]
    worst = placed[:MAX_DRAWN]
    bands = [share for share in shares if share.seen is not None]
    colour = colours(labels, defects)
    shapes: list[Box | Line | Words] = [Words(_LEFT_PX, 28, _cut(piece.name), 20, bold=True)] if titled else []
    top = 48.0 if titled else 16.0
    told = [_told(len(defects), len(placed), len(worst))]
    if titled:
        told += [f"{what} {name}" for what, name in (("steel grade", piece.grade), ("recipe", piece.recipe)) if name]
    shapes.append(Words(_LEFT_PX, top, " · ".join(told), 13, colour=GRAY))
    edge = width_px - _RIGHT_PX
    top, legend = _legend(top, Counter(one.label for one in defects), colour, bool(rolls), edge)
    shapes += legend
    along = Axis(_whole(bands, [one for _, one in placed]), _LEFT_PX, edge)
    marks: list[Mark] = []
    for share in bands:
        of_source = [(number, one) for number, one in worst if one.source == share.source]
        width = _width(share, sights.get(share.source, Sight()), [one for _, one in of_source])
        across = Axis(width, top + 30, top + 30 + _BAND_PX)
        found = [
            Mark(number, one, _mark(one, colour[one.label], _size(len(defects)), along, across))
            for number, one in of_source
        ]
        shapes += _band(along, across, share, [one for one in doubts if one.source == share.source])
        shapes += [mark.box for mark in reversed(found)]  # the worst on top
        shapes += roll_marks.draw([one for one in rolls if one.source == share.source], along, across)
        marks += found
        top = across.last + 26
    if bands:
        shapes += bars.draw(top + 32, along, [one for _, one in placed], colour)
        top += 32 + bars.HEIGHT_PX + 26
    else:
        shapes.append(Words(_LEFT_PX, top + 26, "no frame of it has a place along it: see sources.<any>.place"))
        top += 40
    return CoilMap(Drawing(width_px, top + 10, shapes), sorted(marks, key=lambda mark: mark.number), colour)


def _told(defects: int, placed: int, drawn: int) -> str:
    told = f"{defects:,} defect{'s' * (defects != 1)}"
    told += f"; the worst {drawn:,} are drawn" if drawn < placed else ""
    return told + (f"; {defects - placed} have no known place" if placed < defects else "")


def _cut(name: str, letters: int = _MAX_LETTERS) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def _whole(bands: Sequence[Coverage], placed: Sequence[Defect]) -> Stretch:
    """From the first to the last place that any source saw."""
    seen = [share.seen for share in bands if share.seen]
    ends = [(one.y_mm or 0.0) + (one.length_mm or 0.0) for one in placed]
    begins = min((stretch.from_mm for stretch in seen), default=0.0)
    return Stretch(begins, max([begins + 1.0, *(stretch.to_mm for stretch in seen), *ends]))


def _width(share: Coverage, sight: Sight, defects: Sequence[Defect]) -> Stretch:
    """What of the width a source saw, and at least where its defects are."""
    begins = [one.x_mm or 0.0 for one in defects]
    ends = [(one.x_mm or 0.0) + (one.width_mm or 0.0) for one in defects]
    start = min([sight.left_mm, *begins])
    return Stretch(start, max([start + 1.0, sight.left_mm + share.width_px * sight.mm_per_px, *ends]))


def _legend(
    top: float, counts: Counter[str], colour: Mapping[str, str], rolls: bool, edge: float
) -> tuple[float, list[Box | Line | Words]]:
    """What colours, sizes and grounds mean, in as many lines as it takes; and where the last one ends."""
    shown = [label for label in colour if counts[label]]
    labels = [(_key(colour[label]), f"{label} {counts[label]:,}") for label in shown[:_MAX_LABELS]]
    if len(shown) > _MAX_LABELS:
        labels.append((_key(PAPER), f"and {len(shown) - _MAX_LABELS} labels more"))
    size = _size(counts.total())
    others = [(_key(GRAY, size=least * size), severity) for severity, least in _LEAST_PX.items()] if counts else []
    others += [(_key(_INSPECTED, HATCH), "inspected"), (_key(_UNSURE, HATCH), "unsure")]
    others.append((_key(PAPER, HATCH, hatched=True), "not inspected"))
    others += [(Box(0, -5.5, 13, 2, INK), "mark of a roll, at each turn")] if rolls else []
    shapes: list[Box | Line | Words] = []
    y = top + 4
    for row in filter(None, (labels, others)):
        x, y = _LEFT_PX, y + _LINE_PX
        for key, text in row:
            wide = 32 + LETTER * 12 * len(text)
            if x + wide > edge and x > _LEFT_PX:
                x, y = _LEFT_PX, y + _LINE_PX
            shapes += [replace(key, x=x + key.x, y=y + key.y), Words(x + 19, y, text)]
            x += wide
    return y, shapes


def _key(fill: str, stroke: str = "", size: float = 12.0, hatched: bool = False) -> Box:
    """In the middle of the 13 px before a word."""
    return Box((13 - size) / 2, -4.5 - size / 2, size, size, fill, stroke, hatched=hatched)


def _band(along: Axis, across: Axis, share: Coverage, doubts: Sequence[UncertainArea]) -> Iterator[Box | Line | Words]:
    """One source: the strip from left to right, its first edge on top."""
    left, right, top, bottom = along.first, along.last, across.first, across.last
    yield Words(left, top - 9, share.source, bold=True)
    yield Box(left, top, right - left, _BAND_PX, hatched=True)
    for x, long in shading.stretches([share.seen] if share.seen else [], along, 1):
        yield Box(x, top, long, _BAND_PX, _INSPECTED)
    for x, long in shading.stretches(share.unsure, along, 1):
        yield Box(x, top, long, _BAND_PX, _UNSURE)
    yield from shading.doubtful(doubts, along, across, _UNSURE)
    for x, long in shading.stretches(share.missing, along, _LEAST_GAP_PX):
        yield Box(x, top, long, _BAND_PX, hatched=True)
        yield Box(x, top - 5, long, 4, INK)  # also where defects hide it
    yield from along.below(bottom)
    yield from across.beside(left)
    for y in (top, bottom):
        yield Line(left, y, right, y, EDGE)
    for x in (left, right):
        yield Line(x, top, x, bottom, EDGE)


def _size(defects: int) -> float:
    """The share of their least size at which so many are drawn."""
    return max(_LEAST_SIZE, min(1.0, math.sqrt(_CROWD / max(1, defects))))


def _mark(one: Defect, colour: str, size: float, along: Axis, across: Axis) -> Box:
    """A defect. Who points at it reads what and where it is."""
    x_mm, y_mm, width_mm, length_mm = (side or 0.0 for side in (one.x_mm, one.y_mm, one.width_mm, one.length_mm))
    least = size * _LEAST_PX.get(one.severity, _OTHER_PX)
    x, long = along.around(y_mm, length_mm, least)
    y, wide = across.around(x_mm, width_mm, least)
    title = (
        f"{one.label}, {one.severity}, {one.score:.2f}\n{y_mm / 1000:.3f} m along, {x_mm:.0f} mm across,"
        f" {length_mm:.0f} x {width_mm:.0f} mm\n{one.name}"
    )
    return Box(x, y, long, wide, colour, PAPER if size == 1 else "", 0.85, title=title)
