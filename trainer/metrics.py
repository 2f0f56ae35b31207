"""Owns the arithmetic of evaluation: right answers, per label figures, confusion. Pure NumPy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How one label fares. A ratio whose denominator is 0 is None: nothing was measured."""

    label: str
    images: int
    right: int
    precision: float | None
    recall: float | None
    f1: float | None


def confusion(truth: Indices, predicted: Indices, labels: int) -> Indices:
    """int64 (labels, labels): row is the truth, column the prediction."""
    table = np.zeros((labels, labels), np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def per_label(table: Indices, names: Sequence[str]) -> list[LabelFigures]:
    """Precision, recall and F1 of each label from the confusion table."""
    figures = []
    for index, name in enumerate(names):
        right, true, called = int(table[index, index]), int(table[index].sum()), int(table[:, index].sum())
        precision, recall = _ratio(right, called), _ratio(right, true)
        figures.append(LabelFigures(name, true, right, precision, recall, _ratio(2 * right, true + called)))
    return figures


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Scores, float64 (n, labels), each row summing to 1."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def log_loss(scores: NDArray[np.float64], truth: Indices) -> float:
    """Mean negative log of the true label's score."""
    return float(-np.log(np.maximum(scores[np.arange(len(truth)), truth], 1e-12)).mean())


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
