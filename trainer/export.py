"""Owns export: a checkpoint to a bundle, refused unless the inspector's predictor scores it as the trainer did."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector import bundle, renderer
from inspector.bundle import Bundle, Golden
from inspector.errors import InspectorError
from inspector.predictor import PaddlePredictor, check_golden
from trainer import checkpoint, dataset, engine, manifest, report
from trainer.checkpoint import Checkpoint
from trainer.config import Recipe
from trainer.evaluate import Model, open_checkpoint
from trainer.manifest import SIMULATED, DataError, Manifest, Row
from trainer.train import preprocess_of

#: Largest difference of a logit, relative to the largest of its image. Folding batch norm into the convolutions
#: and another order of summing differ by about 1e-5 in fp32; a wrong graph or weight by more than 0.1.
TOLERANCE = 1e-3
#: Golden seeds: far from any seed that `prepare` hands out, so a golden image is never trained on.
_GOLDEN_SEED = 2**31
_PICTURES_COMPARED = 500


class ExportError(InspectorError):
    """Raised when the exported program does not compute what the checkpoint computes, or was never evaluated."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The bundle written, its size, and how far its scores are from the checkpoint's."""

    bundle: Bundle
    bytes: int
    images_compared: int
    largest_difference: float


def export(recipe: Recipe, checkpoint_path: Path, to: Path) -> Exported:
    """Write the bundle to `to`; an older one there is replaced, and only once the new one is proven.

    Raises:
        ExportError: not evaluated yet, or the scores differ by more than TOLERANCE.
        CheckpointError, DataError: what is read cannot be used.
    """
    saved = checkpoint.load(checkpoint_path)
    evaluation = evaluation_of(recipe, saved)
    plan = manifest.read(recipe.manifest_path)
    trained = open_checkpoint(checkpoint_path)
    golden_images = _golden_images(recipe, plan, trained)
    with tempfile.TemporaryDirectory(prefix="export-") as scratch:
        program = _save_program(saved, Path(scratch))
        parameters = program.with_suffix(".pdiparams")
        described = _describe(recipe, saved, evaluation)
        draft = bundle.save(
            Path(scratch) / "bundle",
            described,
            program,
            parameters,
            Golden(golden_images, trained.logits(list(golden_images))),
        )
        runs = Model(draft.labels, draft.preprocess, PaddlePredictor(draft).run, {"bundle": draft.id})
        pictures = dataset.load(plan, _spread(plan.split("eval") or plan.split("train"))).images
        compared = [*golden_images, *pictures]
        difference = _difference(trained.logits(compared), runs.logits(compared))
        if not difference <= TOLERANCE:
            raise ExportError(
                f"refused: the exported program scores {difference:.2g} off {checkpoint_path} "
                f"(at most {TOLERANCE} is allowed); nothing was written to {to}"
            )
        golden = Golden(golden_images, runs.logits(list(golden_images)))
        written = bundle.save(to, described, program, parameters, golden)
    check_golden(PaddlePredictor(written), written)
    size = sum(file.stat().st_size for file in to.iterdir())
    return Exported(written, size, len(compared), difference)


def evaluation_of(recipe: Recipe, saved: Checkpoint) -> dict[str, Any]:
    """The report of the recipe's last evaluation. ExportError where it is of another checkpoint, or none."""
    path = recipe.report_dir / report.REPORT
    try:
        evaluation: dict[str, Any] = json.loads(path.read_text())
        of_this = evaluation["model"].get("sha256") == saved.sha256
    except (OSError, ValueError, KeyError):
        of_this = False
    if not of_this:
        raise ExportError(
            f"{path}: no evaluation of {saved.path}: run `trainer eval` on it first, "
            "it chooses the thresholds that the bundle carries"
        )
    return evaluation


def _save_program(saved: Checkpoint, folder: Path) -> Path:
    engine.start(saved.meta.recipe.seed)
    import paddle

    from trainer import model

    network, shape = model.restored(saved), saved.meta.recipe.network
    for name, tensor in network.state_dict().items():
        tensor.name = name  # the program keeps it: `trainer train --from` finds the weights of a bundle by name
    spec = paddle.static.InputSpec([None, shape.channels, shape.size_px, shape.size_px], "float32", "images")
    paddle.jit.save(network, str(folder / "inference"), input_spec=[spec])
    return folder / bundle.PROGRAM


def _describe(recipe: Recipe, saved: Checkpoint, evaluation: dict[str, Any]) -> bundle.Manifest:
    meta = saved.meta
    network, trained = meta.recipe.network, meta.recipe.model_dump(mode="json")
    preprocess = preprocess_of(network)
    trained.pop("run_dir")
    if trained["data"]:
        trained["data"]["root"] = Path(trained["data"]["root"]).name  # where it lay is the training machine's business
    if trained["training"]["pretrained"]:
        trained["training"]["pretrained"] = Path(trained["training"]["pretrained"]).name
    figures = {
        key: value
        for key, value in evaluation.items()
        if key not in ("decision", "skipped", "wrong", "comparison", "suspects")
    }
    return bundle.Manifest(
        name=recipe.name,
        created_at=bundle.now(),
        labels=meta.labels,
        input=bundle.Input(size=network.size_px, channels=network.channels, view_px=recipe.export.view_px),
        preprocessing=bundle.Normalisation(mean=preprocess.mean, std=preprocess.std),
        decision=bundle.Decision.model_validate(evaluation["decision"]),
        evaluation=figures,
        training={
            "recipe": trained,
            "data_fingerprint": meta.data_fingerprint,
            "checkpoint_sha256": saved.sha256,
            "epoch": meta.epoch,
            "last_epoch": meta.metrics,
            "started_at": meta.created_at,
            "versions": meta.versions,
        },
    )


def _golden_images(recipe: Recipe, plan: Manifest, trained: Model) -> NDArray[np.uint8]:
    """uint8 (n, height, width), a few per label: drawn where the renderer knows every label, else of the data."""
    count, names = recipe.export.golden_per_label, [label.name for label in trained.labels]
    if all(name == "ok" or name in renderer.DEFECTS for name in names):
        size = recipe.export.view_px
        return np.stack(
            [renderer.render_image(name, _GOLDEN_SEED + index, size).pixels for name in names for index in range(count)]
        )
    rows = [row for name in names for row in [row for row in plan.rows if row.label == name][:count]]
    pictures = [trained.preprocess.resize(pixels) for pixels in dataset.load(plan, rows).images]
    if not pictures:
        raise DataError(f"{plan.root}: no picture left to make golden images of")
    return np.stack(pictures)


def _spread(rows: Sequence[Row]) -> Sequence[Row]:
    """Real pictures first, evenly taken, `_PICTURES_COMPARED` at the most."""
    ordered = sorted(rows, key=lambda row: row.path.startswith(SIMULATED))
    real = [row for row in ordered if not row.path.startswith(SIMULATED)] or ordered
    return real[:: max(1, -(-len(real) // _PICTURES_COMPARED))]


def _difference(expected: NDArray[np.float32], got: NDArray[np.float32]) -> float:
    scale = np.abs(expected).max(axis=1, keepdims=True)
    return float((np.abs(expected - got) / scale).max())
