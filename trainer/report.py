"""Owns how an evaluation is shown: tables on the terminal, confusion.png, report.json."""

import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REPORT = "report.json"
PICTURE = "confusion.png"
PER_LABEL = "per_label.png"
RELIABILITY = "reliability.png"
RISK = "risk_coverage.png"


def save(folder: Path, report: dict[str, Any]) -> None:
    """Write report.json and the pictures, each whole or not at all."""
    from trainer import charts  # matplotlib takes half a second

    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / REPORT, (json.dumps(report, indent=2) + "\n").encode(errors="surrogateescape"))
    _write(folder / PICTURE, charts.confusion(report["confusion"]["labels"], report["confusion"]["rows_are_truth"]))
    _write(folder / PER_LABEL, charts.per_label(report["per_label"]))
    _write(folder / RELIABILITY, charts.reliability(report["calibration"]))
    _write(folder / RISK, charts.risk_coverage(report["calibration"]))


def _write(path: Path, content: bytes) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def show(report: dict[str, Any]) -> None:
    """Print what a person needs first: k of n, the two costly mistakes, then the tables."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)  # `simulated:ok:1` is a path
    console.print(f"{report['right']} of {report['images']} right, {_share(report, 'top_1')}")
    for k, right in report["top_k"].items():
        console.print(f"  among the first {k}: {right} of {report['images']}")
    for source, figures in report["by_source"].items():
        console.print(f"  {source}: {figures['right']} of {figures['images']} right, {figures['unsure']} unsure")
    alarms, escapes = report["false_alarms"], report["escapes"]
    console.print(f"clean strip called a defect: {alarms['called_defect']} of {alarms['clean_images']}")
    console.print(f"defects passed as ok: {escapes['passed_ok']} of {escapes['defect_images']}")
    console.print(f"unsure: {report['outcomes']['unsure']} of {report['images']}")
    calibration = report["calibration"]
    console.print(
        f"calibration error {100 * calibration['ece_before']:.2f} % as trained, {100 * calibration['ece_after']:.2f} % "
        f"at temperature {calibration['temperature']:.3g} ({_origin(calibration)})"
    )
    console.print(_figures(report), _confusion(report))
    for wrong in report["wrong"][:10]:
        console.print(f"wrong: {wrong['path']} is {wrong['label']}, called {wrong['predicted']} ({wrong['score']:.2f})")
    if len(report["wrong"]) > 10:
        console.print(f"… and {len(report['wrong']) - 10} more in {REPORT}")


def _figures(report: dict[str, Any]) -> Table:
    table = Table("label", "images", "called", "right", "precision % (95%)", "recall % (95%)", "F1 % (95%)")
    for row in report["per_label"]:
        ratios = (_share(row, key) for key in ("precision", "recall", "f1"))
        table.add_row(row["label"], str(row["images"]), str(row["called"]), str(row["right"]), *ratios)
    return table


def _origin(calibration: dict[str, Any]) -> str:
    images = calibration["fitted_on_images"]
    return "the bundle's" if images is None else f"fitted on {images} validation images"


def _share(figures: dict[str, Any], key: str) -> str:
    """A share in percent with its 95% interval."""
    if figures[key] is None:
        return "–"
    low, high = figures[f"{key}_95"]
    return f"{100 * figures[key]:.2f} ({100 * low:.1f}–{100 * high:.1f})"


def _confusion(report: dict[str, Any]) -> Table:
    labels = report["confusion"]["labels"]
    table = Table("is \\ called", *(str(number) for number in range(len(labels))))
    for number, (label, row) in enumerate(zip(labels, report["confusion"]["rows_are_truth"], strict=True)):
        table.add_row(f"{number} {label}", *(str(count) if count else "·" for count in row))
    return table
