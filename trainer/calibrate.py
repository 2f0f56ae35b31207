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


def choose(
    logits: NDArray[np.float32],
    truth: Indices,
    labels: tuple[Label, ...],
    how: DecisionChoice,
    max_novelty: dict[str, float] | None = None,
) -> Decision:
    """One temperature (least log loss) and a threshold for each label: all the same, unless `max_error` is set.

    The same for all is as high as `max_unsure` allows. The limits of novelty were chosen when it was learned, and what
    holds for places is the recipe's. Without validation images: temperature 1, the least threshold.
    """
    temperature, thresholds = 1.0, [how.min_threshold] * len(labels)
    if len(truth):
        best = min(_TEMPERATURES, key=lambda t: log_loss(softmax(logits, t), truth))
        temperature = round(float(best), 4)  # before the thresholds: they hold for what the bundle says
        scores = softmax(logits, temperature)
        if how.max_error is None:
            thresholds = [_for_all(scores, truth, how)] * len(labels)
        else:
            thresholds = [_for_one(scores, truth, index, how.max_error, how) for index in range(len(labels))]
    return Decision(
        temperature=temperature,
        thresholds={label.name: threshold for label, threshold in zip(labels, thresholds, strict=True)},
        min_contrast=how.min_contrast,
        max_novelty=max_novelty,
        place_threshold=how.place_threshold,
    )


def _for_all(scores: NDArray[np.float64], truth: Indices, how: DecisionChoice) -> float:
    right = np.sort(scores.max(axis=1)[scores.argmax(axis=1) == truth])
    if not len(right):
        return how.min_threshold
    lost = int(len(right) * how.max_unsure)  # so many of the least sure right answers may go
    return round(float(np.clip(right[lost] - 0.005, how.min_threshold, how.max_threshold)), 2)


def _for_one(scores: NDArray[np.float64], truth: Indices, label: int, max_error: float, how: DecisionChoice) -> float:
    """The least threshold at which at most `max_error` of the pictures called `label` are not; 1 where none is."""
    called = scores.argmax(axis=1) == label
    curve = risk_coverage(scores[called].max(axis=1), truth[called] == label)
    if not curve:
        return how.min_threshold  # never called so: nothing is known against it
    allowed = [kept.least_score for kept in curve if kept.wrong <= max_error * kept.images]
    return max(how.min_threshold, float(np.floor(allowed[-1] * 1e6) / 1e6)) if allowed else 1.0


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
