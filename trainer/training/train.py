"""Owns training: read downward, it is the whole procedure. Writes last.npz every epoch and best.npz when it is."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inspector.errors import ConfigError, InspectorError
from inspector.vision import bundle
from inspector.vision.bundle import Label
from inspector.vision.preprocess import Preprocess
from trainer import paddle_runtime
from trainer.data import dataset, manifest
from trainer.data.dataset import Dataset, preprocess_of
from trainer.data.manifest import DataError
from trainer.progress.callback import Progress, silent
from trainer.progress.epochs import EpochProgress
from trainer.recipe.learning import Training
from trainer.recipe.recipe import Recipe
from trainer.training import distributed, ood_training, resume
from trainer.training.batches import Feed
from trainer.training.distributed import Ranks
from trainer.training.visualdl import Curves
from trainer.weights import checkpoint, initial
from trainer.weights.checkpoint import Checkpoint, Meta, Position

if TYPE_CHECKING:
    from trainer.training.learner import Learner


class TrainingError(InspectorError):
    """Raised when loss or weights are no longer numbers; the last good checkpoint stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
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
    notes: tuple[str, ...]  # for a reader of the figures: a head that was replaced, an early end


def train(recipe: Recipe, progress: EpochProgress, go_on: bool = False, curves: Curves | None = None) -> Outcome:
    """Train on the manifest that prepare wrote. The same recipe, data and machine give the same weights.

    With `go_on`, it goes on from the last checkpoint, if there is one, to the weights that a training which was never
    interrupted ends with. Started by paddle.distributed.launch, it is one of several processes: each computes a part
    of every batch, the first one writes.

    Raises:
        CheckpointError: the last checkpoint cannot be read, or a new one not be written.
        ConfigError: a setting does not fit the network, the device, or the checkpoint to go on from.
        DataError: the manifest or the pictures cannot be used.
        TrainingError: loss or weights are not finite.
        WeightsError: the weights to start from cannot be read or do not fit.
    """
    # 1. Data: decoded once, in memory from here on.
    labels, training, validation = _data(recipe, progress)
    team = distributed.of_environment()
    notes: list[str] = []
    feed = Feed(training, recipe, preprocess_of(recipe.network), team)
    meta = _before(recipe, labels, training.fingerprint())
    saved = resume.find(recipe, meta.data_fingerprint) if go_on else None
    if saved:
        meta = saved.meta
        notes.append(f"{saved.path}: {'went on' if meta.position else 'was finished'} after epoch {meta.epoch}")

    # 2. Network and optimiser.
    learner = _learner(meta, saved, feed, team, notes)
    if team.first:
        checkpoint.sweep(recipe.last_checkpoint)
        checkpoint.sweep(recipe.best_checkpoint)

    # 3. Epochs, while there is a position to go on from.
    before, started = meta.epoch, time.monotonic()
    epochs = _Epochs(
        feed=feed,
        learner=learner,
        validation=validation,
        team=team,
        progress=progress,
        curves=curves,
        began_s=started - meta.metrics.get("seconds", 0.0),
    )
    progress.begin(feed.steps * recipe.training.batch_images, before)
    while meta.position:
        meta = epochs.next(meta, meta.position, notes)
    took_s = time.monotonic() - started

    # 4. The reject model: what the network has learned, so that it refuses what it has not.
    if team.first:
        for path in (recipe.last_checkpoint, recipe.best_checkpoint):
            ood_training.add(path, training, progress.beside)

    # 5. What came of it.
    return Outcome(
        last=recipe.last_checkpoint,
        best=recipe.best_checkpoint,
        epochs=meta.epoch,
        val_images=len(validation),
        val_right=meta.metrics["val_right"],
        seconds=meta.metrics["seconds"],
        images_per_s=(meta.epoch - before) * feed.steps * recipe.training.batch_images / took_s,
        skipped=training.skipped + validation.skipped,
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Epochs:
    """The epochs of one training: what each needs, and who watches. `began_s`: on the monotonic clock."""

    feed: Feed
    learner: "Learner"
    validation: Dataset
    team: Ranks
    progress: EpochProgress
    curves: Curves | None
    began_s: float

    def next(self, meta: Meta, position: Position, notes: list[str]) -> Meta:
        """Do one epoch from `position` on; return where the training is then, without a position at its end."""
        how = meta.recipe.training
        # a. One pass over the training images.
        loss = _pass(self.feed, self.learner, meta, self.progress, self.curves)

        # b. Now and then, and at the end: the validation part.
        done, right, best, since_best = meta.epoch + 1, None, position.best_right, position.evaluations_since_best
        if done % how.eval_every_epochs == 0 or done == how.epochs:
            right = _right(self.learner, self.validation, preprocess_of(meta.recipe.network), self.team)
            since_best = 0 if right > best else since_best + 1
        early = done < how.epochs and since_best == how.patience_evaluations
        if early:
            notes.append(f"stopped after epoch {done}: no better for {since_best} evaluations; see best.npz")

        # c. Checkpoints.
        place = Position(
            best_right=max(best, right if right is not None else best),
            evaluations_since_best=since_best,
            counters=self.learner.counters(),
        )
        figures = {"loss": round(loss, 4), "val_right": right, "val_images": len(self.validation)}
        figures["seconds"] = round(time.monotonic() - self.began_s, 1)
        changed = {"epoch": done, "metrics": figures, "versions": paddle_runtime.versions()}
        after = meta.model_copy(update=changed | {"position": None if early or done == how.epochs else place})
        if self.team.first:
            _save(after, self.learner, is_best=right is not None and right >= best)

        # d. Those who watch.
        self.progress.epoch(done, figures)
        if self.curves and right is not None and len(self.validation):
            self.curves.epoch(done, right / len(self.validation))
        return after


def _data(recipe: Recipe, progress: EpochProgress) -> tuple[tuple[Label, ...], Dataset, Dataset]:
    """Return labels, training part and validation part; raise ConfigError if the recipe cannot be trained on them."""
    if recipe.network.backbone != "resnet_vd":
        raise ConfigError("network.backbone: a frozen network is not trained: `trainer fit` fits a head to it")
    labels, training, validation = parts(recipe, progress.beside)
    if recipe.training.patience_evaluations and not len(validation):
        raise ConfigError("training.patience_evaluations: there is no validation part to look at: see data.val_share")
    return labels, training, validation


def _learner(meta: Meta, saved: Checkpoint | None, feed: Feed, team: Ranks, notes: list[str]) -> "Learner":
    """Start Paddle; return network and optimiser as `saved` left them, else with the weights of the recipe."""
    recipe, how, labels = meta.recipe, meta.recipe.training, meta.labels
    paddle_runtime.start(recipe.seed, how.threads)
    team.join()
    team.agree(f"{recipe.manifest_path}, or --resume", f"{meta.data_fingerprint} {meta.epoch}")
    from trainer.networks import resnet_vd
    from trainer.training.learner import Learner

    network = resnet_vd.ResNetVd(recipe.network, len(labels))
    if how.pretrained and not saved:
        start = initial.load(how.pretrained, resnet_vd.weights(network), [label.name for label in labels])
        resnet_vd.load(network, start.weights)
        notes += [start.note] if start.note else []
    learner = Learner(network, how, team, feed.label_weights(labels))
    if saved and meta.position:
        learner.restore(saved.weights, saved.state, meta.position.counters)
    return learner


def _save(meta: Meta, learner: "Learner", is_best: bool) -> None:
    """Write the checkpoints of an epoch. The best one first: a training killed between the two does this epoch again.

    Of equally good epochs the later is the best one: it saw a smaller learning rate.
    """
    recipe = meta.recipe
    if is_best:
        checkpoint.save(recipe.best_checkpoint, meta.model_copy(update={"position": None}), learner.weights())
    if meta.position is None:
        checkpoint.save(recipe.last_checkpoint, meta, learner.weights())
    elif meta.epoch % recipe.training.save_every_epochs == 0:
        checkpoint.save(recipe.last_checkpoint, meta, learner.weights(), learner.state())


def learning_rate(how: Training, epoch: float) -> float:
    """Return the rate at `epoch`, a fraction too: linear from 0 over the warm-up, then half a cosine to 0."""
    warmup = min(how.warmup_epochs, how.epochs / 2)
    if epoch < warmup:
        return how.peak_learning_rate * (epoch + 1e-3) / warmup
    return how.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / (how.epochs - warmup)))


