"""Owns the search for wrong labels: the pictures whose label a head that never saw them believes least.

Features come from a network that has seen no label of ours, so it cannot have learned the wrong ones by heart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.vision.preprocess import Preprocess
from trainer import extras, paddle_runtime
from trainer.data import dataset
from trainer.data.manifest import SIMULATED, DataError, Manifest
from trainer.data.split import draw
from trainer.evaluation.metrics import softmax
from trainer.networks import logistic_head
from trainer.progress.callback import Progress, silent

#: Parts the pictures are dealt into; each is judged by a head fitted to the others. Five lose a fifth of the data.
FOLDS = 5
#: 20 wrong labels planted among NEU's 1,427: all in the first 40, in each of 8 draws; so with 0.03 and 0.3, in 3.
L2 = 0.1
#: So many are reported.
RANKED = 100


@dataclass(frozen=True, slots=True)
class Suspect:
    """A picture, the score of the label it has, and the label that has more of it, if any."""

    index: int
    score: float
    called: int
    called_score: float


def search(plan: Manifest, progress: Progress = silent) -> dict[str, Any]:
    """Return the report's part: the real pictures of all splits, the least believed label first.

    A wrong label in the eval part makes every figure wrong; each picture is judged by a head that never saw it.

    Raises:
        DataError: no real picture, or a label that has no two pictures of different sources.
        MissingExtraError: the extra `train` is not installed.
    """
    require_extra()
    rows = [row for row in plan.rows if not row.path.startswith(SIMULATED)]
    if not rows:
        raise DataError(f"{plan.root}: no real picture whose label could be wrong")
    data = dataset.load(plan, rows, progress)
    features = frozen_features(data.images, progress, "look for wrong labels")
    names = [label.name for label in plan.labels]
    ranked = rank(features, data.targets, [row.group or row.path for row in data.rows], names)
    return {
        "images": len(data),
        "ranked": [
            {
                "path": data.rows[found.index].path,
                "split": data.rows[found.index].split,
                "label": data.rows[found.index].label,
                "score": round(found.score, 4),
                "called": names[found.called],
                "called_score": round(found.called_score, 4),
            }
            for found in ranked[:RANKED]
        ],
    }


def require_extra(needed_by: str = "--suspects") -> None:
    """Raise MissingExtraError, naming `needed_by`, unless the packages that the search needs are there."""
    extras.require(needed_by, extras.SCIPY, extras.IMAGENET)


def rank(
    features: NDArray[np.float32], targets: NDArray[np.int64], groups: Sequence[str], names: Sequence[str]
) -> list[Suspect]:
    """Rank all pictures, the least believed label first, by out-of-fold self-confidence (arXiv 1911.00068).

    `features` (n, f), `targets` (n,) index `names`; pictures of one group are judged together, by a head that saw
    none of them. DataError names a label whose pictures are all in one fold.
    """
    present, compact = np.unique(targets, return_inverse=True)
    part_of = np.array(draw([str(target) for target in targets], groups, [1 / FOLDS] * FOLDS, "suspects"))
    number_of = np.unique(np.array(groups), return_inverse=True)[1].astype(np.int64)
    scores = np.zeros((len(targets), len(present)))
    for part in range(FOLDS):
        held, known = part_of == part, part_of != part
        if missing := sorted(set(compact.tolist()) - set(compact[known].tolist())):
            raise DataError(
                f"label {names[present[missing[0]]]!r}: its pictures are of one source, "
                "two are needed to judge one by another"
            )
        if held.any():
            fitted = logistic_head.fit(features[known], compact[known], len(present), number_of[known], tried=(L2,))
            scores[held] = softmax(fitted.logits(features[held]))
    own = scores[np.arange(len(targets)), compact]
    best = scores.argmax(axis=1)
    return [
        Suspect(int(index), float(own[index]), int(present[best[index]]), float(scores[index, best[index]]))
        for index in np.argsort(own, kind="stable")
    ]


def frozen_features(images: Sequence[NDArray[np.uint8]], progress: Progress, what: str) -> NDArray[np.float32]:
    """Return the features (n, f) of pictures by a network that has seen no label of ours.

    `progress` gets `what` as the name of the step.
    """
    paddle_runtime.start(0)
    from trainer.networks import efficientnet_lite0, feature_extractor

    preprocess = Preprocess(efficientnet_lite0.SIZE, 1, (efficientnet_lite0.MEAN,), (efficientnet_lite0.STD,))
    extractor = feature_extractor.Extractor(efficientnet_lite0.front(efficientnet_lite0.imagenet()), preprocess)
    return extractor.plain(images, what, progress)
