"""Owns how pictures with rectangles drawn into them become pictures of one label: whole, or as views cut out of them.

A picture no larger than a view is taken whole. Of a larger one, each rectangle gives the view around it, one that is
larger than a view up to four along each side, and places without any rectangle give views of clean strip.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trainer.data.crop import Box

#: Views along one side of a rectangle that is larger than they are, and clean ones of a picture without a rectangle.
_MOST, _CLEAN = 4, 2
#: Share of their area from which two views of one label show the same.
_SAME = 0.5


class Mark(NamedTuple):
    """A label that somebody gave a picture, or a rectangle of it."""

    label: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture and its marks, with the line of the list; a picture without marks is clean."""

    path: str
    marks: tuple[Mark, ...]
    line: int = 0


class LabelledView(NamedTuple):
    """A view of one label; None: the whole picture."""

    label: str
    box: Box | None


class Unusable(ValueError):
    """Raised where a picture has no label; the message says why, and is the same for all pictures of a kind."""


def views(
    width: int,
    height: int,
    marks: Sequence[Mark],
    view_px: int,
    clean: str | None,
    doubtful: Sequence[Box] = (),
    area: Box | None = None,
) -> list[LabelledView]:
    """Return the views of a picture of this size. `clean`: the label of clean strip; None if there is none, or many.

    No clean view touches a mark or what is `doubtful`, and all lie in `area`, which is the whole picture by default.

    Raises:
        Unusable: the picture has no label.
    """
    area = area or Box(0, 0, width, height)
    labels = dict.fromkeys(mark.label for mark in marks)
    if not marks and clean is None:
        raise Unusable("nothing is marked, and the recipe has no label of kind ok, or several")
    if max(width, height) <= view_px or any(mark.box is None for mark in marks):
        if len(labels) > 1:
            raise Unusable("several labels in one view")
        return [LabelledView(next(iter(labels), clean or ""), None)]
    side = Box(0, 0, min(view_px, area.width), min(view_px, area.height))
    found: list[LabelledView] = []
    for label, box in marks:
        if box is not None:
            found += (
                LabelledView(label, place) for place in _around(box, side, area) if _mostly(place, marks) == label
            )
    if marks and not found:
        raise Unusable("what is marked lies outside, or under marks of another label")
    found = _distinct(found)
    if clean is not None:
        taken = [*doubtful, *(mark.box for mark in marks if mark.box)]
        free = [
            place for place in _around(area, side, area, most=None) if not any(_shared(place, one) for one in taken)
        ]
        count = min(len(free), len(found) or _CLEAN)
        found += (LabelledView(clean, free[number * len(free) // count]) for number in range(count))
    return found


def _around(box: Box, side: Box, area: Box, most: int | None = _MOST) -> list[Box]:
    """Return rectangles of `side` within `area` that cover `box`, or are spread over it where `most` are too few."""
    xs = _starts(box.x, box.width, side.width, area.x, area.x + area.width, most)
    ys = _starts(box.y, box.height, side.height, area.y, area.y + area.height, most)
    return [Box(x, y, side.width, side.height) for y in ys for x in xs]


def _starts(start: int, length: int, side: int, low: int, high: int, most: int | None) -> list[int]:
    count = max(1, -(-length // side))
    count = count if most is None else min(count, most)
    step = (length - side) / max(1, count - 1)
    wanted = [start + (length - side) // 2] if count == 1 else [start + round(step * number) for number in range(count)]
    return list(dict.fromkeys(max(low, min(one, high - side)) for one in wanted))


def _mostly(place: Box, marks: Iterable[Mark]) -> str:
    """Return the label whose rectangles cover most of the place; "" where none does."""
    covered: Counter[str] = Counter()
    for label, box in marks:
        covered[label] += _shared(place, box) if box else 0
    label, most = covered.most_common(1)[0]
    return label if most else ""


def _distinct(found: Sequence[LabelledView]) -> list[LabelledView]:
    """Drop the views that show nearly the same as one before them with their label."""
    kept: list[LabelledView] = []
    for view in found:
        same = (one.box for one in kept if one.label == view.label)
        if view.box and not any(box and _shared(view.box, box) > _SAME * box.width * box.height for box in same):
            kept.append(view)
    return kept


def _shared(one: Box, other: Box) -> int:
    """Return the pixels that are in both."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0, width) * max(0, height)
