"""Owns the learning curve: what a quarter, half and all of people's labels are worth, so whether more would be.

A head is fitted to features of a network that has seen no label of ours, which takes seconds: a curve of the recipe's
own training would take as many trainings. It learns no changed copies, so the candidate itself may be better. Drawn
pictures are left out; lists and folders are learned from throughout.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data import dataset
from trainer.data.dataset import Dataset
from trainer.data.manifest import LABELLED, SIMULATED, Manifest, Row
from trainer.evaluation import label_errors
from trainer.networks import logistic_head
from trainer.progress.callback import Progress, silent

SHARES = (0.25, 0.5, 1.0)
#: Draws of a share whose mean is taken: one alone may be lucky.
_DRAWS = 3
#: Evaluated pictures of a label from which the curve says anything of it.
_ENOUGH = 10
#: Pictures of a label to learn from, below which more always help where any is wrong: measured on NEU-CLS, 5, 10 and 20
#: a label give 97.0, 98.4 and 99.5% right.
_FEW = 20


def of(plan: Manifest, progress: Progress = silent) -> dict[str, Any]:
    """Return the mean of wrong answers on the real eval pictures, all and by label, by the share of labels known.

    `more` says of each label whether labelling more of it is worth it, and why. Empty where people labelled no picture
    to learn from, or nothing is evaluated. Raise MissingExtraError if the extra `train` is not installed.
    """
    rows = [row for row in plan.rows if not row.path.startswith(SIMULATED)]
    if not any(_is_labelled(row) for row in rows) or not any(row.split == "eval" for row in rows):
        return {}
    label_errors.require_extra("the learning curve")
    data = dataset.load(plan, rows, progress)
    features = label_errors.frozen_features(data.images, progress, "features for the learning curve")
    judged = np.array([row.split == "eval" for row in data.rows])
    wrong = {share: _wrong(data, features, judged, share) for share in SHARES}
    names = [label.name for label in plan.labels]
    learned = np.bincount(data.targets[~judged], minlength=len(names))
    by_label = [
        _of_label(index, name, int(learned[index]), data.targets[judged], wrong) for index, name in enumerate(names)
    ]
    labelled = sum(map(_is_labelled, data.rows))
    return {
        "shares": list(SHARES),
        "labels": [round(share * labelled) for share in SHARES],
        "judged_on": int(judged.sum()),
        "wrong": [round(float(wrong[share].sum()), 2) for share in SHARES],
        "per_label": by_label,
    }


def _is_labelled(row: Row) -> bool:
    return row.source.startswith(LABELLED) and row.split != "eval"


def _wrong(
    data: Dataset, features: NDArray[np.float32], judged: NDArray[np.bool_], share: float
) -> NDArray[np.float64]:
    """Return how often each judged picture is called wrongly by heads that know this share of the labels, 0 to 1."""
    draws = _DRAWS if share < 1 else 1
    wrong = np.zeros(int(judged.sum()))
    for draw in range(draws):
        known = np.array([not held and _known(row, share, draw) for row, held in zip(data.rows, judged, strict=True)])
        present, targets = np.unique(data.targets[known], return_inverse=True)
        if len(present) < 2:
            wrong += data.targets[judged] != (present[0] if len(present) else -1)
            continue
        groups = _groups([row for row, one in zip(data.rows, known, strict=True) if one])
        head = logistic_head.fit(features[known], targets, len(present), groups)
        wrong += present[head.logits(features[judged]).argmax(axis=1)] != data.targets[judged]
    return wrong / draws


def _known(row: Row, share: float, draw: int) -> bool:
    """Return whether the row is known in this draw: all that people did not label is; of near copies all or none."""
    digest = hashlib.sha256(f"{draw}\n{row.group or row.path}".encode(errors="surrogateescape")).digest()
    return not _is_labelled(row) or int.from_bytes(digest[:8], "big") < share * 2**64


def _groups(rows: Sequence[Row]) -> NDArray[np.int64]:
    return np.unique([row.group or row.path for row in rows], return_inverse=True)[1].astype(np.int64)


def _of_label(
    index: int, name: str, learned_from: int, targets: NDArray[np.int64], wrong: dict[float, NDArray[np.float64]]
) -> dict[str, Any]:
    shown = targets == index
    figures = [round(float(wrong[share][shown].sum()), 2) for share in SHARES]
    images = int(shown.sum())
    worth, why = _worth(images, learned_from, figures)
    return {
        "label": name, "images": images, "wrong": figures, "learned_from": learned_from, "more": worth, "why": why,
    }  # fmt: skip


def _worth(images: int, learned_from: int, wrong: Sequence[float]) -> tuple[str, str]:
    half, whole = wrong[-2:]
    if images < _ENOUGH:
        return "unknown", f"only {images} are evaluated; {_ENOUGH} are needed to say"
    if whole == 0:
        return "no", f"none of {images} is wrong"
    if learned_from < _FEW:
        return "yes", f"{whole:g} of {images} wrong, and only {learned_from} are learned from"
    if half - whole >= 1:
        return "yes", f"{half:g} of {images} wrong with half of the labels, {whole:g} with all"
    return "no", f"{whole:g} of {images} wrong with all labels, {half:g} with half of them"
