"""Owns the legend of a map: what its colours, sizes and grounds mean, in as many lines as that takes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from inspector.reports.map import symbols
from inspector.reports.map.shapes import GRAY, HATCH, INK, INSPECTED, LETTER, PAPER, UNSURE, Rectangle, Shape, Text

_LINE_PX, _KEY_PX, _MAX_LABELS = 20.0, 13.0, 40

_Entry = tuple[Rectangle, str]


def draw(
    top: float, left: float, right: float, counts: Counter[str], colours: Mapping[str, str], has_roll_marks: bool
) -> tuple[float, list[Shape]]:
    """Return where the last line ends, and the shapes. `counts`: of defects by label."""
    shapes: list[Shape] = []
    y = top + 4
    for row in filter(None, (_labels(counts, colours), [*_grounds(counts, has_roll_marks)])):
        x, y = left, y + _LINE_PX
        for key, text in row:
            wide = 32 + LETTER * 12 * len(text)
            if x + wide > right and x > left:
                x, y = left, y + _LINE_PX
            shapes += [replace(key, x=x + key.x, y=y + key.y), Text(x + 19, y, text)]
            x += wide
    return y, shapes


def _labels(counts: Counter[str], colours: Mapping[str, str]) -> list[_Entry]:
    shown = [label for label in colours if counts[label]]
    entries = [(_key(colours[label]), f"{label} {counts[label]:,}") for label in shown[:_MAX_LABELS]]
    more = len(shown) - _MAX_LABELS
    return [*entries, (_key(PAPER), f"and {more} labels more")] if more > 0 else entries


def _grounds(counts: Counter[str], has_roll_marks: bool) -> Iterator[_Entry]:
    share = symbols.share_of_size(counts.total())
    if counts:
        yield from ((_key(GRAY, side=least * share), severity) for severity, least in symbols.LEAST_PX.items())
    yield _key(INSPECTED, HATCH), "inspected"
    yield _key(UNSURE, HATCH), "unsure"
    yield _key(PAPER, HATCH, hatched=True), "not inspected"
    if has_roll_marks:
        yield Rectangle(0, -5.5, _KEY_PX, 2, INK), "mark of a roll, at each turn"


def _key(fill: str, stroke: str = "", side: float = 12.0, hatched: bool = False) -> Rectangle:
    """Return a square in the middle of the _KEY_PX before a word."""
    return Rectangle((_KEY_PX - side) / 2, -4.5 - side / 2, side, side, fill, stroke, hatched=hatched)
