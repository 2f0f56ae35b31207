"""Owns the pictures of an evaluation, each as the bytes of a PNG. The only file that imports Matplotlib."""

import io
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # else it announces its font cache
matplotlib.use("Agg")  # no display on a line host
from matplotlib import pyplot  # noqa: E402

#: Every name that `of` may give.
NAMES = ("confusion.png", "per_label.png", "reliability.png", "risk_coverage.png", "robustness.png")

_INK, _PALE = "#1f4e79", "#9dc3e6"


def of(report: Mapping[str, Any]) -> dict[str, bytes]:
    """Return every picture that the report has figures for, by file name."""
    charts = {
        "confusion.png": confusion(report["confusion"]["labels"], report["confusion"]["rows_are_truth"]),
        "per_label.png": per_label(report["per_label"]),
        "reliability.png": reliability(report["calibration"]),
        "risk_coverage.png": risk_coverage(report["calibration"]),
    }
    if "robustness" in report:
        charts["robustness.png"] = robustness(report["robustness"])
    return charts


def confusion(labels: Sequence[str], table: Sequence[Sequence[int]]) -> bytes:
    """Return the confusion table: rows are the truth, columns the prediction."""
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
    """Draw precision, recall and F1 of each label with their 95% intervals; leave out what was not measured."""
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


def reliability(calibration: dict[str, Any]) -> bytes:
    """Draw right answers against score, before and after the temperature, and the pictures in each bin."""
    figure, (axes, counts) = pyplot.subplots(2, 1, figsize=(5, 5.5), height_ratios=(3, 1), sharex=True)
    axes.plot([0, 1], [0, 1], color="gray", lw=1, ls="--", label="calibrated")
    for when, colour in (("before", _PALE), ("after", _INK)):
        bins = [part for part in calibration[f"bins_{when}"] if part["images"]]
        points = [part["score"] for part in bins]
        label = f"{when} (ECE {100 * calibration[f'ece_{when}']:.2f} %)"
        axes.plot(points, [part["right"] / part["images"] for part in bins], "o-", ms=4, color=colour, label=label)
    bins = calibration["bins_after"]
    width = bins[0]["high"] - bins[0]["low"]
    counts.bar([part["low"] for part in bins], [part["images"] for part in bins], width, align="edge", color=_INK)
    counts.set_yscale("symlog")
    counts.set_xlabel("score")
    counts.set_ylabel("images")
    axes.set_ylabel("share right")
    axes.legend(fontsize=8)
    return _png(figure)


def risk_coverage(calibration: dict[str, Any]) -> bytes:
    """Draw the share wrong among those answered against the share answered, the least sure refused first."""
    points = calibration["risk_coverage"]
    images = points[-1]["images"]
    figure, axes = pyplot.subplots(figsize=(5, 3.5))
    shares = [100 * point["wrong"] / point["images"] for point in points]
    axes.step([100 * point["images"] / images for point in points], shares, where="post", color=_INK)
    axes.set_ylim(0, max(1.0, 1.1 * max(shares)))
    axes.set_xlabel("answered, %")
    axes.set_ylabel("wrong among them, %")
    axes.grid(alpha=0.3)
    return _png(figure)


def robustness(figures: dict[str, Any]) -> bytes:
    """Draw the share right under each fault, a row a fault and a column a strength, with k of n."""
    cells = figures["faults"]
    names = list(dict.fromkeys(cell["fault"] for cell in cells))
    strengths = list(dict.fromkeys(cell["strength"] for cell in cells))
    figure, axes = pyplot.subplots(figsize=(7, 1.2 + 0.42 * len(names)))
    place = {(cell["fault"], cell["strength"]): cell for cell in cells}
    shares = [[place[name, strength]["right"] / figures["images"] for strength in strengths] for name in names]
    axes.imshow(shares, cmap="RdYlGn", vmin=0.5, vmax=1, aspect="auto", alpha=0.6)
    for y, name in enumerate(names):
        for x, strength in enumerate(strengths):
            cell = place[name, strength]
            text = f"{cell['right']} of {cell['images']} ({100 * shares[y][x]:.1f} %)"
            axes.text(x, y, text, ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(strengths)), strengths)
    axes.set_yticks(range(len(names)), names)
    return _png(figure)


def _png(figure: Any) -> bytes:
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    pyplot.close(figure)
    return buffer.getvalue()