def parts(recipe: Recipe, progress: Progress = silent) -> tuple[tuple[Label, ...], Dataset, Dataset]:
    """Return labels, training part, validation part, as the manifest says.

    Raise DataError if a label cannot be learned.
    """
    path = recipe.manifest_path
    plan = manifest.read(path)
    if plan.labels != tuple(spec.label() for spec in recipe.labels):
        raise DataError(f"{path}: its labels are not the recipe's: run `trainer prepare` again")
    training = dataset.load(plan, plan.split("train"), progress)
    validation = dataset.load(plan, plan.split("val"), progress)
    present = {row.label for row in training.rows}
    if missing := [label.name for label in plan.labels if label.name not in present]:
        raise DataError(f"{path}: no training image, or none that can be read, of {', '.join(missing)}")
    return plan.labels, training, validation


def _before(recipe: Recipe, labels: tuple[Label, ...], fingerprint: str) -> Meta:
    """Return a training that has not begun."""
    return Meta(
        recipe=recipe,
        labels=labels,
        epoch=0,
        metrics={},
        data_fingerprint=fingerprint,
        versions={},
        created_at=bundle.now(),
        position=Position(best_right=-1, evaluations_since_best=0, counters={}),
    )


def _pass(feed: Feed, learner: "Learner", meta: Meta, progress: EpochProgress, curves: Curves | None) -> float:
    """Return one epoch of training; its mean loss. Raise TrainingError if loss or weights are no longer numbers."""
    how, losses = meta.recipe.training, []
    paddle_runtime.reseed(meta.recipe.seed + meta.epoch)  # so that all that is random depends on the position alone
    learner.begin_epoch()
    for step, batch in enumerate(feed.epoch(meta.epoch)):
        rate = learning_rate(how, meta.epoch + step / feed.steps)
        losses.append(learner.step(batch, rate))
        if not math.isfinite(losses[-1]):
            raise _diverged(meta, f"step {step + 1} of {feed.steps}: the loss is {losses[-1]}")
        progress.step(how.batch_images)
        if curves:
            curves.step(meta.epoch * feed.steps + step + 1, losses[-1], rate)
    learner.end_epoch()
    if name := learner.broken():
        raise _diverged(meta, f"after {feed.steps} steps: {name} holds numbers that are not finite")
    return float(np.mean(losses))


def _diverged(meta: Meta, what: str) -> TrainingError:
    path, rate = meta.recipe.last_checkpoint, meta.recipe.training.learning_rate
    kept = f"{path} is as it was" if path.exists() else "no checkpoint was written yet"
    tries = f"lower training.learning_rate, which is {rate:g}, or lengthen training.warmup_epochs"
    return TrainingError(f"epoch {meta.epoch + 1}, {what}; {kept}. {tries[0].upper()}{tries[1:]}")


def _right(learner: "Learner", validation: Dataset, preprocess: Preprocess, team: Ranks) -> int:
    """Return how many validation pictures are right, over all processes: each scores its share."""
    from trainer.networks import resnet_vd

    images, targets = validation.images[team.rank :: team.size], validation.targets[team.rank :: team.size]
    calls = [resnet_vd.scores(learner.judged, batch).argmax(1) for batch in dataset.batches(images, preprocess)]
    return int(team.total(int((np.concatenate([[], *calls]) == targets).sum())))
