"""Owns what a drawing is made of: rectangles, lines and text, each with its place in px, painted in this order.

What is drawn is decided once, in these; svg.py and png.py write them down and decide nothing.
"""

from dataclasses import dataclass
from typing import Literal

INK, GRAY, EDGE, PAPER = "#1f2328", "#6b7280", "#8a929b", "#ffffff"
#: The grounds of what was inspected, and of what the model was unsure of.
INSPECTED, UNSURE = "#e8ecef", "#f7e39b"
#: A letter is hardly ever wider than that share of its size.
LETTER = 0.6
#: The two colours of what is hatched: nobody looked there.
HATCH, HATCH_GROUND = "#9aa1a9", "#ffffff"


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Colours are #rrggbb; `stroke` is that of the border, "" for none. Who points at the rectangle reads `title`."""

    x: float
    y: float
    width: float
    height: float
    fill: str = PAPER
    stroke: str = ""
    opacity: float = 1.0
    hatched: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str = GRAY


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; x and y are of its baseline's start, middle or end."""

    x: float
    y: float
    text: str
    size: float = 12.0
    anchor: Literal["start", "middle", "end"] = "start"
    colour: str = INK
    bold: bool = False


Shape = Rectangle | Line | Text


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it, on paper of this size in px."""

    width: float
    height: float
    shapes: list[Shape]
