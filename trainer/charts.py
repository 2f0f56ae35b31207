"""Owns the pictures of an evaluation, each as the bytes of a PNG: confusion, per label figures. Matplotlib is here."""

import io
import logging
from collections.abc import Sequence
from typing import Any

import matplotlib

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # else it announces its font cache
matplotlib.use("Agg")  # no display on a line host
from matplotlib import pyplot  # noqa: E402

_INK, _PALE = "#1f4e79", "#9dc3e6"


def confusion(labels: Sequence[str], table: Sequence[Sequence[int]]) -> bytes:
    """The confusion table: rows are the truth, columns the prediction."""
    side = 2.5 + 0.6 * len(labels)
    figure, axes = pyplot.subplots(figsize=(side + 0.5, side))
    shares = [[count / max(1, sum(row)) for count in row] for row in table]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for y, row in enumerate(table):
        for x, count in enumerate(row):
            axes.text(x, y, str(count), ha="center", va="center", color="white" if shares[y][x] > 0.5 else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    return _png(figure)


def per_label(rows: Sequence[dict[str, Any]]) -> bytes:
    """Precision, recall and F1 of each label as points with their 95% intervals; what was not measured is left out."""
    figure, axes = pyplot.subplots(figsize=(7, 1.2 + 0.55 * len(rows)))
    for shift, (key, colour) in enumerate((("precision", _PALE), ("recall", _INK), ("f1", "#c55a11"))):
        measured = [(y + (shift - 1) * 0.2, row) for y, row in enumerate(rows) if row[key] is not None]
        points = [row[key] for _, row in measured]
        bars = [[abs(row[key] - row[f"{key}_95"][end]) for _, row in measured] for end in (0, 1)]
        axes.errorbar(points, [y for y, _ in measured], xerr=bars, fmt="o", ms=4, color=colour, label=key, capsize=2)
    axes.set_yticks(range(len(rows)), [f"{row['label']} ({row['images']})" for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("share, with 95% interval")
    axes.legend(loc="lower left", fontsize=8)
    return _png(figure)


def _png(figure: Any) -> bytes:
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    pyplot.close(figure)
    return buffer.getvalue()
