"""Owns the figures that come first: the two costly mistakes, and those that no label's number of pictures flatters."""

from collections.abc import Mapping
from typing import Any

from trainer.evaluation.metrics import counted, percent


def of(defects: int, passed_ok: int, clean: int, called_defect: int, can_pass: bool) -> dict[str, Any]:
    """Return a report's `escapes` and `false_alarms`, each with its share and interval.

    `can_pass`: the model has a label of kind ok. Without one no defect can pass, however bad the model is.
    """
    return {
        "escapes": {
            "defect_images": defects,
            "passed_ok": passed_ok,
            "can_pass": can_pass,
            **counted(passed_ok, defects),
        },
        "false_alarms": {"clean_images": clean, "called_defect": called_defect, **counted(called_defect, clean)},
    }


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the lines that head a report, or the pool of several."""
    return [_escapes(report["escapes"]), _false_alarms(report["false_alarms"]), _even(report)]


def _escapes(figures: Mapping[str, Any]) -> str:
    if not figures["can_pass"]:
        return "escapes, defects passed as ok: none can, the model has no label of kind ok"
    if not figures["defect_images"]:
        return "escapes, defects passed as ok: no picture of a defect"
    counts = f"{figures['passed_ok']} of {figures['defect_images']}"
    return f"escapes, defects passed as ok: {counts}, {percent(figures, 'share')} %"


def _false_alarms(figures: Mapping[str, Any]) -> str:
    if not figures["clean_images"]:
        return "false alarms, clean strip called a defect: no picture of clean strip"
    counts = f"{figures['called_defect']} of {figures['clean_images']}"
    return f"false alarms, clean strip called a defect: {counts}, {percent(figures, 'share')} %"


def _even(report: Mapping[str, Any]) -> str:
    calibration = report["calibration"]
    macro = "–" if report["macro_f1"] is None else f"{100 * report['macro_f1']:.2f}"
    return (
        f"balanced accuracy {percent(report, 'balanced_accuracy')} %, macro F1 {macro} %, "
        f"calibration error (ECE) {percent(calibration, 'ece_after')} %"
    )
