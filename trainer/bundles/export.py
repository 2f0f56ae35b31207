"""Owns export: a checkpoint to a bundle, refused unless the inspector's predictor scores it as the trainer did."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import InspectorError
from inspector.vision import bundle
from inspector.vision.bundle import Bundle, Golden
from inspector.vision.predictor import GOLDEN_TOLERANCE, PaddlePredictor, check_golden, has_bf16
from inspector.vision.renderer import strip
from trainer import paddle_runtime
from trainer.bundles.agreement import MOST_CHANGED, TOLERANCE, Agreement, agreement
from trainer.data import dataset, manifest, view
from trainer.data.manifest import SIMULATED, DataError, Manifest, Row
from trainer.evaluation import report, soundness
from trainer.evaluation.evaluate import Model, of_bundle, open_checkpoint
from trainer.progress.callback import Progress, silent
from trainer.recipe.recipe import Recipe
from trainer.weights import checkpoint
from trainer.weights.checkpoint import Checkpoint

#: Golden seeds: far from any seed that `prepare` hands out, so a golden image is never trained on.
_GOLDEN_SEED = 2**31
_PICTURES_COMPARED = 500


class ExportError(InspectorError):
    """Raised when the exported program does not compute what the checkpoint computes, or was never evaluated."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The bundle written, its size, and how far it is from the checkpoint, in its own precision."""

    bundle: Bundle
    bytes: int
    precision: str
    agreement: Agreement
    notes: tuple[str, ...]  # for a reader: of its view, and why it was refused without `force`
    #: The largest difference between a golden image's logits by ONNX Runtime and by the bundle, relative.
    onnx_difference: float | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """What `trainer export --json` prints."""
        return {
            "bundle": str(self.bundle.path),
            "id": self.bundle.id,
            "bytes": self.bytes,
            "precision": self.precision,
            "view_px": self.bundle.manifest.input.view_px,
            "notes": list(self.notes),
            "images_compared": self.agreement.pictures,
            "largest_difference": self.agreement.logits,
            "largest_probability_difference": self.agreement.probabilities,
            "decisions_changed": self.agreement.decisions_changed,
            "onnx_difference": self.onnx_difference,
        }


def export(
    recipe: Recipe, checkpoint_path: Path, to: Path, force: bool = False, progress: Progress = silent
) -> Exported:
    """Write the bundle to `to`; an older one there is replaced, and only once the new one is proven.

    `force`: a model that its own evaluation shows to be useless, too.

    Raises:
        ExportError: not evaluated yet, useless without `force`, the scores differ by more than TOLERANCE, or in a
            lower precision the decisions of more than MOST_CHANGED.
        CheckpointError, DataError: what is read cannot be used.
        BundleError: a running line uses the bundle at `to`, or what is there is none.
    """
    bundle.check_free(to)
    saved = checkpoint.load(checkpoint_path)
    evaluation = evaluation_of(recipe, saved)
    useless = soundness.faults(evaluation)
    if useless and not force:
        raise _refused(useless, checkpoint_path, to)
    plan = manifest.read(recipe.manifest_path)
    trained = open_checkpoint(checkpoint_path)
    seen = view.of(recipe, plan)
    golden_images = _golden_images(recipe, plan, trained, seen.px)
    with tempfile.TemporaryDirectory(prefix="export-") as scratch:
        program = _save_program(saved, Path(scratch))
        parameters = program.with_suffix(".pdiparams")
        described = _describe(recipe, saved, evaluation, plan, seen.px)
        draft = bundle.save(
            Path(scratch) / "bundle",
            described,
            program,
            parameters,
            Golden(golden_images, trained.scores(list(golden_images))),
        )
        compared = _spread(plan.split("eval") or plan.split("train"))
        pictures = [*golden_images, *dataset.load(plan, compared, progress).images]
        runs = _in_the_inspector(draft)
        agrees = agreement(trained, runs, described.decision, pictures, progress)
        if not agrees.logits <= TOLERANCE:
            raise ExportError(
                f"refused: the exported program scores {agrees.logits:.2g} off {checkpoint_path} "
                f"(at most {TOLERANCE} is allowed); nothing was written to {to}"
            )
        if recipe.export.precision == "bf16":
            described = _in_bf16(described, draft, trained, golden_images)
            runs = _in_the_inspector(replace(draft, manifest=described))
            agrees = agreement(trained, runs, described.decision, pictures, progress)
            if agrees.decisions_changed > MOST_CHANGED * len(pictures):
                raise ExportError(
                    f"refused: bf16 changes the decision on {agrees.decisions_changed} of {len(pictures)} pictures "
                    f"(at most {MOST_CHANGED:.0%} is allowed); nothing was written to {to}"
                )
        described.training["export"] = {
            "precision": recipe.export.precision,
            "against_checkpoint": asdict(agrees),
            "forced_despite": useless,
        }
        golden = Golden(golden_images, runs.scores(list(golden_images)))
        written = bundle.save(to, described, program, parameters, golden)
    check_golden(PaddlePredictor(written), written)
    size = sum(file.stat().st_size for file in to.iterdir())
    notes = [seen.note] if seen.note else []
    notes += [f"written by force: {'; '.join(useless)}"] if useless else []
    return Exported(written, size, recipe.export.precision, agrees, tuple(notes))


