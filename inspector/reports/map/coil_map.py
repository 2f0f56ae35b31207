"""Owns the map of a piece: defects at their place by label and severity, gaps hatched, unsure shaded, how many where.

It says what is drawn; `svg` and `png` write it down.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inspector.quality.coverage import Coverage, Stretch
from inspector.quality.defects import Defect, worst_first
from inspector.quality.uncertain_areas import UncertainArea
from inspector.record.findings import RollMark
from inspector.record.pieces import Piece
from inspector.reports.map import band, bars, legend, roll_marks, symbols
from inspector.reports.map.axis import Axis
from inspector.reports.map.band import FieldOfView
from inspector.reports.map.shapes import GRAY, Drawing, Shape, Text
from inspector.reports.map.symbols import DrawnDefect

#: Defects that are drawn at most: more would be a blot, and too much for a browser.
MAX_DRAWN = 10_000
_LEFT_PX, _RIGHT_PX, _MAX_LETTERS = 76.0, 26.0, 80


@dataclass(frozen=True, slots=True)
class CoilMap:
    """The drawing; the defects on it, the worst first; the colour of each label."""

    drawing: Drawing
    drawn: list[DrawnDefect]
    colours: dict[str, str]


def lay_out(
    piece: Piece,
    shares: Sequence[Coverage],
    defects: Sequence[Defect],
    views: Mapping[str, FieldOfView],
    labels: Sequence[str] = (),
    width_px: float = 1310.0,
    titled: bool = True,
    rolls: Sequence[RollMark] = (),
    doubts: Sequence[UncertainArea] = (),
) -> CoilMap:
    """Return the map, with a band for each source that knows places along.

    `views` and `shares` are of the sources; `labels` are those of the model, in whose order colours are given. `rolls`
    are roll marks; `doubts` are the unsure parts of frames that were decided in parts.
    """
    ranked = enumerate(worst_first(defects), 1)
    placed = [(number, one) for number, one in ranked if one.x_mm is not None and one.y_mm is not None]
    worst = placed[:MAX_DRAWN]
    colours, share_of_size = symbols.colours(labels, defects), symbols.share_of_size(len(defects))
    left, right = _LEFT_PX, width_px - _RIGHT_PX
    top, shapes = _heading(piece if titled else None, _counted(len(defects), len(placed), len(worst)))
    top, key = legend.draw(top, left, right, Counter(one.label for one in defects), colours, bool(rolls))
    shapes += key
    bands = [share for share in shares if share.seen is not None]
    along = Axis(_whole(bands, [one for _, one in placed]), left, right)
    drawn: list[DrawnDefect] = []
    for share in bands:
        of_source = [(number, one) for number, one in worst if one.source == share.source]
        width = band.width(share, views.get(share.source, FieldOfView()), [one for _, one in of_source])
        across = Axis(width, top + 30, top + 30 + band.HEIGHT_PX)
        found = [
            DrawnDefect(number, one, symbols.draw(one, colours[one.label], share_of_size, along, across))
            for number, one in of_source
        ]
        shapes += band.draw(along, across, share, [one for one in doubts if one.source == share.source])
        shapes += [one.box for one in reversed(found)]  # the worst on top
        shapes += roll_marks.draw([one for one in rolls if one.source == share.source], along, across)
        drawn += found
        top = across.last + 26
    top, below = _below(top, along if bands else None, [one for _, one in placed], colours)
    shapes += below
    return CoilMap(Drawing(width_px, top, shapes), sorted(drawn, key=lambda one: one.number), colours)


def _heading(piece: Piece | None, counted: str) -> tuple[float, list[Shape]]:
    """Return the baseline of the last line, and the lines; without a piece it is the count alone."""
    if piece is None:
        return 16.0, [Text(_LEFT_PX, 16.0, counted, 13, colour=GRAY)]
    more = [f"{what} {name}" for what, name in (("steel grade", piece.grade), ("recipe", piece.recipe)) if name]
    title = Text(_LEFT_PX, 28, _shortened(piece.name), 20, bold=True)
    return 48.0, [title, Text(_LEFT_PX, 48.0, " · ".join([counted, *more]), 13, colour=GRAY)]


def _counted(defects: int, placed: int, drawn: int) -> str:
    counted = f"{defects:,} defect{'s' * (defects != 1)}"
    counted += f"; the worst {drawn:,} are drawn" if drawn < placed else ""
    return counted + (f"; {defects - placed} have no known place" if placed < defects else "")


def _shortened(name: str) -> str:
    return name if len(name) <= _MAX_LETTERS else f"{name[: _MAX_LETTERS - 1]}…"


def _whole(bands: Sequence[Coverage], placed: Sequence[Defect]) -> Stretch:
    """Return the stretch from the first to the last place that any source saw."""
    seen = [share.seen for share in bands if share.seen]
    ends = [(one.y_mm or 0.0) + (one.length_mm or 0.0) for one in placed]
    begins = min((stretch.from_mm for stretch in seen), default=0.0)
    return Stretch(begins, max([begins + 1.0, *(stretch.to_mm for stretch in seen), *ends]))


def _below(
    top: float, along: Axis | None, placed: Sequence[Defect], colours: Mapping[str, str]
) -> tuple[float, list[Shape]]:
    """Return where the drawing ends, and how many defects are where; without an axis, why there is none."""
    if along is None:
        why = "no frame of it has a place along it: see sources.<any>.place"
        return top + 50, [Text(_LEFT_PX, top + 26, why)]
    return top + bars.HEIGHT_PX + 68, [*bars.draw(top + 32, along, placed, colours)]
