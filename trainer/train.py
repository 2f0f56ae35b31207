"""Owns training: read downward, it is the whole procedure. Writes last.npz every epoch and best.npz when it is."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector import bundle
from inspector.bundle import Label
from inspector.errors import ConfigError, InspectorError
from inspector.preprocess import Preprocess
from trainer import augment, checkpoint, dataset, engine, manifest, pretrained
from trainer.checkpoint import Meta
from trainer.config import Network, Recipe, Training
from trainer.dataset import Dataset
from trainer.manifest import SIMULATED, DataError
from trainer.progress import Progress


class TrainingError(InspectorError):
    """Raised when the loss is no longer a number; the last good checkpoint stays."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished training leaves behind. `val_right` is of the last epoch."""

    last: Path
    best: Path
    epochs: int
    val_images: int
    val_right: int
    seconds: float
    images_per_s: float
    skipped: tuple[str, ...]
    notes: tuple[str, ...]  # what a reader of the figures should know: a head that was replaced


def preprocess_of(network: Network) -> Preprocess:
    """The inspector's preprocessing with this network's numbers."""
    return Preprocess(network.size_px, network.channels, *network.mean_and_std)


def train(recipe: Recipe, progress: Progress) -> Outcome:
    """Train on the manifest that prepare wrote. The same recipe, data and machine give the same weights.

    Raises:
        ConfigError: the recipe's network is a frozen one.
        DataError: the manifest or the pictures cannot be used.
        TrainingError: the loss is not finite.
        WeightsError: the pretrained weights cannot be read or do not fit.
    """
    if recipe.network.backbone != "resnet_vd":
        raise ConfigError("network.backbone: a frozen network is not trained: `trainer fit` fits a head to it")
    # 1. Data: decoded once, in memory from here on.
    labels, training, validation = parts(recipe)
    deck = _deck(training, recipe.training.real_repeat)
    if len(deck) < recipe.training.batch_images:
        raise DataError(
            f"{recipe.manifest_path}: {len(deck)} training images are fewer than "
            f"training.batch_images, {recipe.training.batch_images}"
        )
    preprocess = preprocess_of(recipe.network)
    rng = np.random.default_rng(recipe.seed)

    # 2. Network and optimiser.
    engine.start(recipe.seed, recipe.training.threads)
    import paddle

    from trainer import model

    how = recipe.training
    network = model.ResNetVd(recipe.network, len(labels))
    steps = len(deck) // how.batch_images  # the incomplete last batch waits for the next shuffle
    notes = _start_from(how.pretrained, network) if how.pretrained else ()
    optimiser = paddle.optimizer.Momentum(
        how.peak_learning_rate, how.momentum, network.parameters(), use_nesterov=how.nesterov, weight_decay=how.l2
    )

    # 3. Epochs.
    started, seen, best_right, right = time.monotonic(), 0, -1, 0
    fingerprint, created_at = training.fingerprint(), bundle.now()
    progress.begin(steps * how.batch_images)
    for epoch in range(how.epochs):
        # 3a. One pass over the training images.
        network.train()
        losses = []
        for step, (images, targets) in enumerate(_shuffled(training, deck, how.batch_images, rng)):
            optimiser.set_lr(learning_rate(how, epoch + step / steps))
            batch = preprocess.normalise(augment.batch(images, preprocess, recipe.augment, rng))
            loss = _loss(network, batch, targets, how, rng)
            loss.backward()
            optimiser.step()
            optimiser.clear_grad()
            losses.append(float(loss))
            if not math.isfinite(losses[-1]):
                raise TrainingError(f"epoch {epoch + 1}: the loss is {losses[-1]}; lower training.learning_rate")
            seen += len(images)
            progress.step(len(images))

        # 3b. Now and then, and at the end: the validation part.
        done = epoch + 1
        evaluated = done % how.eval_every_epochs == 0 or done == how.epochs
        if evaluated:
            calls = [model.logits(network, batch).argmax(1) for batch in dataset.batches(validation.images, preprocess)]
            right = int((np.concatenate([[], *calls]) == validation.targets).sum())

        # 3c. Checkpoints.
        figures = {
            "loss": round(float(np.mean(losses)), 4),
            "val_right": right if evaluated else None,
            "val_images": len(validation),
            "seconds": round(time.monotonic() - started, 1),
        }
        meta = Meta(
            recipe=recipe,
            labels=labels,
            epoch=done,
            metrics=figures,
            created_at=created_at,
            data_fingerprint=fingerprint,
            versions=engine.versions(),
        )
        weights = model.weights(network)
        if done % how.save_every_epochs == 0 or done == how.epochs:
            checkpoint.save(recipe.last_checkpoint, meta, weights)
        if evaluated and right >= best_right:  # of equals the later: it saw a smaller learning rate
            best_right = right
            checkpoint.save(recipe.best_checkpoint, meta, weights)
        progress.epoch(done, figures)

    # 4. What came of it.
    seconds = time.monotonic() - started
    return Outcome(
        recipe.last_checkpoint,
        recipe.best_checkpoint,
        how.epochs,
        len(validation),
        right,
        seconds,
        seen / seconds,
        training.skipped + validation.skipped,
        notes,
    )


