"""Owns a drawing as PNG, by matplotlib: it has anti-aliased shapes, hatching and a font of its own for any host."""

import io
import warnings
from itertools import groupby

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from inspector.reports.map.shapes import HATCH, HATCH_GROUND, PAPER, Drawing, Line, Rectangle, Shape, Text
from inspector.reports.printable import printable_lines

#: Dots an inch at which a px of the drawing is a point, in which matplotlib measures lines and letters.
_POINTS = 72.0


def write(drawing: Drawing, scale: float = 2.0) -> bytes:
    """Return the file, with `scale` pixels for each px of the drawing, so that it is sharp on paper."""
    with mpl.rc_context({"hatch.linewidth": 1.2, "font.family": "DejaVu Sans"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # such a letter is a small box
        figure = Figure((drawing.width / _POINTS, drawing.height / _POINTS), _POINTS * scale, facecolor=PAPER)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, drawing.width), ylim=(drawing.height, 0))
        axes.set_axis_off()
        # Thousands of boxes are quick only as one collection; runs of a kind keep the order in which all is painted.
        for layer, (_, run) in enumerate(groupby(drawing.shapes, _kind)):
            shapes = list(run)
            boxes = [one for one in shapes if isinstance(one, Rectangle)]
            if boxes:
                axes.add_collection(_boxes(boxes, layer), autolim=False)
            for one in shapes:
                if isinstance(one, Line):
                    axes.add_line(Line2D((one.x1, one.x2), (one.y1, one.y2), color=one.stroke, lw=1, zorder=layer))
                elif isinstance(one, Text):
                    axes.text(
                        one.x, one.y, printable_lines(one.text), size=one.size, color=one.colour, zorder=layer,
                        ha={"start": "left", "middle": "center", "end": "right"}[one.anchor], va="baseline",
                        weight="bold" if one.bold else "normal", parse_math=False,
                    )  # fmt: skip
        file = io.BytesIO()
        figure.savefig(file, format="png")
    return file.getvalue()


def _kind(one: Shape) -> tuple[type, bool]:
    return type(one), isinstance(one, Rectangle) and one.hatched


def _boxes(boxes: list[Rectangle], layer: int) -> PolyCollection:
    corners = [
        [
            (one.x, one.y),
            (one.x + one.width, one.y),
            (one.x + one.width, one.y + one.height),
            (one.x, one.y + one.height),
        ]
        for one in boxes
    ]
    if boxes[0].hatched:  # the border's colour is the hatch's, too
        lines = [1.0 if one.stroke else 0.0 for one in boxes]
        return PolyCollection(corners, facecolors=HATCH_GROUND, edgecolors=HATCH, hatch="/////", lw=lines, zorder=layer)
    fills = [to_rgba(one.fill, one.opacity) for one in boxes]
    borders = [to_rgba(one.stroke) if one.stroke else (0, 0, 0, 0) for one in boxes]
    return PolyCollection(corners, facecolors=fills, edgecolors=borders, lw=1, zorder=layer)
