"""Owns prepare: checks that each picture can be read, links those of one source, freezes labels and split."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector import image, renderer
from inspector.errors import ImageError
from trainer import copies, groups, overlap, sources
from trainer.config import Recipe, Simulated
from trainer.copies import Copy
from trainer.groups import Link, Seen
from trainer.manifest import CUT, SIMULATED, SPLITS, DataError, Manifest, Row, Split
from trainer.overlap import Overlap
from trainer.sources import Found
from trainer.split import draw

#: Told what is done, how many pictures of how many.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that stands in the data but cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """The usable pictures, in the order of the manifest's real rows, and the group of each, "" where it is alone.

    Overlaps and copies name pictures by their place here.
    """

    found: tuple[Found, ...]
    pixels: tuple[NDArray[np.uint8], ...] = field(compare=False)
    overlaps: tuple[Overlap, ...]
    copies: tuple[Copy, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The manifest, not yet written, or one a fold; what was left out of it, and what its pictures share.

    `notes` say how lists were understood that do not mean what they say.
    `seen` is how much of the eval split is in the pictures that training sees; None without real eval pictures,
    and with folds, where nothing can be.
    """

    manifests: tuple[Manifest, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    pictures: Pictures
    seen: Seen | None

    @property
    def manifest(self) -> Manifest:
        """The manifest, of the first fold where there are folds."""
        return self.manifests[0]

    @property
    def groups(self) -> dict[str, int]:
        """How many pictures each group of more than one has, the largest first."""
        counts = Counter(row.group for row in self.manifest.rows if row.group)
        return {group: count for group, count in counts.most_common() if count > 1}


class _Pair(NamedTuple):
    """Two pictures of one source, by what their groups say."""

    first: int
    second: int


def prepare(recipe: Recipe, progress: Progress = lambda what, done, total: None) -> Prepared:
    """Find and check every picture of the recipe, group overlapping crops and copies, draw the splits by its seed.

    Pictures of one group are never on two sides of a split drawn here. Lists are followed as they are.

    Raises:
        DataError: unknown labels, lists that cannot be read, a label without a training image.
    """
    skipped: list[Skipped] = []
    notes: list[str] = []
    recipe = sources.with_root(recipe, anew=True)
    pictures = _pictures(recipe, skipped, notes, progress)
    root = recipe.data.root.resolve() if recipe.data else Path()
    labels = tuple(spec.label() for spec in recipe.labels)
    drawn = _folds(recipe, pictures) if recipe.data and recipe.data.folds else [_split(recipe, pictures)]
    manifests = tuple(Manifest(root, labels, _rows(recipe, pictures, splits)) for splits in drawn)
    for number, manifest in enumerate(manifests, 1):
        for label in sorted({label.name for label in labels} - {row.label for row in manifest.split("train")}):
            where = f" in fold {number} of {len(manifests)}" if len(manifests) > 1 else ""
            raise DataError(f"label {label!r} has no training image{where}: add some, or take it out of `labels`")
    seen = _seen(pictures, manifests[0].rows) if len(manifests) == 1 else None
    return Prepared(manifests, tuple(skipped), tuple(notes), pictures, seen)


def rows_of_list(recipe: Recipe, path: Path) -> tuple[Row, ...]:
    """Any `path label` list as eval rows, in the manifest or not. DataError names the line."""
    entries = sources.entries_of(sources.with_root(recipe, anew=False), path, [])
    return tuple(Row(entry.path, entry.label, "eval", path.name) for entry in entries)


def _pictures(recipe: Recipe, skipped: list[Skipped], notes: list[str], progress: Progress) -> Pictures:
    if recipe.data is None:
        return Pictures((), (), (), (), ())
    root, found = recipe.data.root, sources.find(recipe, recipe.data, notes)
    read: list[tuple[Found, NDArray[np.uint8]]] = []
    for done, entry in enumerate(found, 1):
        pixels = _read(root, entry, skipped)
        if pixels is not None:
            read.append((entry, pixels))
        progress("reading", done, len(found))
    if found and not read:
        first = skipped[0]
        raise DataError(
            f"{root}: none of its {len(found)} pictures can be read, the first: {first.path}: {first.reason}"
        )
    usable, images = tuple(entry for entry, _ in read), tuple(pixels for _, pixels in read)
    overlaps = overlap.find_overlaps(images, lambda done, total: progress("comparing", done, total))
    same = copies.find_copies(images)
    names = _group_names(usable, [*overlaps, *same], sources.groups_of(recipe.data, usable, notes))
    return Pictures(usable, images, tuple(overlaps), tuple(same), names)


def _read(root: Path, entry: Found, skipped: list[Skipped]) -> NDArray[np.uint8] | None:
    try:
        if any(mark in entry.path for mark in "\t\n\r"):
            raise ImageError("tab or line break in the name: a manifest line cannot hold it")
        return image.read(root / entry.path)
    except (ImageError, OSError) as error:
        reason = str(error.strerror) if isinstance(error, OSError) else str(error)
        skipped.append(Skipped(entry.path, f"{entry.source}, line {entry.line}: {reason}" if entry.line else reason))
    return None


def _group_names(found: Sequence[Found], links: Sequence[Link], given: Mapping[str, str]) -> tuple[str, ...]:
    """A group is called as it was given, or after its first picture; a picture linked to no other has none.

    Pictures of one given group are linked, and overlaps join given groups: the name is then the first.
    """
    same = _same([given.get(entry.path, "") for entry in found])
    numbers = groups.groups(len(found), [*links, *same])
    sizes = Counter(numbers)
    names: dict[int, str] = {}
    for entry, number in zip(found, numbers, strict=True):
        if entry.path in given and number not in names:
            names[number] = given[entry.path]
    for entry, number in zip(found, numbers, strict=True):
        names.setdefault(number, entry.path if sizes[number] > 1 else "")
    return tuple(names[number] for number in numbers)


def _same(names: Sequence[str]) -> list[_Pair]:
    """A link from each picture with a name to the first that has it."""
    firsts: dict[str, int] = {}
    return [_Pair(firsts.setdefault(name, index), index) for index, name in enumerate(names) if name]


def _split(recipe: Recipe, pictures: Pictures) -> list[Split]:
    """What the lists say, and drawn where they say nothing: the validation part of their train list, or all three."""
    if recipe.data is None:
        return []
    evaluation = 0.0 if recipe.data.train_list else recipe.data.eval_share
    free = [index for index, entry in enumerate(pictures.found) if entry.split != "eval"]
    return _drawn(pictures, free, recipe.data.val_share, evaluation, f"{recipe.seed} split")


def _folds(recipe: Recipe, pictures: Pictures) -> Iterator[list[Split]]:
    """One split a fold: every picture is in eval once; the validation part is drawn from the rest."""
    if recipe.data is None or recipe.data.folds is None:
        return
    count, val = recipe.data.folds, recipe.data.val_share
    labels = [entry.label for entry in pictures.found]
    folds = draw(labels, _group_keys(pictures), [1 / count] * count, f"{recipe.seed} folds")
    for fold in range(count):
        free = [index for index, part in enumerate(folds) if part != fold]
        yield _drawn(pictures, free, val, 0.0, f"{recipe.seed} fold {fold}")


def _drawn(pictures: Pictures, free: Sequence[int], val: float, evaluation: float, seed: str) -> list[Split]:
    """The `free` pictures split by drawing, `val` of what is not evaluated; all others are evaluated."""
    shares = [(1 - evaluation) * (1 - val), (1 - evaluation) * val, evaluation]
    keys = _group_keys(pictures)
    parts = draw([pictures.found[index].label for index in free], [keys[index] for index in free], shares, seed)
    splits: list[Split] = ["eval"] * len(pictures.found)
    for index, part in zip(free, parts, strict=True):
        splits[index] = SPLITS[part]
    return splits


def _group_keys(pictures: Pictures) -> list[str | int]:
    """The group of each picture; one that is alone is a group by itself."""
    return [group or index for index, group in enumerate(pictures.groups)]


def _rows(recipe: Recipe, pictures: Pictures, splits: Sequence[Split]) -> tuple[Row, ...]:
    real = [
        Row(entry.path, entry.label, split, entry.source, group)
        for entry, split, group in zip(pictures.found, splits, pictures.groups, strict=True)
    ]
    return (*real, *(_simulated(recipe, recipe.simulated) if recipe.simulated else ()))


def _seen(pictures: Pictures, rows: Sequence[Row]) -> Seen | None:
    """What training, validation included, has seen of the real eval pictures, which come first in `rows`."""
    held_out = [index for index in range(len(pictures.found)) if rows[index].split == "eval"]
    if not held_out:
        return None
    known = set(range(len(pictures.found))).difference(held_out)
    shapes = [(pixels.shape[0], pixels.shape[1]) for pixels in pictures.pixels]
    return groups.seen(known, held_out, pictures.overlaps, shapes, _same(pictures.groups))


def _simulated(recipe: Recipe, plan: Simulated) -> Iterator[Row]:
    """One running seed over all splits, so that no picture is ever on two sides."""
    seed = plan.first_seed
    parts: tuple[tuple[Split, int, int, str, str], ...] = (
        ("train", plan.train_ok, plan.train_per_defect, "", "simulated"),
        ("val", plan.val_ok, plan.val_per_defect, "", "simulated"),
        ("eval", plan.eval_ok, plan.eval_per_defect, "", "simulated"),
        ("train", plan.train_cut_ok, plan.train_cut_per_defect, CUT, "cut"),
        ("val", plan.val_cut_ok, plan.val_cut_per_defect, CUT, "cut"),
        ("eval", plan.eval_cut_ok, plan.eval_cut_per_defect, CUT, "cut"),
    )
    for split, ok, per_defect, prefix, source in parts:
        for spec in recipe.labels:
            count = ok if spec.name == "ok" else per_defect if spec.name in renderer.DEFECTS else 0
            for _ in range(count):
                yield Row(f"{SIMULATED}{prefix}{spec.name}:{seed}", spec.name, split, source)
                seed += 1
