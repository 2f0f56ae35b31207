"""Owns how sure a model must be that strip is clean: the score at which few validation defects pass as ok."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.vision.bundle import Label
from trainer.evaluation.metrics import Indices, Interval, percent, wilson

_STEP = 1e-6  # the decision is made in float32: a threshold lies this far over the score that must not reach it


@dataclass(frozen=True, slots=True)
class Passing:
    """What a threshold of the labels of kind ok does to the validation part: defects that pass, clean ones that do not.

    `share_95` is the Wilson interval of `passed_ok` of `defect_images`.
    """

    threshold: float
    defect_images: int
    passed_ok: int
    share: float
    share_95: Interval
    clean_images: int
    clean_unsure: int


def least_score(scores: NDArray[np.float64], truth: Indices, labels: tuple[Label, ...], max_escapes: float) -> float:
    """Return the least score of a label of kind ok at which at most `max_escapes` of the defects pass.

    `scores` (n, labels), `truth` (n,). 0 where any score will do; 1 where none is high enough.
    """
    defect, called_ok = _kinds(scores, truth, labels)
    passing = np.sort(scores.max(axis=1)[defect & called_ok])[::-1]
    allowed = int(max_escapes * int(defect.sum()) + 1e-9)
    if len(passing) <= allowed:
        return 0.0
    return min(1.0, float(np.ceil(passing[allowed] / _STEP + 1)) * _STEP)


def measure(scores: NDArray[np.float64], truth: Indices, labels: tuple[Label, ...], threshold: float) -> Passing | None:
    """Return what passes at that threshold of ok; None without a label of kind ok, or without a defect to pass."""
    defect, called_ok = _kinds(scores, truth, labels)
    defects = int(defect.sum())
    if not any(label.kind == "ok" for label in labels) or not defects:
        return None
    sure = called_ok & (scores.max(axis=1).astype(np.float32) >= threshold)  # as the inspector rounds them
    passed, clean = int((sure & defect).sum()), ~defect
    unsure = int((clean & called_ok & ~sure).sum())
    interval = wilson(passed, defects) or (0.0, 1.0)
    return Passing(threshold, defects, passed, passed / defects, interval, int(clean.sum()), unsure)


def explain(passing: Passing, max_escapes: float) -> str:
    """Return what a reader must know of the threshold of ok: what it lets pass, and what it costs."""
    kept = passing.share <= max_escapes
    text = (
        f"ok needs a score of {passing.threshold:.6g}: {passing.passed_ok} of {passing.defect_images} validation "
        f"defects pass, {percent(asdict(passing), 'share')} %, "
        + (f"at most {100 * max_escapes:g} % may" if kept else f"more than the {100 * max_escapes:g} % that may")
    )
    if passing.clean_images:
        text += f"; {passing.clean_unsure} of {passing.clean_images} clean ones are unsure by it"
    return text if kept else f"{text}: some defects score as ok for certain, and no threshold keeps them back"


def _kinds(scores: NDArray[np.float64], truth: Indices, labels: tuple[Label, ...]) -> tuple[Any, Any]:
    """Return which pictures (n,) are of a defect, and which are called a label of kind ok."""
    clean = np.array([label.kind == "ok" for label in labels], bool)
    return ~clean[truth], clean[scores.argmax(axis=1)]
