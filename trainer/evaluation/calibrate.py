"""Owns calibration: temperature and thresholds, from the validation part and nothing else, and how good they are."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.vision.bundle import Decision, Label
from trainer.evaluation import escapes, temperature
from trainer.evaluation.escapes import Passing
from trainer.evaluation.metrics import (
    Indices,
    Kept,
    calibration_error,
    calibration_error_95,
    reliability,
    risk_coverage,
    softmax,
)
from trainer.recipe.bundle import DecisionChoice


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision, what its threshold of ok does to the validation part, and what a reader must know of it.

    `passing` is None without a label of kind ok, or without a validation defect.
    """

    decision: Decision
    passing: Passing | None
    notes: tuple[str, ...]


def choose(
    logits: NDArray[np.float32],
    truth: Indices,
    labels: tuple[Label, ...],
    how: DecisionChoice,
    max_novelty: dict[str, float] | None = None,
) -> Choice:
    """Choose a temperature (see temperature.py) and a threshold a label: all the same, unless `max_error` is set.

    The same for all is as high as `max_unsure` allows. A label of kind ok needs, besides, a score at which no more
    than `max_escapes` of the defects pass. The limits of novelty were chosen when it was learned, and what holds for
    places is the recipe's. Without validation images: temperature 1, the least threshold.
    """
    degree, note = temperature.choose(logits, truth)
    scores = softmax(logits, degree)  # of the rounded temperature: the thresholds hold for what the bundle says
    thresholds = _thresholds(scores, truth, labels, how) if len(truth) else [how.min_threshold] * len(labels)
    of_ok = [least for least, label in zip(thresholds, labels, strict=True) if label.kind == "ok"]
    passing = escapes.measure(scores, truth, labels, min(of_ok)) if of_ok else None
    notes = [note] if note else []
    if of_ok:
        notes.append(escapes.explain(passing, how.max_escapes) if passing else "no validation defect: any may pass")
    decision = Decision(
        temperature=degree,
        thresholds={label.name: threshold for label, threshold in zip(labels, thresholds, strict=True)},
        min_contrast=how.min_contrast,
        max_novelty=max_novelty,
        place_threshold=how.place_threshold,
    )
    return Choice(decision, passing, tuple(notes))


def _thresholds(
    scores: NDArray[np.float64], truth: Indices, labels: tuple[Label, ...], how: DecisionChoice
) -> list[float]:
    if how.max_error is None:
        chosen = [_for_all(scores, truth, how)] * len(labels)
    else:
        chosen = [_for_one(scores, truth, index, how.max_error, how) for index in range(len(labels))]
    of_ok = escapes.least_score(scores, truth, labels, how.max_escapes)
    return [max(least, of_ok) if label.kind == "ok" else least for least, label in zip(chosen, labels, strict=True)]


def _for_all(scores: NDArray[np.float64], truth: Indices, how: DecisionChoice) -> float:
    right = np.sort(scores.max(axis=1)[scores.argmax(axis=1) == truth])
    if not len(right):
        return how.min_threshold
    lost = int(len(right) * how.max_unsure)  # number of least sure right answers that may go
    return round(float(np.clip(right[lost] - 0.005, how.min_threshold, how.max_threshold)), 2)


def _for_one(scores: NDArray[np.float64], truth: Indices, label: int, max_error: float, how: DecisionChoice) -> float:
    """Return the least threshold at which at most `max_error` of the answers `label` are wrong; 1 if there is none."""
    called = scores.argmax(axis=1) == label
    curve = risk_coverage(scores[called].max(axis=1), truth[called] == label)
    if not curve:
        return how.min_threshold  # never called so: nothing is known against it
    allowed = [kept.least_score for kept in curve if kept.wrong <= max_error * kept.images]
    return max(how.min_threshold, float(np.floor(allowed[-1] * 1e6) / 1e6)) if allowed else 1.0


def describe(logits: NDArray[np.float32], truth: Indices, degree: float, fitted_on: int | None) -> dict[str, Any]:
    """Return the report's part: ECE and its bins without and with the temperature, and the gain of refusing the unsure.

    `degree` is the temperature; `fitted_on`: how many validation pictures chose it, None where it came with the bundle.
    """
    right = logits.argmax(axis=1) == truth
    before, after = (softmax(logits, t).max(axis=1) for t in (1.0, degree))
    bins = {"before": reliability(before, right), "after": reliability(after, right)}
    return {
        "temperature": degree,
        "fitted_on_images": fitted_on,
        "ece_before": calibration_error(bins["before"]),
        "ece_after": calibration_error(bins["after"]),
        "ece_after_95": calibration_error_95(bins["after"]),
        "bins_before": [asdict(part) for part in bins["before"]],
        "bins_after": [asdict(part) for part in bins["after"]],
        "risk_coverage": [asdict(kept) for kept in _thinned(risk_coverage(after, right))],
    }


def _thinned(curve: list[Kept]) -> list[Kept]:
    """Keep about a hundred points of a curve that has one for each picture."""
    step = max(1, len(curve) // 100)
    return [*curve[:-1][::step], *curve[-1:]]
