"""Owns how an evaluation is shown: tables on the terminal, confusion.png, report.json."""

import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REPORT = "report.json"
PICTURE = "confusion.png"


def save(folder: Path, report: dict[str, Any]) -> None:
    """Write report.json and confusion.png, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{os.getpid()}.tmp"
    scratch.write_text(json.dumps(report, indent=2) + "\n", errors="surrogateescape")
    scratch.replace(folder / REPORT)
    draw(scratch, report["confusion"]["labels"], report["confusion"]["rows_are_truth"])
    scratch.replace(folder / PICTURE)


def show(report: dict[str, Any]) -> None:
    """Print what a person needs first: k of n, the two costly mistakes, then the tables."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)  # `simulated:ok:1` is a path
    console.print(f"{report['right']} of {report['images']} right")
    for source, figures in report["by_source"].items():
        console.print(f"  {source}: {figures['right']} of {figures['images']} right, {figures['unsure']} unsure")
    alarms, escapes = report["false_alarms"], report["escapes"]
    console.print(f"clean strip called a defect: {alarms['called_defect']} of {alarms['clean_images']}")
    console.print(f"defects passed as ok: {escapes['passed_ok']} of {escapes['defect_images']}")
    console.print(f"unsure: {report['outcomes']['unsure']} of {report['images']}")
    console.print(_figures(report), _confusion(report))
    for wrong in report["wrong"][:10]:
        console.print(f"wrong: {wrong['path']} is {wrong['label']}, called {wrong['predicted']} ({wrong['score']:.2f})")
    if len(report["wrong"]) > 10:
        console.print(f"… and {len(report['wrong']) - 10} more in {REPORT}")


def draw(path: Path, labels: list[str], table: list[list[int]]) -> None:
    """Draw the confusion table as PNG: rows are the truth, columns the prediction."""
    import logging

    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # else it announces its font cache
    matplotlib.use("Agg")  # no display on a line host
    from matplotlib import pyplot

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
    figure.tight_layout()
    figure.savefig(path, format="png", dpi=120)
    pyplot.close(figure)


def _figures(report: dict[str, Any]) -> Table:
    table = Table("label", "images", "right", "precision", "recall", "F1")
    for row in report["per_label"]:
        ratios = ("–" if row[key] is None else f"{row[key]:.4f}" for key in ("precision", "recall", "f1"))
        table.add_row(row["label"], str(row["images"]), str(row["right"]), *ratios)
    return table


def _confusion(report: dict[str, Any]) -> Table:
    labels = report["confusion"]["labels"]
    table = Table("is \\ called", *(str(number) for number in range(len(labels))))
    for number, (label, row) in enumerate(zip(labels, report["confusion"]["rows_are_truth"], strict=True)):
        table.add_row(f"{number} {label}", *(str(count) if count else "·" for count in row))
    return table
