"""Owns the arithmetic of evaluation: shares with intervals, per label figures, calibration, risk. Pure NumPy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Interval = tuple[float, float]

_Z95 = 1.959964  # standard deviations of a normal distribution within which 95% lie


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How one label fares, each ratio with its 95% interval. Where its denominator is 0 both are None: unmeasured.

    `right` of `images` gives the recall, `right` of `called` the precision.
    """

    label: str
    images: int
    called: int
    right: int
    precision: float | None
    precision_95: Interval | None
    recall: float | None
    recall_95: Interval | None
    f1: float | None
    f1_95: Interval | None


def wilson(part: int, whole: int) -> Interval | None:
    """Return the 95% interval of a share, `part` of `whole` (Wilson, JASA 22, 1927); None if `whole` is 0."""
    if not whole:
        return None
    share, spread = part / whole, _Z95**2 / whole
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 / (1 + spread) * math.sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return (max(0.0, middle - half) if part else 0.0, min(1.0, middle + half) if part < whole else 1.0)


def percent(figures: Mapping[str, Any], key: str, decimals: int = 2) -> str:
    """Return a share in percent with its 95% interval; a dash where nothing was measured. `decimals`: 1 or more."""
    if figures[key] is None:
        return "–"
    low, high = figures[f"{key}_95"]
    spread = f"{100 * low:.{decimals - 1}f}–{100 * high:.{decimals - 1}f}"
    return f"{100 * figures[key]:.{decimals}f} ({spread})"


def top_k(logits: NDArray[np.float32], truth: Indices, k: int) -> int:
    """Count pictures whose true label is among the k highest logits; of equal ones the first counts as higher."""
    best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return int((best == truth[:, None]).any(axis=1).sum())


@dataclass(frozen=True, slots=True)
class Bin:
    """The pictures whose score lies in (low, high]: how many, how many right, and the mean score; None without any."""

    low: float
    high: float
    images: int
    right: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Kept:
    """If only pictures that score `least_score` or more are answered: how many, how many of those wrong."""

    images: int
    wrong: int
    least_score: float


def confusion(truth: Indices, predicted: Indices, labels: int) -> Indices:
    """Return int64 (labels, labels): row is the truth, column the prediction."""
    table = np.zeros((labels, labels), np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def per_label(table: Indices, names: Sequence[str]) -> list[LabelFigures]:
    """Return precision, recall and F1 of each label from the confusion table."""
    figures = []
    for index, name in enumerate(names):
        right, true, called = int(table[index, index]), int(table[index].sum()), int(table[:, index].sum())
        figures.append(
            LabelFigures(
                name,
                images=true,
                called=called,
                right=right,
                precision=_ratio(right, called),
                precision_95=wilson(right, called),
                recall=_ratio(right, true),
                recall_95=wilson(right, true),
                f1=_ratio(2 * right, true + called),
                f1_95=_f1_interval(right, true + called - right),
            )
        )
    return figures


def balanced_accuracy(figures: Sequence[LabelFigures]) -> tuple[float | None, Interval | None]:
    """Return the mean recall of the labels that have pictures; 95% by Zou and Donner, Stat. Med. 27, 2008.

    None without any.
    """
    measured = [(row.recall, row.recall_95) for row in figures if row.recall is not None and row.recall_95 is not None]
    if not measured:
        return None, None
    mean = sum(recall for recall, _ in measured) / len(measured)
    below, above = (
        math.sqrt(sum((recall - ends[end]) ** 2 for recall, ends in measured)) / len(measured) for end in (0, 1)
    )
    return mean, (max(0.0, mean - below), min(1.0, mean + above))


def macro_f1(figures: Sequence[LabelFigures]) -> float | None:
    """Return mean F1 of the labels that have pictures or are called; None without any."""
    measured = [row.f1 for row in figures if row.f1 is not None]
    return sum(measured) / len(measured) if measured else None


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return scores, float64 (n, labels), each row summing to 1."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def log_loss(scores: NDArray[np.float64], truth: Indices) -> float:
    """Return mean negative log of the true label's score."""
    return float(-np.log(np.maximum(scores[np.arange(len(truth)), truth], 1e-12)).mean())


def reliability(scores: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 15) -> list[Bin]:
    """Bin pictures by the score of their answer (n,), in bins of equal width (Guo et al., arXiv 1706.04599)."""
    edges = np.linspace(0, 1, bins + 1)
    number = np.clip(np.ceil(scores * bins).astype(np.int64) - 1, 0, bins - 1)
    found = []
    for index in range(bins):
        inside = number == index
        mean = float(scores[inside].mean()) if inside.any() else None
        found.append(
            Bin(float(edges[index]), float(edges[index + 1]), int(inside.sum()), int(right[inside].sum()), mean)
        )
    return found


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the ECE: the mean distance of the share of right answers from the score. Same source."""
    images = sum(part.images for part in bins)
    gaps = (abs(part.right - part.score * part.images) for part in bins if part.score is not None)
    return sum(gaps) / images if images else 0.0


def calibration_error_95(bins: Sequence[Bin], draws: int = 1000) -> Interval | None:
    """Return the 95% interval of the ECE if each bin's right answers were drawn again; None without any."""
    filled = [part for part in bins if part.score is not None]
    if not filled:
        return None
    images = np.array([part.images for part in filled])
    scores = np.array([part.score for part in filled])
    shares = (np.array([part.right for part in filled]) + 1) / (images + 2)  # none and all are no certainty
    drawn = np.random.default_rng(0).binomial(images, shares, (draws, len(filled)))
    errors = np.abs(drawn - scores * images).sum(axis=1) / images.sum()
    low, high = (float(end) for end in np.percentile(errors, (2.5, 97.5)))
    measured = calibration_error(bins)
    return min(low, measured), max(high, measured)


def merged(several: Sequence[Sequence[Bin]]) -> list[Bin]:
    """Return the bins of pictures that were binned apart, by the same edges."""
    return [_together(parts) for parts in zip(*several, strict=True)]


def _together(parts: Sequence[Bin]) -> Bin:
    images, scores = sum(part.images for part in parts), sum((part.score or 0) * part.images for part in parts)
    right = sum(part.right for part in parts)
    return Bin(parts[0].low, parts[0].high, images, right, scores / images if images else None)


def risk_coverage(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Kept]:
    """Return the share wrong if only the surer pictures are answered, at each score, surest first (Chow, 1970)."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores, wrong = scores[order], np.cumsum(~right[order])
    last = np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], len(order) > 0))
    return [Kept(int(index) + 1, int(wrong[index]), float(sorted_scores[index])) for index in last]


def counted(part: int, whole: int) -> dict[str, Any]:
    """Return `share` and its interval `share_95` of `part` of `whole`, as `percent` takes them."""
    return {"share": _ratio(part, whole), "share_95": wilson(part, whole)}


def _f1_interval(right: int, either: int) -> Interval | None:
    """Return the interval of F1, 2 j / (1 + j) of a share j: `right` of all that are or are called the label."""
    shares = wilson(right, either)
    return None if shares is None else (2 * shares[0] / (1 + shares[0]), 2 * shares[1] / (1 + shares[1]))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