def _refused(useless: Sequence[str], checkpoint_path: Path, to: Path) -> ExportError:
    return ExportError(
        f"refused: the evaluation of {checkpoint_path} says that it is of no use: {'; '.join(useless)}. "
        f"Nothing was written to {to}; --force writes it all the same"
    )


def _in_the_inspector(draft: Bundle) -> Model:
    return of_bundle(draft, PaddlePredictor(draft).run)


def _in_bf16(
    described: bundle.Manifest, draft: Bundle, trained: Model, golden_images: NDArray[np.uint8]
) -> bundle.Manifest:
    """Return the manifest with bf16, and with the tolerance that a CPU with or without bf16 keeps on golden images."""
    if not has_bf16():
        raise ExportError("export.precision: bf16: this CPU has neither avx512_bf16 nor amx_bf16 to measure it with")
    lower = described.model_copy(update={"precision": "bf16"})
    runs = _in_the_inspector(replace(draft, manifest=draft.manifest.model_copy(update={"precision": "bf16"})))
    apart = agreement(trained, runs, described.decision, list(golden_images)).logits
    tolerance = round(max(GOLDEN_TOLERANCE, 2 * apart), 3)
    if tolerance > 0.5:
        raise ExportError(f"refused: bf16 moves the golden images' scores by {apart:.2g}, at most 0.25 is allowed")
    return lower.model_copy(update={"golden_tolerance": tolerance})


def evaluation_of(recipe: Recipe, saved: Checkpoint) -> dict[str, Any]:
    """Return the report of the recipe's last evaluation. Raise ExportError if it is of another checkpoint, or none."""
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
    paddle_runtime.start(saved.meta.recipe.seed)
    import paddle

    from trainer.networks import resnet_vd

    network, shape = resnet_vd.scorer(saved), saved.meta.recipe.network
    for name, tensor in network.state_dict().items():
        # The program keeps it: `trainer train --from` finds the weights of a bundle by name.
        tensor.name = name.removeprefix(resnet_vd.NETWORK)
    spec = paddle.static.InputSpec([None, shape.channels, shape.size_px, shape.size_px], "float32", "images")
    paddle.jit.save(network, str(folder / "inference"), input_spec=[spec])
    return folder / bundle.PROGRAM


def _describe(
    recipe: Recipe, saved: Checkpoint, evaluation: dict[str, Any], plan: Manifest, view_px: int
) -> bundle.Manifest:
    meta = saved.meta
    network, trained = meta.recipe.network, meta.recipe.model_dump(mode="json")
    preprocess = dataset.preprocess_of(network)
    trained.pop("run_dir")
    if trained["data"]:
        trained["data"]["root"] = Path(trained["data"]["root"]).name  # where it lay is the training machine's business
        trained["data"]["records"] = [Path(one["path"]).name for one in trained["data"]["records"]]
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
        input=bundle.Input(
            size=network.size_px,
            channels=network.channels,
            view_px=view_px,
            rolling=recipe.export.rolling,
        ),
        preprocessing=bundle.Normalisation(mean=preprocess.mean, std=preprocess.std, bit_depth=plan.bit_depth),
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


def _golden_images(recipe: Recipe, plan: Manifest, trained: Model, view_px: int) -> NDArray[np.uint8]:
    """Return uint8 (n, height, width), a few a label: drawn if the renderer knows every label, else of the data."""
    count, names = recipe.export.golden_per_label, [label.name for label in trained.labels]
    if all(name == "ok" or name in strip.DEFECTS for name in names):
        return np.stack(
            [strip.render_image(name, _GOLDEN_SEED + index, view_px).pixels for name in names for index in range(count)]
        )
    rows = [row for name in names for row in [row for row in plan.rows if row.label == name][:count]]
    pictures = [trained.preprocess.resize(pixels) for pixels in dataset.load(plan, rows).images]
    if not pictures:
        raise DataError(f"{plan.root}: no picture left to make golden images of")
    return np.stack(pictures)


def _spread(rows: Sequence[Row]) -> Sequence[Row]:
    """Return at most `_PICTURES_COMPARED` rows, evenly taken: of real pictures, if there are any."""
    ordered = sorted(rows, key=lambda row: row.path.startswith(SIMULATED))
    real = [row for row in ordered if not row.path.startswith(SIMULATED)] or ordered
    return real[:: max(1, -(-len(real) // _PICTURES_COMPARED))]
