"""Owns cross-validation: prepare once, then train and evaluate every fold, or draws of a few pictures, and pool them.

Each part is trained by `trainer.train`, or by `trainer.fit` where the network is frozen, exactly as alone; it is
judged by its last checkpoint on pictures whose sources it has not seen. The figures of all parts are the answer to
"how good is this recipe on new strip", where one split of a few hundred pictures is a guess.
"""

import json
import random
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from inspector.errors import ConfigError
from trainer import edits, evaluate, manifest, metrics, report
from trainer.bar import Bar
from trainer.config import Recipe
from trainer.fit import fit
from trainer.manifest import SIMULATED, DataError, Manifest, Row
from trainer.metrics import percent
from trainer.prepare import Prepared
from trainer.progress import Progress
from trainer.train import train

#: The file that `save` writes into the recipe's run_dir.
REPORT = "folds.json"
#: Folds where the recipe does not say how many.
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Few:
    """So many real pictures of each label are learned from, in so many draws. `draws`: 1 or more, `per_label` too."""

    per_label: int
    draws: int


@dataclass(frozen=True, slots=True)
class Part:
    """One fold or draw as measured. `seconds` of wall time and `cpu_seconds` of all threads are of the training alone.

    `share_95` is the Wilson interval of `right` of `images`. `wrong` and `confusion` are as in report.json.
    """

    name: str
    learned_from: int
    images: int
    right: int
    share: float
    share_95: tuple[float, float]
    unsure: int
    seconds: float
    cpu_seconds: float
    report: str
    wrong: list[dict[str, Any]]
    confusion: list[list[int]]


def of_all(recipe: Recipe) -> Recipe:
    """The recipe with folds. ConfigError where it has no pictures to divide."""
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
    for part, rows in zip(recipes, plans, strict=True):
        edits.write(part.manifest_path, rows, prepared.contents)
    return recipes


def run(recipes: Sequence[Recipe], by_fit: bool, told: Callable[[Part, float], None]) -> list[Part]:
    """Train each part, or fit a head where `by_fit`, and evaluate it. `told` gets it, and the seconds that are left."""
    parts: list[Part] = []
    started = time.monotonic()
    for recipe in recipes:
        parts.append(_measured(recipe, by_fit))
        pace = (time.monotonic() - started) / len(parts)
        told(parts[-1], pace * (len(recipes) - len(parts)))
    return parts


def pooled(recipe: Recipe, by_fit: bool, parts: Sequence[Part], few: Few | None) -> dict[str, Any]:
    """The content of folds.json: the parts, and what they say together.

    Of folds, each picture is judged once, and the share has its Wilson interval. Draws judge a picture several times:
    their spread is given by the least and the largest, and no interval is claimed.
    """
    names = [label.name for label in recipe.labels]
    table = np.sum([part.confusion for part in parts], axis=0)
    images, right = sum(part.images for part in parts), sum(part.right for part in parts)
    shares = [part.share for part in parts]
    return {
        "recipe": recipe.name,
        "learned_by": "fit" if by_fit else "train",
        "per_label_images": few.per_label if few else None,
        "images": images,
        "right": right,
        "share": right / images,
        "share_95": None if few else metrics.wilson(right, images),
        "share_mean": statistics.mean(shares),
        "share_least": min(shares),
        "share_largest": max(shares),
        "unsure": sum(part.unsure for part in parts),
        "seconds_median": round(statistics.median(part.seconds for part in parts), 1),
        "seconds_most": max(part.seconds for part in parts),
        "per_label": [asdict(figures) for figures in metrics.per_label(table, names)],
        "confusion": {"labels": names, "rows_are_truth": table.tolist()},
        "parts": [asdict(part) for part in parts],
    }


def save(recipe: Recipe, figures: dict[str, Any], few: Few | None) -> Path:
    """Write folds.json whole or not at all, and return its path: in run_dir, of draws in their folder of it."""
    folder = recipe.run_dir / f"few-{few.per_label}" if few else recipe.run_dir
    report.write(folder / REPORT, (json.dumps(figures, indent=2) + "\n").encode(errors="surrogateescape"))
    return folder / REPORT


