"""Owns eval: scores pictures with a checkpoint or a bundle, decides as the inspector does, and counts."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import BundleError
from inspector.vision import bundle
from inspector.vision.bundle import Bundle, Decision, Label
from inspector.vision.decision import TileDecision, decide_tiles, rules
from inspector.vision.predictor import PaddlePredictor, as_logits
from inspector.vision.preprocess import Preprocess, contrast
from inspector.vocabulary import OUTCOMES
from trainer import paddle_runtime
from trainer.data import dataset
from trainer.data.dataset import Dataset, preprocess_of
from trainer.data.manifest import DataError, Manifest, Row
from trainer.data.records import unreviewed
from trainer.evaluation import calibrate, costly, metrics
from trainer.progress.callback import Progress, silent
from trainer.recipe.bundle import DecisionChoice
from trainer.weights import checkpoint

#: Numbers of first answers among which the truth is counted, besides the first alone.
_TOP_K = (2, 5)

Scorer = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Model:
    """Something that scores: its labels in output order, its preprocessing, and who it is.

    `max_novelty`: its limits by label, where its scores end in the novelty.
    """

    labels: tuple[Label, ...]
    preprocess: Preprocess
    score: Scorer
    identity: dict[str, Any]
    max_novelty: dict[str, float] | None = None

    def logits(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits (n, labels) among scores (n, outputs)."""
        return scores[:, : len(self.labels)]

    def scores(
        self, images: Sequence[NDArray[np.uint8]], progress: Progress = silent, what: str = "score"
    ) -> NDArray[np.float32]:
        """Score decoded pictures, float32 (n, outputs): a logit for each label, and the novelty if it has limits.

        `progress` gets `what` as the name of the step.
        """
        parts: list[NDArray[np.float32]] = []
        done = 0
        for batch in dataset.batches(images, self.preprocess):
            parts.append(self.score(batch))
            done += len(batch)
            progress(what, done, len(images))
        outputs = len(self.labels) + (self.max_novelty is not None)
        return np.concatenate(parts) if parts else np.zeros((0, outputs), np.float32)


def open_checkpoint(path: Path, fast: bool = False) -> Model:
    """Return the network of a checkpoint, in Paddle's training engine, or `fast`, in its inference engine as float32.

    Raise CheckpointError if it cannot be used.
    """
    saved = checkpoint.load(path)
    paddle_runtime.start(saved.meta.recipe.seed)
    from trainer.networks import resnet_vd

    network, preprocess = resnet_vd.scorer(saved), preprocess_of(saved.meta.recipe.network)
    if fast:
        from trainer.networks.feature_extractor import Extractor

        score: Scorer = Extractor(network, preprocess).infer
    else:
        score = partial(resnet_vd.scores, network)
    identity = {"checkpoint": path.name, "sha256": saved.sha256, "epoch": saved.meta.epoch}
    return Model(
        saved.meta.labels,
        preprocess,
        score,
        identity,
        saved.meta.max_novelty,
    )


def open_bundle(path: Path) -> tuple[Model, Bundle]:
    """Return a bundle, and what it holds in the inspector's own predictor. Raise BundleError if it cannot be used."""
    opened = bundle.load(path)
    paddle_runtime.start(0)
    predictor = PaddlePredictor(opened, threads=paddle_runtime.threads())
    return of_bundle(opened, predictor.run), opened


def of_bundle(opened: Bundle, score: Scorer) -> Model:
    """Return a bundle as a model, scored by whatever runs its program."""
    return Model(opened.labels, opened.preprocess, score, {"bundle": opened.id}, opened.manifest.decision.max_novelty)


