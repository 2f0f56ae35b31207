"""Owns the pool: what the parts of a cross-validation say together, its file, and how it is shown."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from trainer.cross_validation.part import Part
from trainer.evaluation import costly, metrics, report
from trainer.evaluation.metrics import Bin, percent
from trainer.recipe.recipe import Recipe

#: The file that `save` writes.
REPORT = "folds.json"


def of(recipe: Recipe, by_fit: bool, parts: Sequence[Part], per_label: int | None) -> dict[str, Any]:
    """Return the content of folds.json: the parts, and what they say together.

    Of folds, each picture is judged once, and a share has its interval. Draws (`per_label` pictures of each label)
    judge a picture several times: the spread of their shares is given by the least and the largest, and `share` has
    no interval.
    """
    names = [label.name for label in recipe.labels]
    by_label = metrics.per_label(np.sum([part.confusion for part in parts], axis=0), names)
    images, right = sum(part.images for part in parts), sum(part.right for part in parts)
    shares = [part.share for part in parts]
    return {
        "recipe": recipe.name,
        "learned_by": "fit" if by_fit else "train",
        "per_label_images": per_label,
        **_costly(recipe, parts),
        "balanced_accuracy": metrics.balanced_accuracy(by_label)[0],
        "balanced_accuracy_95": metrics.balanced_accuracy(by_label)[1],
        "macro_f1": metrics.macro_f1(by_label),
        "calibration": _calibration(parts),
        "images": images,
        "right": right,
        "share": right / images,
        "share_95": None if per_label else metrics.wilson(right, images),
        "share_mean": statistics.mean(shares),
        "share_least": min(shares),
        "share_largest": max(shares),
        "unsure": sum(part.unsure for part in parts),
        "seconds_median": round(statistics.median(part.seconds for part in parts), 1),
        "seconds_most": max(part.seconds for part in parts),
        "per_label": [asdict(figures) for figures in by_label],
        "confusion": {"labels": names, "rows_are_truth": np.sum([part.confusion for part in parts], axis=0).tolist()},
        "parts": [asdict(part) for part in parts],
    }


def _costly(recipe: Recipe, parts: Sequence[Part]) -> dict[str, Any]:
    return costly.of(
        sum(part.defect_images for part in parts),
        sum(part.passed_ok for part in parts),
        sum(part.clean_images for part in parts),
        sum(part.called_defect for part in parts),
        any(label.kind == "ok" for label in recipe.labels),
    )


def _calibration(parts: Sequence[Part]) -> dict[str, Any]:
    bins = metrics.merged([[Bin(**values) for values in part.bins] for part in parts])
    return {
        "ece_after": metrics.calibration_error(bins),
        "ece_after_95": metrics.calibration_error_95(bins),
        "bins_after": [asdict(one) for one in bins],
    }


def save(recipe: Recipe, figures: dict[str, Any]) -> Path:
    """Write folds.json whole or not at all, and return its path: in run_dir, of draws in their folder of it."""
    few = figures["per_label_images"]
    folder = recipe.run_dir / f"few-{few}" if few else recipe.run_dir
    report.write(folder / REPORT, (json.dumps(figures, indent=2) + "\n").encode(errors="surrogateescape"))
    return folder / REPORT


def line(part: Part, left_s: float | None) -> str:
    """Return the line that is shown when a part is done; `left_s` is None if it was done before."""
    figures = f"{part.right} of {part.images} right, {percent(asdict(part), 'share')} %"
    passed = f"{part.passed_ok} of {part.defect_images} defects passed as ok, " if part.defect_images else ""
    left = "kept from before" if left_s is None else f"{left_s / 60:.1f} min left"
    return f"{part.name}: {passed}{figures}; learned in {part.seconds:.0f} s; {left}"


def show(figures: dict[str, Any]) -> None:
    """Print the two costly mistakes of all parts together, the parts, the pool and its confusion matrix."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)
    for text in costly.lines(figures):
        console.print(text)
    console.print(_parts(figures["parts"]))
    spread = f"{100 * figures['share_least']:.2f} to {100 * figures['share_largest']:.2f} %"
    whole = f"{figures['right']} of {figures['images']} right"
    if figures["share_95"]:
        whole += f", {percent(figures, 'share')} %"
    console.print(f"together {whole}; mean {100 * figures['share_mean']:.2f} %, from {spread}")
    console.print(report.confusion(figures))
    for part in figures["parts"]:
        for note in part["notes"]:
            console.print(f"note on {part['name']}: {note}")
    wrong = [(part["name"], row) for part in figures["parts"] for row in part["wrong"]]
    for name, row in wrong[:10]:
        console.print(
            f"wrong in {name}: {report.plain(row['path'])} is {row['label']}, "
            f"called {row['predicted']} ({row['score']:.2f})"
        )
    if len(wrong) > 10:
        console.print(f"… and {len(wrong) - 10} more in {REPORT}")


def _parts(parts: Sequence[dict[str, Any]]) -> Table:
    heads = ("part", "escapes", "false alarms", "learned from", "right", "right %", "unsure", "s", "CPU s")
    # In 80 columns the heads go on in the next line; a figure with its interval is never cut.
    columns = (Column(head, overflow="fold", no_wrap=head == "right %") for head in heads)
    table = Table(*columns, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for part in parts:
        mistakes = (
            f"{part['passed_ok']} of {part['defect_images']}",
            f"{part['called_defect']} of {part['clean_images']}",
        )
        right = (f"{part['right']} of {part['images']}", percent(part, "share"), str(part["unsure"]))
        seconds = (f"{part['seconds']:.0f}", f"{part['cpu_seconds']:.0f}")
        table.add_row(part["name"], *mistakes, str(part["learned_from"]), *right, *seconds)
    return table
