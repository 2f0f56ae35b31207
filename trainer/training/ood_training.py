"""Owns giving a model its reject model: features of what it knows and of strangers, and the checkpoint that gets it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.data.dataset import Dataset, preprocess_of
from trainer.data.manifest import SIMULATED
from trainer.progress.callback import Progress, silent
from trainer.recipe.recipe import Recipe
from trainer.synthetic import outliers
from trainer.weights import checkpoint

if TYPE_CHECKING:
    from trainer.networks.feature_extractor import Extractor
    from trainer.networks.ood_detector import Learned

#: Pictures between two steps of the bar.
_STEP = 64
#: Changed copies of each picture that a trained network is shown besides the picture itself.
_COPIES = 2


def rounds(
    extractor: "Extractor", data: Dataset, recipe: Recipe, copies: int, turns: bool, progress: Progress = silent
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return features of every round of every picture, (rows, features), and the picture that each row came from.

    Of a picture its first row is the picture as it is. A drawn picture is not turned and has one changed copy at the
    most: another seed shows more than another copy, and no camera of the simulator is turned.
    """
    drawn = np.array([row.path.startswith(SIMULATED) for row in data.rows], bool)
    features, origin, done = [], [], 0
    real, simulated = np.flatnonzero(~drawn), np.flatnonzero(drawn)
    for chosen, count, turned in ((real, copies, turns), (simulated, min(copies, 1), False)):
        for start in range(0, len(chosen), _STEP):
            some = chosen[start : start + _STEP]
            images = [data.images[index] for index in some]
            rows = extractor.features(images, count, turned, recipe.judged_augment, recipe.seed + int(some[0]))
            features.append(rows)
            origin.append(np.tile(some, len(rows) // len(some)))
            done += len(some)
            progress("features to learn from", done, len(data))
    return np.concatenate(features), np.concatenate(origin)


def learn(
    extractor: "Extractor",
    data: Dataset,
    features: NDArray[np.float32],
    origin: NDArray[np.int64],
    recipe: Recipe,
    progress: Progress = silent,
) -> "Learned":
    """Return the reject model for features of `data` as `rounds` gives them."""
    from trainer.networks import ood_detector

    unlike = []
    for start in range(0, recipe.novelty.strangers, _STEP):
        count = min(_STEP, recipe.novelty.strangers - start)
        # Every picture has its turn at being spoilt, however many there are.
        strips = [data.images[(start + step) * len(data) // recipe.novelty.strangers] for step in range(count)]
        unlike.append(extractor.features(outliers.some(count, strips, recipe.seed + start)))
        progress("pictures that are not strip", start + count, recipe.novelty.strangers)
    known = ood_detector.Known(features, origin, data.targets, groups(data), [row.source for row in data.rows])
    return ood_detector.learn(known, np.concatenate(unlike), recipe.novelty.max_lost, recipe.seed, progress)


def add(path: Path, data: Dataset, progress: Progress = silent) -> None:
    """Give the trained checkpoint at `path` a reject model, learned from what it was trained on.

    Nothing is done where it has one, or where its recipe wants none. Raise CheckpointError if it cannot be used.
    """
    saved = checkpoint.load(path)
    recipe = saved.meta.recipe
    if saved.meta.max_novelty is not None or not recipe.novelty.strangers:
        return
    from trainer.networks import feature_extractor, resnet_vd

    extractor = feature_extractor.Extractor(resnet_vd.Pooled(resnet_vd.restored(saved)), preprocess_of(recipe.network))
    features, origin = rounds(extractor, data, recipe, _COPIES, turns=False, progress=progress)
    learned = learn(extractor, data, features, origin, recipe, progress)
    meta = saved.meta.model_copy(update={"max_novelty": limits(saved.meta, learned)})
    checkpoint.save(path, meta, saved.weights, saved.state, learned.weights)


def limits(meta: checkpoint.Meta, learned: "Learned") -> dict[str, float]:
    """Return the limits of novelty by label name."""
    return {label.name: limit for label, limit in zip(meta.labels, learned.limits, strict=True)}


def groups(data: Dataset) -> NDArray[np.int64]:
    """Return a number for each picture, shared by those of one source: none is held back while its twin is seen."""
    names: Sequence[str] = [row.group or row.path for row in data.rows]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
