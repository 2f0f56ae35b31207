"""Owns fitting: a head on frozen features, in seconds to minutes, instead of a network from nothing.

Reads the manifest and writes a checkpoint as `trainer.training.train` does, so eval, export and predict go on from
there.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ConfigError
from inspector.vision import bundle
from inspector.vision.bundle import Label
from trainer import extras, paddle_runtime
from trainer.data.dataset import preprocess_of
from trainer.networks import logistic_head
from trainer.networks.logistic_head import Head
from trainer.progress.callback import Progress, silent
from trainer.recipe.recipe import Recipe
from trainer.training import ood_training
from trainer.training.train import parts
from trainer.weights import checkpoint, initial
from trainer.weights.checkpoint import Meta

if TYPE_CHECKING:
    from trainer.networks.mlp import Perceptron


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


def fit(recipe: Recipe, progress: Progress = silent) -> Fitted:
    """Fit a head to the training part and write it with its backbone as the last checkpoint.

    Each picture is learned as it is, turned by 90°, and in changed copies (see frozen.Extractor.features): without
    the turned one a head takes the camera's mounting for a property of the defect. The same features teach the reject
    model what is known.

    Raises:
        ConfigError: the recipe's network has no weights to start from.
        DataError: the manifest or the pictures cannot be used.
        MissingExtraError: a package of the extra `train` is not installed.
        WeightsError: the ImageNet weights are not installed, or the pretrained ones do not fit the network.
    """
    if recipe.network.backbone == "resnet_vd" and recipe.training.pretrained is None:
        raise ConfigError(
            "network.backbone: fit needs a network that has learned before: write `network: {backbone: lite0}`, "
            "or name its weights in training.pretrained"
        )
    require_extra(recipe, "fit")
    started, created_at = time.monotonic(), bundle.now()
    labels, training, validation = parts(recipe, progress)
    paddle_runtime.start(recipe.seed, recipe.training.threads)
    from trainer.networks import feature_extractor, resnet_vd

    front, whole = _backbone(recipe, labels)
    extractor = feature_extractor.Extractor(front, preprocess_of(recipe.network))
    features, origin = ood_training.rounds(extractor, training, recipe, recipe.fit.copies, True, progress)
    groups = ood_training.groups(training)
    fitted = _head(recipe, features, training.targets[origin], len(labels), groups[origin], progress)
    l2 = fitted.l2 if isinstance(fitted, Head) else None
    right = 0
    if len(validation):
        calls = _logits(fitted, extractor.plain(validation.images, "features to judge by", progress)).argmax(axis=1)
        right = int((calls == validation.targets).sum())
    meta = Meta(
        recipe=recipe,
        labels=labels,
        epoch=1,
        metrics={"l2": l2, "rows": len(features), "val_right": right, "val_images": len(validation)},
        created_at=created_at,
        data_fingerprint=training.fingerprint(),
        versions=paddle_runtime.versions(),
    )
    network, unlike = resnet_vd.weights(whole(fitted)), None
    if recipe.novelty.strangers:
        learned = ood_training.learn(extractor, training, features, origin, recipe, progress)
        meta, unlike = meta.model_copy(update={"max_novelty": ood_training.limits(meta, learned)}), learned.weights
    checkpoint.save(recipe.last_checkpoint, meta, network, novelty=unlike)
    skipped, seconds = training.skipped + validation.skipped, time.monotonic() - started
    return Fitted(recipe.last_checkpoint, len(features), l2, right, len(validation), seconds, skipped)


def require_extra(recipe: Recipe, needed_by: str) -> None:
    """Raise MissingExtraError, naming `needed_by`, unless the packages that a fit of this recipe needs are there."""
    solver = [extras.SCIPY] if recipe.fit.hidden is None else []
    weights = [extras.IMAGENET] if recipe.network.backbone == "lite0" else []
    extras.require(needed_by, *solver, *weights)


def _head(
    recipe: Recipe,
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    labels: int,
    groups: NDArray[np.int64],
    progress: Progress,
) -> "Head | Perceptron":
    if recipe.fit.hidden is None:
        return logistic_head.fit(features, targets, labels, groups, recipe.seed)
    from trainer.networks import mlp

    return mlp.classify(features, targets, labels, recipe.fit.hidden, recipe.seed, progress)


def _logits(fitted: "Head | Perceptron", features: NDArray[np.float32]) -> NDArray[np.float32]:
    from trainer.networks import mlp

    return fitted.logits(features) if isinstance(fitted, Head) else mlp.outputs(fitted, features)


def _backbone(recipe: Recipe, labels: Sequence[Label]) -> tuple[Any, Callable[[Any], Any]]:
    """Return the layer that computes the features, and the whole network of it and a head."""
    from trainer.networks import efficientnet_lite0, resnet_vd

    if recipe.network.backbone == "lite0":
        front = efficientnet_lite0.front(efficientnet_lite0.imagenet())
        return front, lambda fitted: efficientnet_lite0.Classifier(front, fitted)
    network, path = resnet_vd.ResNetVd(recipe.network, len(labels)), recipe.training.pretrained
    if path is not None:
        start = initial.load(path, resnet_vd.weights(network), [label.name for label in labels])
        resnet_vd.load(network, start.weights)
    return resnet_vd.Pooled(network), lambda fitted: resnet_vd.with_head(network, fitted)
