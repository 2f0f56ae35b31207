"""Owns the head: features to labels by multinomial logistic regression, its L2 chosen on pictures held back.

The loss is smooth and convex; SciPy's L-BFGS minimises it. SciPy comes with the extra `train`, and is imported only
where a head is fitted: a line host, which only runs bundles, has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Weights of the penalty that are tried, from the strongest: loss is mean cross-entropy + l2 / 2 * sum(weight ** 2).
L2 = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
#: Parts the groups are dealt into: each is held back once.
PARTS = 4

_L2_UNCHOSEN = 0.03  # where a label has one group only and nothing can be held back
_MEMORY = 10  # past steps that L-BFGS keeps
_STEPS = 500
_TOLERANCE = 0.01  # largest component of the gradient, as a share of L2, at which the loss counts as least
_PRECISION = 1e-5  # below this it always does
_WORSE = 1.1  # a held back loss this much over the least so far ends the search: it only rises from there

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """logits = features @ weight + bias, standardising folded in: float32 (features, labels) and (labels,).

    `losses` has the mean cross-entropy on groups held back for each L2 that was tried; empty where none could be.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    l2: float
    losses: dict[float, float]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute float32 (n, labels) of float32 (n, features)."""
        return np.asarray(features @ self.weight + self.bias, np.float32)


def fit(
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    labels: int,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
    tried: Sequence[float] = L2,
) -> Head:
    """Fit a head to features (n, f) and targets (n,) below `labels`. Same input and seed, same head.

    Rows of one group, such as changed copies of a picture or crops of one photograph, are held back together: the
    L2 is chosen for pictures never seen. Without `groups` each row is its own.

    Raises:
        ValueError: shapes that do not agree, numbers that are not finite, or a label without any row.
    """
    groups = np.arange(len(features)) if groups is None else groups
    _check(features, targets, groups, labels)
    rows, mean, scale = _standardised(features)
    parts = _parts(targets, groups, labels, np.random.default_rng(seed))
    losses = _held_back(rows, targets, labels, parts, tried)
    l2 = min(losses, key=lambda value: (losses[value], -value)) if losses else _L2_UNCHOSEN
    weight, bias = _minimise(rows, targets, l2, _start(rows, labels))
    folded = weight / scale[:, None]
    return Head(folded.astype(np.float32), (bias - mean @ folded).astype(np.float32), l2, losses)


def _check(features: NDArray[np.float32], targets: NDArray[np.int64], groups: NDArray[np.int64], labels: int) -> None:
    if features.ndim != 2 or not targets.shape == groups.shape == features.shape[:1]:
        raise ValueError(
            f"features {features.shape}, targets {targets.shape} and groups {groups.shape}: "
            "(n, f), (n,) and (n,) are needed"
        )
    if not np.isfinite(features).all():
        raise ValueError("features that are not finite")
    missing = sorted(set(range(labels)) - set(targets.tolist()))
    if missing or targets.min() < 0 or targets.max() >= labels or labels < 2:
        raise ValueError(f"targets must name each of at least 2 labels, 0 to {labels - 1}; missing: {missing}")


def _standardised(features: NDArray[np.float32]) -> tuple[Array, Array, Array]:
    """Scale each column to mean 0 and deviation 1, a column that never changes to 0; return mean and scale, too."""
    mean = features.mean(0, dtype=np.float64)
    rows = features - mean
    scale = np.sqrt(np.square(rows).mean(0))
    constant = scale <= 1e-6 * np.maximum(np.abs(mean), 1e-3)
    rows[:, constant] = 0
    scale[constant] = 1
    return rows / scale, mean, scale


def _parts(
    targets: NDArray[np.int64], groups: NDArray[np.int64], labels: int, rng: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Return the rows that each part holds back: groups dealt by label, so that all labels are on both sides."""
    names, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    label_of = targets[first]
    counts = np.bincount(label_of, minlength=labels)
    parts = min(PARTS, int(counts.min()))
    if parts < 2:
        return []
    part_of = np.empty(len(names), np.int64)
    for label, count in enumerate(counts):
        part_of[rng.permutation(np.flatnonzero(label_of == label))] = np.arange(count) % parts
    return [part_of[group_of] == part for part in range(parts)]


def _held_back(
    rows: Array, targets: NDArray[np.int64], labels: int, parts: list[NDArray[np.bool_]], tried: Sequence[float]
) -> dict[float, float]:
    """Return the mean cross-entropy on the rows held back, for each L2 from the strongest until it only gets worse."""
    losses: dict[float, float] = {}
    learned = [(rows[~held], targets[~held]) for held in parts]
    heads = [_start(rows, labels) for _ in parts]
    for l2 in sorted(tried, reverse=True) if parts else ():
        # Each solution is close to the one before.
        heads = [_minimise(*known, l2, head) for known, head in zip(learned, heads, strict=True)]
        total = 0.0
        for held, head in zip(parts, heads, strict=True):
            total += _cross_entropy(rows[held], targets[held], head)[0] * int(held.sum())
        losses[l2] = total / len(rows)
        if losses[l2] > _WORSE * min(losses.values()):
            break
    return losses


def _start(rows: Array, labels: int) -> tuple[Array, Array]:
    return np.zeros((rows.shape[1], labels)), np.zeros(labels)


def _cross_entropy(rows: Array, targets: NDArray[np.int64], head: tuple[Array, Array]) -> tuple[float, Array]:
    """Return the mean cross-entropy, and its gradient by each logit (n, labels)."""
    weight, bias = head
    logits = rows @ weight + bias
    logits -= logits.max(1, keepdims=True)
    index = np.arange(len(rows))
    right = logits[index, targets]
    np.exp(logits, out=logits)
    total = logits.sum(1, keepdims=True)
    loss = float((np.log(total[:, 0]) - right).mean())
    logits /= total
    logits[index, targets] -= 1
    return loss, logits / len(rows)


def _minimise(rows: Array, targets: NDArray[np.int64], l2: float, start: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return weight and bias of least loss, searched from `start`; the bias is not penalised."""
    from scipy import optimize

    shape = start[0].shape

    def loss(point: Array) -> tuple[float, Array]:
        weight = point[: -shape[1]].reshape(shape)
        value, slope = _cross_entropy(rows, targets, (weight, point[-shape[1] :]))
        gradient = np.concatenate([(rows.T @ slope + l2 * weight).ravel(), slope.sum(0)])
        return value + l2 / 2 * float(np.square(weight).sum()), gradient

    # ftol 0: only the gradient decides that the minimum is reached. L-BFGS-B without bounds is L-BFGS.
    options = {"maxcor": _MEMORY, "maxiter": _STEPS, "ftol": 0.0, "gtol": max(_PRECISION, _TOLERANCE * l2)}
    first = np.concatenate([start[0].ravel(), start[1]])
    found: Array = optimize.minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x
    return found[: -shape[1]].reshape(shape), found[-shape[1] :]
