"""Owns the map of a page: who points at a defect, or comes to it by Tab, sees a card with its picture."""

from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from inspector.record.store import Store
from inspector.reports import thumbnails
from inspector.reports.map import svg, symbols
from inspector.reports.map.coil_map import CoilMap
from inspector.reports.map.shapes import Drawing
from inspector.reports.map.symbols import DrawnDefect

#: Bytes of all cards' pictures together: the file stays one that a mail takes.
_MAX_BYTES = 2_500_000
_SIDE_PX = 210


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotspot:
    """Where a defect lies on the map, as a style in % of it, and its card; cards at the right open to the left.

    `lines`: what it is, where, and in which frame. `jpeg`: None where no picture is kept.
    """

    anchor: str
    style: str
    opens_left: bool
    jpeg: bytes | None
    lines: list[str]


@dataclass(frozen=True, slots=True)
class MapWithTooltips:
    """The drawing as SVG, the hotspots on it, and what to do with them; `hint` is "" where there is none."""

    drawing: Markup
    hotspots: list[Hotspot]
    hint: str


def over(coil_map: CoilMap, store: Store, most: int) -> MapWithTooltips:
    """Return the map with a card on each of its `most` worst defects; `store` leads to the pictures."""
    worst = coil_map.drawn[:most]
    pictures = thumbnails.of_defects(store, [one.defect for one in worst], coil_map.colours, _SIDE_PX)
    within = sum(size <= _MAX_BYTES for size in accumulate(len(one or b"") for one in pictures))
    hotspots = [_hotspot(*one, coil_map.drawing) for one in zip(worst, pictures, strict=True)][:within]
    hint = _hint(len(coil_map.drawn), len(hotspots), sum(one.jpeg is None for one in hotspots))
    return MapWithTooltips(Markup(svg.write(coil_map.drawing)), hotspots, hint)


def _hint(drawn: int, cards: int, without: int) -> str:
    if not cards:
        return ""
    which = "the defects" if cards == drawn else f"the worst {cards} of {drawn} defects"
    gone = f" Of {without} no picture is kept, or no longer." if without else ""
    return f"Point at a defect, or use Tab: {which} show their picture.{gone}"


def _hotspot(drawn: DrawnDefect, jpeg: bytes | None, drawing: Drawing) -> Hotspot:
    box = drawn.box
    middle_x, middle_y = box.x + box.width / 2, box.y + box.height / 2
    style = (
        f"left:{100 * middle_x / drawing.width:.3f}%;top:{100 * middle_y / drawing.height:.3f}%;"
        f"width:{100 * box.width / drawing.width:.3f}%;height:{100 * box.height / drawing.height:.3f}%"
    )
    defect = drawn.defect
    return Hotspot(
        anchor=f"d{drawn.number}",
        style=style,
        opens_left=middle_x > drawing.width / 2,
        jpeg=jpeg,
        lines=[f"{drawn.number}: {symbols.what(defect)}", symbols.where(defect), f"{defect.source}: {defect.name}"],
    )