def line(part: Part, left_s: float) -> str:
    """What a person who waits is told when a part is done."""
    figures = f"{part.right} of {part.images} right, {percent(asdict(part), 'share')} %"
    return f"{part.name}: {figures}; learned in {part.seconds:.0f} s; {left_s / 60:.1f} min left"


def show(figures: dict[str, Any]) -> None:
    """Print the parts, the pool and its confusion matrix."""
    console = Console(emoji=False, highlight=False, markup=False, soft_wrap=True)
    heads = ("part", "learned from", "right", "right %", "unsure", "s", "CPU s")
    table = Table(*heads, box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for part in figures["parts"]:
        cells = (part["learned_from"], f"{part['right']} of {part['images']}", percent(part, "share"), part["unsure"])
        table.add_row(part["name"], *map(str, cells), f"{part['seconds']:.0f}", f"{part['cpu_seconds']:.0f}")
    console.print(table)
    spread = f"{100 * figures['share_least']:.2f} to {100 * figures['share_largest']:.2f} %"
    whole = f"{figures['right']} of {figures['images']} right"
    if figures["share_95"]:
        whole += f", {percent(figures, 'share')} %"
    console.print(f"together {whole}; mean {100 * figures['share_mean']:.2f} %, from {spread}")
    console.print(report.confusion(figures))
    wrong = [(part["name"], row) for part in figures["parts"] for row in part["wrong"]]
    for name, row in wrong[:10]:
        console.print(
            f"wrong in {name}: {report.plain(row['path'])} is {row['label']}, "
            f"called {row['predicted']} ({row['score']:.2f})"
        )
    if len(wrong) > 10:
        console.print(f"… and {len(wrong) - 10} more in {REPORT}")


def _alone(recipe: Recipe, folder: str) -> Recipe:
    data = recipe.data.model_copy(update={"folds": None, "fold": None}) if recipe.data else None
    return recipe.model_copy(update={"data": data, "run_dir": recipe.run_dir / folder})


def _drawn(source: Manifest, per_label: int, rng: random.Random) -> Manifest:
    """The manifest with so many real training pictures of each label, no validation part, all else as it is."""
    real: defaultdict[str, list[Row]] = defaultdict(list)
    for row in source.split("train"):
        if not row.path.startswith(SIMULATED):
            real[row.label].append(row)
    for label, rows in real.items():
        if len(rows) < per_label:
            raise DataError(f"label {label!r} has {len(rows)} pictures to draw from: {per_label} are wanted")
    kept = {row.path for rows in real.values() for row in rng.sample(rows, per_label)}

    def stays(row: Row) -> bool:
        return row.split == "eval" or (row.split == "train" and (row.path.startswith(SIMULATED) or row.path in kept))

    return Manifest(source.root, source.labels, tuple(row for row in source.rows if stays(row)))


def _measured(recipe: Recipe, by_fit: bool) -> Part:
    started, cpu_started = time.monotonic(), _cpu_seconds()
    learned_from = _learned(recipe, by_fit)
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
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        report=str(recipe.report_dir / report.PAGE),
        wrong=figures["wrong"],
        confusion=figures["confusion"]["rows_are_truth"],
    )


def _learned(recipe: Recipe, by_fit: bool) -> int:
    """Train or fit; the number of pictures in the training part."""
    if by_fit:
        with Bar() as bar:
            fit(recipe, bar)
    else:
        with Progress(recipe.training.epochs) as progress:
            train(recipe, progress)
    return len(manifest.read(recipe.manifest_path).split("train"))


def _evaluated(recipe: Recipe) -> dict[str, Any]:
    """The report of the last checkpoint on the real pictures held out: simulated ones are the same for every part."""
    rows = manifest.read(recipe.manifest_path)
    data = evaluate.load(rows, tuple(_real(rows.split("eval"))))
    with Bar() as bar:
        model = evaluate.open_checkpoint(recipe.last_checkpoint, fast=True)
        done = evaluate.evaluate(model, None, recipe.decision, rows, data, bar)
    report.save(recipe.report_dir, done.report, rows.root)
    return done.report


def _real(rows: Sequence[Row]) -> Iterator[Row]:
    return (row for row in rows if not row.path.startswith(SIMULATED))


def _cpu_seconds() -> float:
    """Of this process, all its threads, in user and system mode."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
