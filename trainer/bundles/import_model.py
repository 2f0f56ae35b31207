"""Owns import: an inference model that PaddleClas or PaddleX exported becomes a bundle that the inspector runs.

Nothing of it is believed: it scores drawn strip alone and in a batch in the inspector's own predictor first.
"""

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from inspector.errors import BundleError, InspectorError
from inspector.vision import bundle
from inspector.vision.bundle import Bundle, Golden, Label, Manifest
from inspector.vision.predictor import PaddlePredictor, check_golden
from inspector.vision.renderer import strip
from trainer import paddle_runtime
from trainer.bundles import inference_yml
from trainer.bundles.inference_yml import Described
from trainer.data.formats import label_names
from trainer.recipe.bundle import VIEW_PX, DecisionChoice
from trainer.recipe.data import LabelSpec
from trainer.recipe.recipe import Recipe
from trainer.weights import pdiparams

#: What PaddleX and PaddleClas call the program and its parameters, the newest format first.
_FILES = {
    "inference.json": "inference.pdiparams",
    "inference.pdmodel": "inference.pdiparams",
    "model": "params",
    "__model__": "__variables__",
}
#: Largest difference of a picture's scores alone and among others, as a share of the largest score: summing order.
_BATCH_TOLERANCE = 1e-3
_GOLDEN_SEED = 2**31


class ModelError(InspectorError):
    """Raised when a model cannot be imported: a file is missing or damaged, or it does not do what it should."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The bundle written; `unseen_px`: what a centre crop leaves of a view at each side, in camera pixels."""

    bundle: Bundle
    model_name: str
    #: What the model calls each label, in their order.
    names: tuple[str, ...]
    output: str
    unseen_px: int