def learning_rate(how: Training, epoch: float) -> float:
    """Linear from 0 over the warm-up, then half a cosine down to 0 at the end; `epoch` may be a fraction."""
    warmup = min(how.warmup_epochs, how.epochs / 2)
    if epoch < warmup:
        return how.peak_learning_rate * (epoch + 1e-3) / warmup
    return how.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (how.epochs - warmup)))


def _start_from(path: Path, network: Any) -> tuple[str, ...]:
    """Give the network the weights of a .pdparams; returns what was replaced. WeightsError where they do not fit."""
    from trainer import model

    loaded = pretrained.load(path, model.weights(network))
    model.load(network, loaded.weights)
    return (loaded.note,) if loaded.note else ()


def _loss(
    network: Any, batch: NDArray[np.float32], targets: NDArray[np.int64], how: Training, rng: np.random.Generator
) -> Any:
    """Cross-entropy of one batch, a tensor; with mixup, of both pictures that lie over each other."""
    import paddle

    def entropy(scores: Any, truth: NDArray[np.int64]) -> Any:
        return paddle.nn.functional.cross_entropy(scores, paddle.to_tensor(truth), label_smoothing=how.label_smoothing)

    if not how.mixup:
        return entropy(network(paddle.to_tensor(batch)), targets)
    mixed = augment.mix(batch, targets, how.mixup, rng)
    scores = network(paddle.to_tensor(mixed.batch))
    return mixed.share * entropy(scores, mixed.targets) + (1 - mixed.share) * entropy(scores, mixed.others)


def _deck(data: Dataset, real_repeat: int) -> NDArray[np.int64]:
    """The indices of one epoch's pictures, not yet shuffled."""
    repeats = [1 if row.path.startswith(SIMULATED) else real_repeat for row in data.rows]
    return np.repeat(np.arange(len(data)), repeats)


def _shuffled(
    data: Dataset, deck: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Iterator[tuple[list[NDArray[np.uint8]], NDArray[np.int64]]]:
    order = rng.permutation(deck)
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield [data.images[index] for index in chosen], data.targets[chosen]


def parts(recipe: Recipe) -> tuple[tuple[Label, ...], Dataset, Dataset]:
    """Labels, training part, validation part, as the manifest says."""
    path = recipe.manifest_path
    plan = manifest.read(path)
    if plan.labels != tuple(spec.label() for spec in recipe.labels):
        raise DataError(f"{path}: its labels are not the recipe's: run `trainer prepare` again")
    training, validation = (dataset.load(plan, plan.split(split)) for split in ("train", "val"))
    return plan.labels, training, validation
