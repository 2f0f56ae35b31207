"""Owns predict: files and folders of pictures to verdicts, by the inspector's own rules, in any of three engines."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ConfigError, ImageError
from inspector.vision import image
from inspector.vision.bundle import Decision
from trainer.bundles import annotate, export
from trainer.data import manifest, view
from trainer.data.manifest import DataError
from trainer.evaluation.evaluate import Model, decide, open_bundle, open_checkpoint, open_exported
from trainer.progress.callback import Progress, silent
from trainer.recipe.recipe import Recipe
from trainer.weights import checkpoint

#: The inspector's engine on a bundle, Paddle's training engine on a checkpoint, and that on a bundle's program.
Engine = Literal["inference", "checkpoint", "exported"]

_BATCH = 64
#: Largest side of a picture in views: a larger one would be squeezed until no defect is left to see.
_MOST_VIEWS = 2


@dataclass(frozen=True, slots=True)
class Judge:
    """A model, how it decides, and how many camera pixels it sees at once, in pictures of which depth."""

    model: Model
    decision: Decision
    view_px: int
    bit_depth: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one file shows. `outcome` is ok, defect, unsure, or error, with `reason` for the last two."""

    path: str
    outcome: str
    label: str = ""
    severity: str = "none"
    score: float = 0.0
    reason: str = ""


def judge(engine: Engine, bundle_dir: Path, recipe: Recipe | None = None, checkpoint_path: Path | None = None) -> Judge:
    """Open the bundle, or for the engine `checkpoint` the recipe's last one or that at `checkpoint_path`.

    Raises:
        BundleError, CheckpointError: what is opened cannot be used.
        ConfigError: a checkpoint without a recipe, or where none is asked for.
        ExportError: the checkpoint was not evaluated, so nobody has chosen its thresholds.
    """
    if engine != "checkpoint":
        if checkpoint_path is not None:
            raise ConfigError("--checkpoint goes with --engine checkpoint; the other engines take a bundle")
        model, opened = open_bundle(bundle_dir) if engine == "inference" else open_exported(bundle_dir)
        return Judge(
            model, opened.manifest.decision, opened.manifest.input.view_px, opened.manifest.preprocessing.bit_depth
        )
    if recipe is None:
        raise ConfigError("--engine checkpoint needs the recipe, -c: it says where the evaluation is that decides")
    path = checkpoint_path or recipe.last_checkpoint
    evaluation = export.evaluation_of(recipe, checkpoint.load(path))
    plan = manifest.read(recipe.manifest_path)
    decision = Decision.model_validate(evaluation["decision"])
    return Judge(open_checkpoint(path), decision, view.of(recipe, plan).px, plan.bit_depth)


def predict(by: Judge, paths: Iterable[Path], draw: Path | None = None, progress: Progress = silent) -> list[Verdict]:
    """Return one verdict for each file, a folder standing for the files in it; each file is one view of strip.

    With `draw`, each picture that can be read is written into that folder with its verdict under it.

    Raises:
        DataError: a path that does not exist. A file that is no image gets the outcome `error`.
    """
    files = [file for path in paths for file in _files(path)]
    verdicts: list[Verdict] = []
    for start in range(0, len(files), _BATCH):
        some = files[start : start + _BATCH]
        read = [_read(file, by) for file in some]
        judged = _judged(by, some, read)
        for verdict, pixels in zip(judged, read, strict=True):
            if draw is not None and not isinstance(pixels, str):
                text = f"{verdict.outcome}  {verdict.label}  {verdict.score:.3f}"
                annotate.save(draw, Path(verdict.path).stem, pixels, verdict.outcome, text)
        verdicts += judged
        progress("predict", len(verdicts), len(files))
    return verdicts


def _judged(by: Judge, files: Sequence[Path], read: Sequence[NDArray[np.uint8] | str]) -> list[Verdict]:
    pictures = [pixels for pixels in read if not isinstance(pixels, str)]
    tiles = iter(decide(by.model, by.decision, pictures, by.model.scores(pictures)))
    verdicts = []
    for file, pixels in zip(files, read, strict=True):
        if isinstance(pixels, str):
            verdicts.append(Verdict(str(file), "error", reason=pixels))
            continue
        tile = next(tiles)
        score = round(tile.score, 4)
        verdicts.append(Verdict(str(file), tile.outcome, tile.label, tile.severity, score, str(tile.reason)))
    return verdicts


def listed(lines: Iterable[bytes]) -> Iterator[Path]:
    """Yield the paths of a list with one a line, whatever bytes their names hold; empty lines are none."""
    return (Path(os.fsdecode(line.rstrip(b"\r\n"))) for line in lines if line.strip())


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    elif path.exists():
        yield path
    else:
        raise DataError(f"{path}: no such file or folder")


def _read(file: Path, by: Judge) -> NDArray[np.uint8] | str:
    """Return the pixels, or why not."""
    try:
        pixels = image.read(file, by.bit_depth or 16)
        height, width = pixels.shape
        if max(height, width) > _MOST_VIEWS * by.view_px:
            raise ImageError(
                f"{width}x{height} pixels, the model sees {by.view_px}: `inspector run` cuts such a frame up"
            )
        return pixels
    except ImageError as error:
        return str(error)
    except OSError as error:
        return str(error.strerror)
