"""Owns how a retraining is shown: lines on the terminal, report.html, report.json."""

import json
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from trainer.data.manifest import Manifest
from trainer.evaluation import html_report
from trainer.evaluation.report import PAGE, plain

_Report = dict[str, Any]
_COMPARED = ("label", "images", "right", "serving right", "gained", "lost")
_NEW = ("label", "source", "pictures", "new", "changed")


def as_json(figures: _Report) -> bytes:
    """Return the figures as a file holds them."""
    return (json.dumps(figures, indent=2) + "\n").encode(errors="surrogateescape")


def headline(figures: _Report) -> str:
    """Return the advice in one word or three."""
    return "promote" if figures["promote"] else "do not promote"


def render(figures: _Report, plan: Manifest) -> bytes:
    """Return the page, one HTML file with the pictures that the two models call differently."""
    text = html_report.page(
        "retrain.html",
        figures=figures,
        headline=headline(figures),
        new_heads=_NEW,
        new=_new(figures),
        compared_heads=_COMPARED,
        compared=[(one, _compared(one), html_report.differing(one, plan)) for one in figures["comparisons"]],
        curve_heads=_curve_heads(figures["learning_curve"]),
        curve=_curve(figures["learning_curve"]),
    )
    return text.encode(errors="backslashreplace")


def show(figures: _Report, folder: str) -> None:
    """Print what is new, whether more labelling is worth it, gains and losses; last the advice and the command."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)
    since = "all is, as it is the first retraining" if figures["first"] else "since the last retraining"
    console.print(f"new: {sum(row['new'] for row in figures['new'])} pictures, {since}")
    console.print(_table(_NEW, _new(figures)))
    if curve := figures["learning_curve"]:
        console.print("is more labelling worth it? wrong answers of a plain head that knows a share of the labels:")
        console.print(_table(_curve_heads(curve)[:-1], [row[:-1] for row in _curve(curve)]))
        for row in curve["per_label"]:
            console.print(plain(f"  more {row['label']}? {row['more']}: {row['why']}"))
    for one in figures["comparisons"]:
        console.print(
            f"{one['on']}: {one['right']} of {one['images']} right, {figures['serving']['id']} {one['serving_right']}; "
            f"{one['gained']} gained, {one['lost']} lost, p = {one['p_value']:.3g} (exact McNemar)"
        )
        console.print(_table(_COMPARED, _compared(one)))
    console.print(f"{folder}/{PAGE} written; {figures['evaluation']} is the candidate's evaluation")
    for reason in figures["reasons"]:
        console.print(plain(f"{headline(figures)}: {reason}"))
    if figures["import"]:
        console.print(figures["import"])


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(*heads, box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*(plain(str(cell)) for cell in row))
    return table


def _new(figures: _Report) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in _NEW) for row in figures["new"]]


def _compared(one: _Report) -> list[tuple[Any, ...]]:
    keys = ("label", "images", "right", "serving_right", "gained", "lost")
    return [tuple(row[key] for key in keys) for row in one["per_label"]]


def _curve_heads(curve: _Report) -> tuple[str, ...]:
    shares = zip(curve.get("shares", ()), curve.get("labels", ()), strict=True)
    return ("label", "images", *(f"{100 * share:g}% ({count})" for share, count in shares), "learned from", "more?", "")


def _curve(curve: _Report) -> list[tuple[Any, ...]]:
    if not curve:
        return []
    rows = [
        (row["label"], row["images"], *row["wrong"], row["learned_from"], row["more"], row["why"])
        for row in curve["per_label"]
    ]
    return [("all", curve["judged_on"], *curve["wrong"], "", "", ""), *rows]