def import_model(
    folder: Path,
    to: Path,
    yml: Path | None = None,
    recipe: Recipe | None = None,
    ok: Sequence[str] = (),
    view_px: int | None = None,
) -> Imported:
    """Wrap the model in `folder` into a bundle at `to`, whole or not at all.

    The labels' kind and severity, which an inference.yml does not have, are the recipe's, found by name or alias;
    without a recipe every label is a major defect but those in `ok`. A view is `view_px` camera pixels, else what the
    recipe says, or any recipe where it says nothing.

    Raises:
        ConfigError: a key of inference.yml cannot be honoured.
        ModelError: files, labels or scores are not what a classifier of these labels has.
    """
    bundle.check_free(to)
    name = next((name for name in _FILES if (folder / name).is_file()), None)
    if name is None:
        raise ModelError(f"{folder}: no model: one of {', '.join(_FILES)} is expected, and its parameters beside it")
    program, parameters = folder / name, _whole(folder / _FILES[name])
    described = inference_yml.read(yml or folder / "inference.yml")
    manifest = _manifest(folder, described, _labels(described, recipe, ok), recipe, view_px)
    images = _images()
    paddle_runtime.start(0)
    with tempfile.TemporaryDirectory(prefix="import-") as scratch:
        if not program.suffix:  # of PaddleClas 1.x: the older format all the same
            program = Path(shutil.copyfile(program, Path(scratch) / "program.pdmodel"))
        nothing = Golden(images, np.zeros((len(images), len(manifest.labels)), np.float32))
        draft = bundle.save(Path(scratch) / "bundle", manifest, program, parameters, nothing)
        tiles = draft.preprocess.normalise(np.stack([draft.preprocess.resize(image) for image in images]))
        output = _output(folder, _scores(draft, tiles))
        draft = replace(draft, manifest=draft.manifest.model_copy(update={"output": output}))
        logits = PaddlePredictor(draft).run(tiles)
        manifest = manifest.model_copy(update={"output": output})
        opened = bundle.save(to, manifest, program, parameters, Golden(images, logits))
    check_golden(PaddlePredictor(opened), opened)
    return Imported(opened, described.model_name, described.labels, output or "logits", opened.overlap_px // 2)


def _whole(parameters: Path) -> Path:
    try:
        pdiparams.tensors(parameters)
    except OSError as error:
        raise ModelError(f"{parameters}: {error.strerror}; the model's parameters are expected there") from None
    except ValueError as error:
        raise ModelError(f"{parameters}: {error}; copy it again from where it was exported") from None
    return parameters


def _labels(described: Described, recipe: Recipe | None, ok: Sequence[str]) -> tuple[Label, ...]:
    if recipe is not None and ok:
        raise ModelError(f"--ok {ok[0]}: with a recipe, its labels say which of them is of kind ok")
    if strangers := sorted(set(ok) - set(described.labels)):
        raise ModelError(f"--ok {strangers[0]}: the model's labels are {', '.join(described.labels)}")
    if recipe is None:
        safe = label_names.label_names(described.labels)
        specs = [_spec(name, shown in ok) for name, shown in zip(safe, described.labels, strict=True)]
        return tuple(spec.label() for spec in specs)
    known = {name: spec for spec in recipe.labels for name in (spec.name, *spec.aliases)}
    missing = [name for name in described.labels if name not in known]
    if missing:
        raise ModelError(f"the recipe has no label for {missing[0]!r} of the model: give one that name as an alias")
    return tuple(known[name].label() for name in described.labels)


def _spec(name: str, is_ok: bool) -> LabelSpec:
    return LabelSpec(name=name, kind="ok", severity="none") if is_ok else LabelSpec(name=name)


def _manifest(
    folder: Path, described: Described, labels: tuple[Label, ...], recipe: Recipe | None, view_px: int | None
) -> Manifest:
    chosen = recipe.decision if recipe else DecisionChoice()
    name = recipe.name if recipe else re.sub(r"[^A-Za-z0-9_.-]", "_", described.model_name or folder.resolve().name)
    values = {
        "name": name[:64],
        "created_at": bundle.now(),
        "labels": [label.model_dump() for label in labels],
        "input": {
            "size": described.size,
            "channels": len(described.mean),
            "view_px": view_px or (recipe.export.view_px if recipe else None) or VIEW_PX,
            "resize_short_px": described.resize_short,
        },
        "preprocessing": {"mean": described.mean, "std": described.std},
        "decision": {
            "thresholds": {label.name: chosen.min_threshold for label in labels},
            "min_contrast": chosen.min_contrast,
            "place_threshold": chosen.place_threshold,
        },
        "training": {"imported": {"model_name": described.model_name, "labels": list(described.labels)}},
    }
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{folder}: {where or 'labels'}: {first['msg'].removeprefix('Value error, ')}") from None


def _images() -> NDArray[np.uint8]:
    """Return drawn strip, uint8 (n, 200, 200): the golden images of a model whose pictures we do not have."""
    names = ("ok", *strip.DEFECTS)
    return np.stack([strip.render_image(name, _GOLDEN_SEED).pixels for name in names])


def _scores(draft: Bundle, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the program's outputs, float32 (n, labels); raise ModelError if a picture alone scores otherwise."""
    predictor = PaddlePredictor(draft)
    try:
        together = predictor.run(batch)
        alone = np.concatenate([predictor.run(batch[row : row + 1]) for row in range(len(batch))])
    except (RuntimeError, ValueError) as error:
        text = str(error).strip().splitlines()[-1]
        raise ModelError(
            f"the program cannot run {len(batch)} and 1 pictures of {batch.shape[1:]}, as its batch must not be fixed: "
            f"{text}"
        ) from None
    except BundleError as error:
        raise ModelError(f"{error}: {', '.join(label.name for label in draft.labels)}") from None
    if not np.isfinite(together).all() or np.ptp(together, axis=0).max() == 0:
        raise ModelError("its scores are not finite, or the same for every picture: are these its parameters?")
    if np.abs(together - alone).max() > _BATCH_TOLERANCE * np.abs(together).max():
        raise ModelError("it scores a picture differently alone and among others: was it exported in training mode?")
    return together


def _output(folder: Path, scores: NDArray[np.float32]) -> str | None:
    """Return what the scores are: PaddleClas and PaddleX put a softmax at the end by default."""
    if scores.min() < 0 or scores.max() > 1:
        return None
    if np.abs(scores.sum(axis=1) - 1).max() < _BATCH_TOLERANCE:
        return "probabilities"
    raise ModelError(
        f"{folder}: the scores are between 0 and 1 but do not add up to 1: a multi-label model (sigmoid) has no single "
        "verdict for a picture"
    )
