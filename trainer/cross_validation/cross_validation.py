"""Owns cross-validation: prepare once, then train and evaluate every fold, or draws of a few pictures.

Each part is trained by `trainer.training.train`, or by `trainer.training.fit` where the network is frozen, exactly
as alone; it is judged by its last checkpoint on pictures whose sources it has not seen. The figures of all parts are
the answer to "how good is this recipe on new strip", where one split of a few hundred pictures is a guess.
"""

import random
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inspector.errors import ConfigError
from trainer import terminal
from trainer.cross_validation import part
from trainer.cross_validation.part import Part
from trainer.data import manifest
from trainer.data.corrections import edits
from trainer.data.manifest import SIMULATED, DataError, Manifest, Row
from trainer.data.prepare import Prepared
from trainer.evaluation import evaluate, report
from trainer.progress.bar import ProgressBar
from trainer.progress.epochs import EpochProgress
from trainer.recipe.recipe import Recipe
from trainer.training.fit import fit
from trainer.training.train import train

#: Folds where the recipe does not say how many.
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Few:
    """How many real pictures of each label to learn from, and in how many draws; both are 1 or more."""

    per_label: int
    draws: int


def of_all(recipe: Recipe) -> Recipe:
    """Return the recipe with folds. Raise ConfigError if it has no pictures to divide."""
    if recipe.data is None:
        raise ConfigError("data: folds are of real pictures, and the recipe has none; simulated ones are not counted")
    folds = recipe.data.folds or FOLDS
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"folds": folds, "fold": None})})


def plan(recipe: Recipe, prepared: Prepared, few: Few | None) -> list[Recipe]:
    """Write the manifest of every part, and return each part's recipe, whose `folder` is its own.

    A draw learns from a few pictures of a fold's training part, the folds taken in turn, and is judged on all that
    the fold holds out: no source is on both sides. It has no validation part.

    Raises:
        DataError: a label with fewer pictures than a draw needs.
    """
    folds = recipe.of_folds()
    if few is None:
        recipes, plans = list(folds), list(prepared.manifests)
    else:
        recipes = [_alone(recipe, f"few-{few.per_label}/draw-{number}") for number in range(1, few.draws + 1)]
        plans = []
        for number in range(few.draws):
            source = prepared.manifests[number % len(folds)]
            plans.append(_drawn(source, few.per_label, random.Random(f"{recipe.seed} draw {number + 1}")))
    for one, rows in zip(recipes, plans, strict=True):
        edits.write(one.manifest_path, rows, prepared.contents)
    return recipes


def run(
    recipes: Sequence[Recipe],
    contents: Mapping[str, str],
    by_fit: bool,
    go_on: bool,
    done: Callable[[Part, float | None], None],
) -> list[Part]:
    """Train each part, or fit a head if `by_fit`, and evaluate it. `done` gets each part, and the seconds left.

    Of a part that was kept from before, `done` gets None as the seconds.

    With `go_on`, what was measured of just these settings and pictures (`contents` by path) before a stop is kept, and
    a training that was stopped goes on after its last epoch.

    Raises:
        CheckpointError, ConfigError, DataError: the training to go on with is of other settings or other pictures.
    """
    parts: list[Part] = []
    started, kept = time.monotonic(), 0
    for recipe in recipes:
        made_from = part.key(recipe, manifest.read(recipe.manifest_path), contents, by_fit)
        measured = part.read(recipe.folder, made_from) if go_on else None
        if measured is not None:
            kept += 1
            parts.append(measured)
            done(measured, None)
            continue
        parts.append(_measured(recipe, by_fit, go_on))
        part.write(recipe.folder, parts[-1], made_from)
        pace = (time.monotonic() - started) / (len(parts) - kept)
        done(parts[-1], pace * (len(recipes) - len(parts)))
    return parts


def _alone(recipe: Recipe, folder: str) -> Recipe:
    data = recipe.data.model_copy(update={"folds": None, "fold": None}) if recipe.data else None
    return recipe.model_copy(update={"data": data, "run_dir": recipe.run_dir / folder})


def _drawn(source: Manifest, per_label: int, rng: random.Random) -> Manifest:
    """Return the manifest with `per_label` real training pictures of each label, and without a validation part."""
    real: defaultdict[str, list[Row]] = defaultdict(list)
    for row in source.split("train"):
        if not row.path.startswith(SIMULATED):
            real[row.label].append(row)
    for label, rows in real.items():
        if len(rows) < per_label:
            raise DataError(
                f"label {label!r} has {terminal.counted(len(rows), 'picture')} to draw from: {per_label} are wanted"
            )
    kept = {row.path for rows in real.values() for row in rng.sample(rows, per_label)}

    def stays(row: Row) -> bool:
        return row.split == "eval" or (row.split == "train" and (row.path.startswith(SIMULATED) or row.path in kept))

    return replace(source, rows=tuple(row for row in source.rows if stays(row)))


def _measured(recipe: Recipe, by_fit: bool, go_on: bool) -> Part:
    started, cpu_started = time.monotonic(), _cpu_seconds()
    learned_from = _learned(recipe, by_fit, go_on)
    seconds, cpu_seconds = time.monotonic() - started, _cpu_seconds() - cpu_started
    figures = _evaluated(recipe)
    return Part(
        name=recipe.folder.name,
        learned_from=learned_from,
        images=figures["images"],
        right=figures["right"],
        share=figures["top_1"],
        share_95=figures["top_1_95"],
        unsure=figures["outcomes"]["unsure"],
        defect_images=figures["escapes"]["defect_images"],
        passed_ok=figures["escapes"]["passed_ok"],
        clean_images=figures["false_alarms"]["clean_images"],
        called_defect=figures["false_alarms"]["called_defect"],
        bins=figures["calibration"]["bins_after"],
        notes=figures["calibration"]["notes"],
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        report=str(recipe.report_dir / report.PAGE),
        wrong=figures["wrong"],
        confusion=figures["confusion"]["rows_are_truth"],
    )


def _learned(recipe: Recipe, by_fit: bool, go_on: bool) -> int:
    """Train or fit; the number of pictures in the training part."""
    if by_fit:
        with ProgressBar() as progress:
            fit(recipe, progress)
    else:
        with EpochProgress(recipe.training.epochs) as progress:
            train(recipe, progress, go_on)
    return len(manifest.read(recipe.manifest_path).split("train"))


def _evaluated(recipe: Recipe) -> dict[str, Any]:
    """Return the report of the last checkpoint on the real pictures held out; drawn ones are the same in every part."""
    rows = manifest.read(recipe.manifest_path)
    with ProgressBar() as progress:
        data = evaluate.load(rows, tuple(_real(rows.split("eval"))), progress)
        model = evaluate.open_checkpoint(recipe.last_checkpoint, fast=True)
        done = evaluate.evaluate(model, None, recipe.decision, rows, data, progress)
    report.save(recipe.report_dir, done.report, rows)
    return done.report


def _real(rows: Sequence[Row]) -> Iterator[Row]:
    return (row for row in rows if not row.path.startswith(SIMULATED))


def _cpu_seconds() -> float:
    """Return the CPU time of this process, all threads, in user and system mode."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
