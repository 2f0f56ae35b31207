"""Owns the comparison of two models on the same pictures: who is right where, and whether chance explains it."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.evaluate import Evaluation
from trainer.evaluation.metrics import softmax


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p of a split at least as uneven if both models are equally good (McNemar, 1947).

    Only pictures that one of the two has right count; each would go either way like a coin.
    """
    count, few = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(count, index) for index in range(few + 1))
    return min(1.0, 2 * tail / int(2**count))


def compare(this: Evaluation, other: Evaluation) -> dict[str, Any]:
    """Return the report's part. Raise ValueError unless both evaluated the same data."""
    if this.data.rows != other.data.rows:
        raise ValueError("the two evaluations are of different pictures")
    right, other_right = (done.logits.argmax(axis=1) == done.data.targets for done in (this, other))
    gained, lost = right & ~other_right, ~right & other_right
    labels = np.array([row.label for row in this.data.rows])
    called, scores = _answers(this)
    other_called, other_scores = _answers(other)
    return {
        "model": other.report["model"],
        "images": len(labels),
        "right": int(right.sum()),
        "other_right": int(other_right.sum()),
        "only_this_right": int(gained.sum()),
        "only_other_right": int(lost.sum()),
        "p_value": mcnemar(int(gained.sum()), int(lost.sum())),
        "unsure": this.report["outcomes"]["unsure"],
        "other_unsure": other.report["outcomes"]["unsure"],
        "per_label": [
            {
                "label": label.name,
                "images": int((labels == label.name).sum()),
                "right": int(right[labels == label.name].sum()),
                "other_right": int(other_right[labels == label.name].sum()),
                "gained": int(gained[labels == label.name].sum()),
                "lost": int(lost[labels == label.name].sum()),
            }
            for label in this.model.labels
        ],
        "differ": [
            {
                "path": row.path,
                "label": row.label,
                "called": called[index],
                "score": round(float(scores[index]), 4),
                "other_called": other_called[index],
                "other_score": round(float(other_scores[index]), 4),
            }
            for index, row in enumerate(this.data.rows)
            if called[index] != other_called[index]
        ],
    }


def _answers(done: Evaluation) -> tuple[list[str], NDArray[np.float64]]:
    """Return what each picture is called, and how surely."""
    names = [done.model.labels[index].name for index in done.logits.argmax(axis=1)]
    return names, softmax(done.logits, done.decision.temperature).max(axis=1)