def open_exported(path: Path) -> tuple[Model, Bundle]:
    """Return a bundle, and its program in Paddle's training engine. Raise BundleError if that cannot open it."""
    opened = bundle.load(path)
    if opened.program.suffix != ".json":
        raise BundleError(f"{opened.program}: a program of Paddle 1.x or 2.x, which only the inference engine opens")
    paddle_runtime.start(0)
    import paddle

    layer = paddle.jit.load(str(opened.program.with_suffix("")))
    layer.eval()

    def score(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with paddle.no_grad():
            outputs = layer(paddle.to_tensor(batch))
        first = outputs[0] if isinstance(outputs, list | tuple) else outputs
        return as_logits(opened.manifest.output, np.asarray(first.numpy(), np.float32))

    return of_bundle(opened, score), opened


def open_model(path: Path) -> tuple[Model, Decision | None]:
    """Open a bundle, with its own decision, if `path` is a folder, else a checkpoint, whose decision is None."""
    if path.is_dir():
        model, opened = open_bundle(path)
        return model, opened.manifest.decision
    return open_checkpoint(path, fast=True), None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model on some pictures: how it decides, its scores, and the counts. `data.targets` index its labels."""

    model: Model
    decision: Decision
    data: Dataset
    scores: NDArray[np.float32]
    report: dict[str, Any]

    @property
    def logits(self) -> NDArray[np.float32]:
        """float32 (n, labels)."""
        return self.model.logits(self.scores)


def load(plan: Manifest, rows: Sequence[Row], progress: Progress = silent) -> Dataset:
    """Return the pictures to evaluate on. Raise DataError if there are none, or a label that is not in the manifest."""
    if not rows:
        raise DataError("nothing to evaluate: the manifest has no `eval` rows; set data.eval_list or eval_share")
    _refuse_unknown({row.label for row in rows}, plan.labels, "manifest")
    return dataset.load(plan, rows, progress)


def evaluate(
    model: Model,
    decision: Decision | None,
    how: DecisionChoice,
    plan: Manifest,
    data: Dataset,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluate `data`, of `load`. Without `decision`, it is chosen on the manifest's validation part.

    Raises:
        DataError: a label the model does not have.
    """
    _refuse_unknown({row.label for row in (*plan.rows, *data.rows)}, model.labels, "model")
    index = {label.name: number for number, label in enumerate(model.labels)}
    data = replace(data, targets=np.array([index[row.label] for row in data.rows], np.int64))
    fitted_on, skipped, choice = None, data.skipped, None
    if decision is None:
        validation = dataset.load(replace(plan, labels=model.labels), plan.split("val"), progress)
        fitted_on, skipped = len(validation), data.skipped + validation.skipped
        logits = model.logits(model.scores(validation.images, progress, "score the validation part"))
        choice = calibrate.choose(logits, validation.targets, model.labels, how, model.max_novelty)
        decision = choice.decision
    scores = model.scores(data.images, progress)
    logits = model.logits(scores)
    figures = report(model, decision, data, logits, decide(model, decision, data.images, scores))
    figures["skipped"] = list(skipped)
    figures["recorded"] = unreviewed.figures(data.rows, plan.split("val") if choice else ())
    figures["unseen_source"] = _unseen(plan, data, logits)
    figures["calibration"] = calibrate.describe(logits, data.targets, decision.temperature, fitted_on)
    figures["calibration"]["notes"] = list(choice.notes) if choice else []
    figures["calibration"]["passing"] = asdict(choice.passing) if choice and choice.passing else None
    return Evaluation(model, decision, data, scores, figures)


def decide(
    model: Model, decision: Decision, images: Sequence[NDArray[np.uint8]], scores: NDArray[np.float32]
) -> list[TileDecision]:
    """Decide each picture as the inspector's worker decides a tile: by its rules, contrast measured after resizing."""
    contrasts = [contrast(model.preprocess.resize(pixels)) for pixels in images]
    return decide_tiles(scores, contrasts, rules(model.labels, decision))


def report(
    model: Model, decision: Decision, data: Dataset, logits: NDArray[np.float32], tiles: Sequence[TileDecision]
) -> dict[str, Any]:
    """Return the content of report.json: the counts."""
    names = [label.name for label in model.labels]
    clean = {label.name for label in model.labels if label.kind == "ok"}
    predicted = logits.argmax(axis=1).astype(np.int64)
    right = predicted == data.targets
    table = metrics.confusion(data.targets, predicted, len(names))
    by_label = metrics.per_label(table, names)
    balanced, balanced_95 = metrics.balanced_accuracy(by_label)
    on_clean = [tile for tile, row in zip(tiles, data.rows, strict=True) if row.label in clean]
    on_defect = [tile for tile, row in zip(tiles, data.rows, strict=True) if row.label not in clean]
    return {
        "model": model.identity,
        "decision": decision.model_dump(mode="json"),
        "images": len(data),
        "right": int(right.sum()),
        "top_1": int(right.sum()) / len(data),
        "top_1_95": metrics.wilson(int(right.sum()), len(data)),
        "top_k": {str(k): metrics.top_k(logits, data.targets, k) for k in _TOP_K if k < len(names)},
        "outcomes": {outcome: sum(tile.outcome == outcome for tile in tiles) for outcome in OUTCOMES},
        **costly.of(len(on_defect), _count(on_defect, "ok"), len(on_clean), _count(on_clean, "defect"), bool(clean)),
        "balanced_accuracy": balanced,
        "balanced_accuracy_95": balanced_95,
        "macro_f1": metrics.macro_f1(by_label),
        "by_source": {source: _of_source(source, data, right, tiles) for source in _sources(data)},
        "per_label": [asdict(figures) for figures in by_label],
        "confusion": {"labels": names, "rows_are_truth": table.tolist()},
        "wrong": [
            {"path": row.path, "label": row.label, "predicted": tile.label, "score": round(tile.score, 4)}
            for row, tile, correct in zip(data.rows, tiles, right, strict=True)
            if not correct
        ],
        "skipped": list(data.skipped),
    }


def _refuse_unknown(names: set[str], labels: Sequence[Label], who: str) -> None:
    known = {label.name for label in labels}
    if unknown := sorted(names - known):
        raise DataError(f"the {who} has no label {', '.join(unknown)}: its labels are {', '.join(sorted(known))}")


def _sources(data: Dataset) -> list[str]:
    return list(dict.fromkeys(row.source for row in data.rows))


def _of_source(source: str, data: Dataset, right: NDArray[np.bool_], tiles: Sequence[TileDecision]) -> dict[str, int]:
    chosen = [index for index, row in enumerate(data.rows) if row.source == source]
    unsure = sum(tiles[index].outcome == "unsure" for index in chosen)
    return {"images": len(chosen), "right": int(right[chosen].sum()), "unsure": unsure}


def _unseen(plan: Manifest, data: Dataset, logits: NDArray[np.float32]) -> dict[str, Any] | None:
    """Return the figures of pictures of which training, validation included, has not seen the source.

    None where it has seen none of them: the figures of all are those.
    """
    trained = {row.path for row in plan.rows if row.split != "eval"}
    groups, group_of = plan.trained_groups(), {row.path: row.group for row in plan.rows}
    unseen = [row.path not in trained and group_of.get(row.path, "") not in groups for row in data.rows]
    if all(unseen):
        return None
    right = int((logits.argmax(axis=1) == data.targets)[unseen].sum())
    share = right / sum(unseen) if any(unseen) else None
    return {"images": sum(unseen), "right": right, "share": share, "share_95": metrics.wilson(right, sum(unseen))}


def _count(tiles: Sequence[TileDecision], outcome: str) -> int:
    return sum(tile.outcome == outcome for tile in tiles)
