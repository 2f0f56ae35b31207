"""Owns prepare: finds the pictures, checks that each can be read, and freezes labels and split in the manifest."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inspector import image, renderer
from inspector.errors import ImageError
from trainer import lists
from trainer.config import Data, Recipe, Simulated
from trainer.manifest import SIMULATED, DataError, Manifest, Row, Split


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that stands in the data but cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """The manifest, not yet written, and what was left out of it."""

    manifest: Manifest
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    label: str
    split: Split
    source: str


def prepare(recipe: Recipe) -> Prepared:
    """Find and check every picture of the recipe, and draw the splits with its seed.

    Raises:
        DataError: unknown labels, lists that cannot be read, a label without a training image.
    """
    rows: list[Row] = []
    skipped: list[Skipped] = []
    if recipe.data is not None:
        found = list(_listed(recipe, recipe.data) if recipe.data.train_list else _folders(recipe, recipe.data))
        usable = [entry for entry in found if _usable(recipe.data.root, entry, skipped)]
        if found and not usable:
            raise DataError(
                f"{recipe.data.root}: none of its {len(found)} pictures can be read, the first: "
                f"{skipped[0].path}: {skipped[0].reason}"
            )
        rows += _with_validation(usable, recipe.data.val_share, recipe.seed)
    if recipe.simulated is not None:
        rows += _simulated(recipe, recipe.simulated)
    for label in recipe.labels:
        if not any(row.label == label.name and row.split == "train" for row in rows):
            raise DataError(f"label {label.name!r} has no training image: add some, or take it out of `labels`")
    root = recipe.data.root.resolve() if recipe.data else Path()
    return Prepared(Manifest(root, tuple(spec.label() for spec in recipe.labels), tuple(rows)), tuple(skipped))


def names_of(recipe: Recipe) -> dict[str, str]:
    """Every label name and alias, and the recipe's name for it."""
    return {name: spec.name for spec in recipe.labels for name in (spec.name, *spec.aliases)}


def rows_of_list(recipe: Recipe, path: Path) -> tuple[Row, ...]:
    """Any `path label` list as eval rows, in the manifest or not. DataError names the line."""
    names = names_of(recipe)
    label_file = recipe.data.root / recipe.data.label_file if recipe.data and recipe.data.label_file else None
    ids = lists.read_label_file(label_file, names) if label_file else {}
    return tuple(Row(entry.path, entry.label, "eval", path.name) for entry in lists.read_list(path, names, ids))


def _listed(recipe: Recipe, data: Data) -> Iterator[_Found]:
    names = names_of(recipe)
    ids = lists.read_label_file(data.root / data.label_file, names) if data.label_file else {}
    seen: dict[str, str] = {}
    parts: tuple[tuple[str | None, Split], ...] = ((data.train_list, "train"), (data.eval_list, "eval"))
    for list_name, split in parts:
        for entry in lists.read_list(data.root / list_name, names, ids) if list_name else ():
            where = f"{list_name}, line {entry.line}"
            if entry.path in seen:
                raise DataError(
                    f"{data.root / where}: {entry.path} is in {seen[entry.path]} too: "
                    "what is trained on cannot be evaluated on"
                )
            seen[entry.path] = where
            yield _Found(entry.path, entry.label, split, str(list_name))


def _folders(recipe: Recipe, data: Data) -> Iterator[_Found]:
    names = names_of(recipe)
    try:
        folders = sorted(path for path in data.root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{data.root}: {error.strerror}; data.root holds one folder a class") from None
    if not folders:
        raise DataError(f"{data.root}: no folders; data.root holds one folder a class, or set data.train_list")
    for folder in folders:
        if folder.name not in names:
            raise DataError(f"{folder}: no label or alias of the recipe is called so ({', '.join(names)})")
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        held_out = _draw(len(files), data.eval_share, recipe.seed, f"eval {folder.name}")
        for index, file in enumerate(files):
            split: Split = "eval" if index in held_out else "train"
            yield _Found(f"{folder.name}/{file.name}", names[folder.name], split, folder.name)


def _usable(root: Path, entry: _Found, skipped: list[Skipped]) -> bool:
    try:
        if any(mark in entry.path for mark in "\t\n\r"):
            raise ImageError("tab or line break in the name: a manifest line cannot hold it")
        image.read(root / entry.path)
    except ImageError as error:
        skipped.append(Skipped(entry.path, str(error)))
    except OSError as error:
        skipped.append(Skipped(entry.path, str(error.strerror)))
    else:
        return True
    return False


def _with_validation(found: Iterable[_Found], share: float, seed: int) -> Iterator[Row]:
    """Move a drawn share of each label's training rows to the validation part."""
    entries = list(found)
    for label in dict.fromkeys(entry.label for entry in entries):
        training = [entry for entry in entries if entry.label == label and entry.split == "train"]
        drawn = _draw(len(training), share, seed, f"val {label}")
        for index, entry in enumerate(training):
            yield Row(entry.path, label, "val" if index in drawn else "train", entry.source)
    for entry in entries:
        if entry.split == "eval":
            yield Row(entry.path, entry.label, "eval", entry.source)


def _simulated(recipe: Recipe, plan: Simulated) -> Iterator[Row]:
    """One running seed over all splits, so that no picture is ever on two sides."""
    seed = plan.first_seed
    parts: tuple[tuple[Split, int, int], ...] = (
        ("train", plan.train_ok, plan.train_per_defect),
        ("val", plan.val_ok, plan.val_per_defect),
        ("eval", plan.eval_ok, plan.eval_per_defect),
    )
    for split, ok, per_defect in parts:
        for spec in recipe.labels:
            count = ok if spec.name == "ok" else per_defect if spec.name in renderer.DEFECTS else 0
            for _ in range(count):
                yield Row(f"{SIMULATED}{spec.name}:{seed}", spec.name, split, "simulated")
                seed += 1


def _draw(count: int, share: float, seed: int, purpose: str) -> set[int]:
    return set(random.Random(f"{seed} {purpose}").sample(range(count), round(count * share)))
