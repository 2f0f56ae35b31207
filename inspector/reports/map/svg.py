"""Owns a drawing as SVG: sharp at any size, and who points at a box reads its title."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from inspector.reports.map.shapes import HATCH, HATCH_GROUND, PAPER, Drawing, Line, Rectangle, Shape, Text
from inspector.reports.printable import printable_lines

_FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"


def write(drawing: Drawing) -> str:
    """Return the element, which is a file as it is. Lengths are written to hundredths of a px."""
    root = Element("svg", {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {drawing.width:.0f} {drawing.height:.0f}",
        "font-family": _FONT,
    })  # fmt: skip
    pattern = SubElement(SubElement(root, "defs"), "pattern", {
        "id": "hatch", "width": "7", "height": "7", "patternUnits": "userSpaceOnUse",
        "patternTransform": "rotate(45)",
    })  # fmt: skip
    SubElement(pattern, "rect", {"width": "7", "height": "7", "fill": HATCH_GROUND})
    SubElement(pattern, "rect", {"width": "2", "height": "7", "fill": HATCH})
    SubElement(root, "rect", {"width": _px(drawing.width), "height": _px(drawing.height), "fill": PAPER})
    root.extend(_shape(one) for one in drawing.shapes)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _shape(one: Shape) -> Element:
    if isinstance(one, Line):
        ends = {"x1": one.x1, "y1": one.y1, "x2": one.x2, "y2": one.y2}
        return Element("line", {name: _px(at) for name, at in ends.items()} | {"stroke": one.stroke})
    return _words(one) if isinstance(one, Text) else _box(one)


def _words(one: Text) -> Element:
    element = Element("text", {"x": _px(one.x), "y": _px(one.y), "font-size": _px(one.size), "fill": one.colour})
    if one.anchor != "start":
        element.set("text-anchor", one.anchor)
    if one.bold:
        element.set("font-weight", "bold")
    element.text = printable_lines(one.text)
    return element


def _box(one: Rectangle) -> Element:
    sides = {"x": one.x, "y": one.y, "width": one.width, "height": one.height}
    element = Element("rect", {name: _px(side) for name, side in sides.items()})
    element.set("fill", "url(#hatch)" if one.hatched else one.fill)
    if one.stroke:
        element.set("stroke", one.stroke)
    if one.opacity != 1:
        element.set("fill-opacity", _px(one.opacity))
    if one.title:
        SubElement(element, "title").text = printable_lines(one.title)
    return element


def _px(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
