"""Owns the plain signs that a model is of no use: what its evaluation says, before a line believes it."""

from collections.abc import Mapping
from typing import Any

from trainer.evaluation.metrics import LabelFigures, balanced_accuracy, percent

#: Of fewer pictures a label that is never found may be bad luck.
_ENOUGH = 10
_MOST_UNSURE = 0.5


def faults(report: Mapping[str, Any]) -> list[str]:
    """Return what makes the model of this report useless, with the figures; nothing where it may be of use."""
    figures = [LabelFigures(**row) for row in report["per_label"]]
    found = [_one_answer(figures, report), *_never_found(figures), _no_better_than_chance(figures)]
    unsure, images = report["outcomes"]["unsure"], report["images"]
    if unsure > _MOST_UNSURE * images:
        found.append(f"{unsure} of {images} pictures are unsure: a line would be told of little else")
    return [fault for fault in found if fault]


def _one_answer(figures: list[LabelFigures], report: Mapping[str, Any]) -> str:
    called = [row.label for row in figures if row.called]
    present = [row for row in figures if row.images]
    if len(called) != 1 or len(present) < 2:
        return ""
    error = 100 * report["calibration"]["ece_after"]
    return (
        f"it calls all {report['images']} pictures {called[0]}, though they are of {len(present)} labels: "
        f"{report['right']} right, calibration error {error:.1f} %"
    )


def _never_found(figures: list[LabelFigures]) -> list[str]:
    missed = [row for row in figures if row.images >= _ENOUGH and not row.right]
    return [f"it never finds {row.label}: 0 of {row.images}" for row in missed]


def _no_better_than_chance(figures: list[LabelFigures]) -> str:
    share, interval = balanced_accuracy(figures)
    chance = 1 / len(figures)
    if share is None or interval is None or interval[0] > chance:
        return ""
    shown = percent({"share": share, "share_95": interval}, "share", 1)
    return f"its balanced accuracy, {shown} %, is not shown to be above {100 * chance:.1f} %, which guessing gives"
