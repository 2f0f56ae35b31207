"""Owns how an evaluation is shown: the short form on the terminal; report.json, report.html and its pictures."""

import json
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from inspector.host import atomic
from trainer import terminal
from trainer.data.manifest import Manifest
from trainer.data.records import unreviewed
from trainer.evaluation import costly
from trainer.evaluation.metrics import percent

REPORT = "report.json"
PAGE = "report.html"


def save(folder: Path, report: dict[str, Any], plan: Manifest) -> None:
    """Write report.json, report.html and its pictures, each whole or not at all. Thumbnails are of the plan's rows."""
    from trainer.evaluation import charts, html_report

    pictures = charts.of(report)
    write(folder / REPORT, (json.dumps(report, indent=2) + "\n").encode(errors="surrogateescape"))
    write(folder / PAGE, html_report.render(report, pictures, plan).encode(errors="backslashreplace"))
    for name in charts.NAMES:
        if name in pictures:
            write(folder / name, pictures[name])
        else:
            (folder / name).unlink(missing_ok=True)  # of an evaluation before this one


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, content)


def show(report: dict[str, Any]) -> None:
    """Print what a person needs first: the two costly mistakes, k of n, then the tables."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)  # `simulated:ok:1` is a path
    for line in costly.lines(report):
        console.print(line)
    console.print(f"{report['right']} of {report['images']} right, {percent(report, 'top_1')}")
    for line in unreviewed.lines(report):
        console.print(f"note: {line}")
    for k, right in report["top_k"].items():
        console.print(f"  among the first {k}: {right} of {report['images']}")
    if unseen := report["unseen_source"]:
        console.print(
            f"  of sources that training has not seen: {unseen['right']} of {unseen['images']} right, "
            f"{percent(unseen, 'share')}"
        )
    for source, figures in report["by_source"].items():
        console.print(f"  {source}: {figures['right']} of {figures['images']} right, {figures['unsure']} unsure")
    console.print(f"unsure: {report['outcomes']['unsure']} of {report['images']}")
    calibration = report["calibration"]
    for note in calibration["notes"]:
        console.print(f"note: {note}")
    console.print(
        f"calibration error {100 * calibration['ece_before']:.2f} % as trained, {100 * calibration['ece_after']:.2f} % "
        f"at temperature {calibration['temperature']:.3g} ({_origin(calibration)})"
    )
    console.print(_figures(report), confusion(report))
    if "robustness" in report:
        console.print(_robustness(report["robustness"]))
    if "unknown" in report:
        console.print(_unknown(report["unknown"]))
    if "comparison" in report:
        _show_comparison(console, report["comparison"])
    if "suspects" in report:
        _show_suspects(console, report["suspects"])
    for wrong in report["wrong"][:10]:
        console.print(
            f"wrong: {plain(wrong['path'])} is {wrong['label']}, called {wrong['predicted']} ({wrong['score']:.2f})"
        )
    if len(report["wrong"]) > 10:
        console.print(f"… and {len(report['wrong']) - 10} more in {REPORT}")


def _figures(report: dict[str, Any]) -> Table:
    heads = ("label", "images", "called", "right", "precision %", "recall %", "F1 %")
    table = Table(*heads, box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in report["per_label"]:
        f1 = "–" if row["f1"] is None else f"{100 * row['f1']:.1f}"
        counts = (str(row[key]) for key in ("images", "called", "right"))
        shown = report.get("shown", {}).get(row["label"], row["label"])
        table.add_row(shown, *counts, percent(row, "precision", 1), percent(row, "recall", 1), f1)
    return table


def _origin(calibration: dict[str, Any]) -> str:
    images = calibration["fitted_on_images"]
    return "the bundle's" if images is None else f"fitted on {images} validation images"


def _robustness(figures: dict[str, Any]) -> Table:
    """Return the right answers under each fault as a table, a column a strength."""
    strengths = list(dict.fromkeys(cell["strength"] for cell in figures["faults"]))
    table = Table(f"right of {figures['images']} ({figures['right_without']} without)", *strengths, box=SIMPLE_HEAD)
    for fault in dict.fromkeys(cell["fault"] for cell in figures["faults"]):
        cells = [cell for cell in figures["faults"] if cell["fault"] == fault]
        table.add_row(fault, *(f"{cell['right']} ({100 * cell['right'] / cell['images']:.1f}%)" for cell in cells))
    return table


def _unknown(figures: dict[str, Any]) -> Table:
    """Return a table of the outcomes of pictures that are not strip, and of the strip that is not known."""
    table = Table("not strip", "pictures", "unsure %", "passed as ok", "called a defect", box=SIMPLE_HEAD)
    for row in figures["kinds"]:
        counts = (str(row[key]) for key in ("passed_ok", "called_defect"))
        table.add_row(row["kind"], str(row["pictures"]), percent(row, "share", 1), *counts)
    for row in figures["lost"]:
        table.add_row(f"strip of {row['source']}", str(row["images"]), f"{100 * row['unsure'] / row['images']:.1f}")
    return table


def _show_comparison(console: Console, figures: dict[str, Any]) -> None:
    console.print(
        f"against {figures['model'].get('bundle') or figures['model'].get('checkpoint')}: "
        f"{figures['right']} right here, {figures['other_right']} there, of {figures['images']}; "
        f"only here {figures['only_this_right']}, only there {figures['only_other_right']}, "
        f"p = {figures['p_value']:.3g} (exact McNemar)"
    )
    table = Table("label", "images", "right here", "right there", "gained", "lost", box=SIMPLE_HEAD)
    for row in figures["per_label"]:
        table.add_row(*(str(row[key]) for key in ("label", "images", "right", "other_right", "gained", "lost")))
    console.print(
        table,
        f"{terminal.counted(len(figures['differ']), 'picture is', 'pictures are')} called differently: see {PAGE}",
    )


def _show_suspects(console: Console, figures: dict[str, Any]) -> None:
    ranked = [row for row in figures["ranked"] if row["called"] != row["label"]]
    console.print(f"labels to look at: {len(ranked)} of {figures['images']}, with pictures in {PAGE}")
    for row in ranked[:10]:
        better = f"{row['called']}? ({row['called_score']:.2f})"
        console.print(f"  {plain(row['path'])} ({row['split']}) is {row['label']} ({row['score']:.2f}); {better}")


def plain(path: str) -> str:
    """Escape bytes that are no UTF-8, which no terminal takes: a file's name may hold them."""
    return path.encode(errors="backslashreplace").decode()


def confusion(report: dict[str, Any]) -> Table:
    """Return the confusion matrix as a table for the terminal."""
    labels = report["confusion"]["labels"]
    table = Table("is \\ called", *(str(number) for number in range(len(labels))), box=SIMPLE_HEAD)
    for number, (label, row) in enumerate(zip(labels, report["confusion"]["rows_are_truth"], strict=True)):
        table.add_row(f"{number} {label}", *(str(count) if count else "·" for count in row))
    return table
