"""Owns a drawing as SVG: sharp at any size, and who points at a box reads its title."""

from inspector.reports.html.markup import Markup, tag
from inspector.reports.map.shapes import HATCH, HATCH_GROUND, PAPER, Box, Drawing, Line, Words

_FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"


def write(drawing: Drawing) -> Markup:
    """The element, which is a file as it is."""
    hatch = tag(
        "pattern",
        tag("rect", width=7, height=7, fill=HATCH_GROUND),
        tag("rect", width=2, height=7, fill=HATCH),
        id="hatch", width=7, height=7, patternUnits="userSpaceOnUse", patternTransform="rotate(45)",
    )  # fmt: skip
    return tag(
        "svg",
        tag("defs", hatch),
        tag("rect", width=drawing.width, height=drawing.height, fill=PAPER),
        *(_shape(one) for one in drawing.shapes),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {drawing.width:.0f} {drawing.height:.0f}",
        font_family=_FONT,
    )


def _shape(one: Box | Line | Words) -> Markup:
    if isinstance(one, Line):
        return tag("line", x1=one.x1, y1=one.y1, x2=one.x2, y2=one.y2, stroke=one.stroke)
    if isinstance(one, Words):
        return tag(
            "text", one.text, x=one.x, y=one.y, font_size=one.size, fill=one.colour,
            text_anchor=None if one.anchor == "start" else one.anchor, font_weight="bold" if one.bold else None,
        )  # fmt: skip
    return tag(
        "rect", *([tag("title", one.title)] if one.title else []), x=one.x, y=one.y, width=one.width, height=one.height,
        fill="url(#hatch)" if one.hatched else one.fill, stroke=one.stroke or None,
        fill_opacity=None if one.opacity == 1 else one.opacity,
    )  # fmt: skip
