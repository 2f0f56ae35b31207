"""Owns fitting: a head on frozen features, in seconds to minutes, instead of a network from nothing.

Reads the manifest and writes a checkpoint as `trainer.train` does, so eval, export and predict go on from there.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inspector import bundle
from inspector.bundle import Label
from inspector.errors import ConfigError
from trainer import checkpoint, engine, head, pretrained, reject
from trainer.bar import Bar
from trainer.checkpoint import Meta
from trainer.config import Recipe
from trainer.dataset import preprocess_of
from trainer.head import Head
from trainer.train import parts

if TYPE_CHECKING:
    from trainer.perceptron import Perceptron


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit ended with. `val_right` of `val_images` is of the validation part, which the head never saw.

    `l2` is the penalty that was chosen, None where the head has a hidden layer.
    """

    last: Path
    rows: int
    l2: float | None
    val_right: int
    val_images: int
    seconds: float
    skipped: tuple[str, ...]


def fit(recipe: Recipe, bar: Bar) -> Fitted:
    """Fit a head to the training part and write it with its backbone as the last checkpoint.

    Each picture is learned as it is, turned by 90°, and in changed copies (see frozen.Extractor.features): without
    the turned one a head takes the camera's mounting for a property of the defect. The same features teach the reject
    model what is known.

    Raises:
        ConfigError: the recipe's network has no weights to start from.
        DataError: the manifest or the pictures cannot be used.
        WeightsError: the ImageNet weights are not installed, or the pretrained ones do not fit the network.
    """
    if recipe.network.backbone == "resnet_vd" and recipe.training.pretrained is None:
        raise ConfigError(
            "network.backbone: fit needs a network that has learned before: write `network: {backbone: lite0}`, "
            "or name its weights in training.pretrained"
        )
    started, created_at = time.monotonic(), bundle.now()
    labels, training, validation = parts(recipe, bar)
    engine.start(recipe.seed, recipe.training.threads)
    from trainer import frozen, model

    front, whole = _backbone(recipe, labels)
    extractor = frozen.Extractor(front, preprocess_of(recipe.network))
    features, origin = reject.rounds(extractor, training, recipe, recipe.fit.copies, turns=True, bar=bar)
    groups = reject.groups(training)
    fitted = _head(recipe, features, training.targets[origin], len(labels), groups[origin], bar)
    l2 = fitted.l2 if isinstance(fitted, Head) else None
    right = 0
    if len(validation):
        calls = _logits(fitted, extractor.plain(validation.images, "features to judge by", bar)).argmax(axis=1)
        right = int((calls == validation.targets).sum())
    meta = Meta(
        recipe=recipe,
        labels=labels,
        epoch=1,
        metrics={"l2": l2, "rows": len(features), "val_right": right, "val_images": len(validation)},
        created_at=created_at,
        data_fingerprint=training.fingerprint(),
        versions=engine.versions(),
    )
    network, unlike = model.weights(whole(fitted)), None
    if recipe.novelty.strangers:
        learned = reject.learn(extractor, training, features, origin, recipe, bar)
        meta, unlike = meta.model_copy(update={"max_novelty": reject.limits(meta, learned)}), learned.weights
    checkpoint.save(recipe.last_checkpoint, meta, network, novelty=unlike)
    skipped, seconds = training.skipped + validation.skipped, time.monotonic() - started
    return Fitted(recipe.last_checkpoint, len(features), l2, right, len(validation), seconds, skipped)


def _head(
    recipe: Recipe,
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    labels: int,
    groups: NDArray[np.int64],
    bar: Bar,
) -> "Head | Perceptron":
    if recipe.fit.hidden is None:
        return head.fit(features, targets, labels, groups, recipe.seed)
    from trainer import perceptron

    return perceptron.classify(features, targets, labels, recipe.fit.hidden, recipe.seed, bar)


def _logits(fitted: "Head | Perceptron", features: NDArray[np.float32]) -> NDArray[np.float32]:
    from trainer import perceptron

    return fitted.logits(features) if isinstance(fitted, Head) else perceptron.outputs(fitted, features)


def _backbone(recipe: Recipe, labels: Sequence[Label]) -> tuple[Any, Callable[[Any], Any]]:
    """The layer that computes the features, and the whole network of it and a head."""
    from trainer import lite0, model

    if recipe.network.backbone == "lite0":
        front = lite0.front(lite0.imagenet())
        return front, lambda fitted: lite0.Classifier(front, fitted)
    network, path = model.ResNetVd(recipe.network, len(labels)), recipe.training.pretrained
    if path is not None:
        start = pretrained.load(path, model.weights(network), [label.name for label in labels])
        model.load(network, start.weights)
    return model.Pooled(network), lambda fitted: model.with_head(network, fitted)
