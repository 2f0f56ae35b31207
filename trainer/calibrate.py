"""Owns calibration: temperature and thresholds, from the validation part and nothing else, and how good they are."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.bundle import Decision, Label
from trainer.config import DecisionChoice
from trainer.metrics import Indices, Kept, calibration_error, log_loss, reliability, risk_coverage, softmax

#: Bounds of the temperature: outside them a few hundred validation images would be over-interpreted.
_TEMPERATURES = np.geomspace(0.25, 4, 161)


def choose(logits: NDArray[np.float32], truth: Indices, labels: tuple[Label, ...], how: DecisionChoice) -> Decision:
    """One temperature (least log loss) and one threshold for all labels (as high as `max_unsure` allows).

    Without validation images: temperature 1 and the least threshold.
    """
    temperature, threshold = 1.0, how.min_threshold
    if len(truth):
        temperature = float(min(_TEMPERATURES, key=lambda t: log_loss(softmax(logits, t), truth)))
        scores = softmax(logits, temperature)
        right = np.sort(scores.max(axis=1)[scores.argmax(axis=1) == truth])
        if len(right):
            lost = int(len(right) * how.max_unsure)  # so many of the least sure right answers may go
            threshold = float(np.clip(right[lost] - 0.005, how.min_threshold, how.max_threshold))
    return Decision(
        temperature=round(temperature, 4),
        thresholds={label.name: round(threshold, 2) for label in labels},
        min_contrast=how.min_contrast,
    )


def describe(logits: NDArray[np.float32], truth: Indices, temperature: float, fitted_on: int | None) -> dict[str, Any]:
    """The report's part: ECE and its bins without and with the temperature, and what refusing the unsure ones gains.

    `fitted_on`: how many validation pictures chose the temperature; None where it came with the bundle.
    """
    right = logits.argmax(axis=1) == truth
    before, after = (softmax(logits, t).max(axis=1) for t in (1.0, temperature))
    bins = {"before": reliability(before, right), "after": reliability(after, right)}
    return {
        "temperature": temperature,
        "fitted_on_images": fitted_on,
        "ece_before": calibration_error(bins["before"]),
        "ece_after": calibration_error(bins["after"]),
        "bins_before": [asdict(part) for part in bins["before"]],
        "bins_after": [asdict(part) for part in bins["after"]],
        "risk_coverage": [asdict(kept) for kept in _thinned(risk_coverage(after, right))],
    }


def _thinned(curve: list[Kept]) -> list[Kept]:
    """About a hundred points: the curve has one for each picture."""
    step = max(1, len(curve) // 100)
    return [*curve[:-1][::step], *curve[-1:]]
