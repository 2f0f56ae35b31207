"""Owns the usable pictures of a recipe: found, read, known by content, those of one source linked into groups."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from trainer.data import crop, dataset, depth, find_images, groups
from trainer.data.corrections import corrections
from trainer.data.corrections.corrections import Correction, Corrections
from trainer.data.duplicates import overlapping_crops
from trainer.data.duplicates.near_duplicates import Copy, find_copies
from trainer.data.duplicates.overlapping_crops import Overlap
from trainer.data.find_images import Found
from trainer.data.groups import Link
from trainer.data.manifest import DataError, Row
from trainer.progress.callback import Progress
from trainer.recipe.recipe import Recipe

L = TypeVar("L", Overlap, Copy)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture that stands in the data but cannot be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """The usable pictures, in the order of the manifest's real rows, and the group of each, "" where it is alone.

    Overlaps and copies name pictures by their place here. `contents` are what corrections know them by. `bit_depth` is
    how many bits those of 16 bits use; None: there are none.
    """

    found: tuple[Found, ...]
    pixels: tuple[NDArray[np.uint8], ...] = field(compare=False)
    overlaps: tuple[Overlap, ...]
    copies: tuple[Copy, ...]
    groups: tuple[str, ...]
    contents: tuple[str, ...] = ()
    bit_depth: int | None = None

    def of(self, rows: Sequence[Row]) -> "Pictures":
        """Return the pictures in a manifest's rows, in its order, with its labels, sources and groups."""
        index = {entry.path: number for number, entry in enumerate(self.found)}
        real = [row for row in rows if row.path in index]
        kept = [index[row.path] for row in real]
        place = {number: new for new, number in enumerate(kept)}
        return Pictures(
            tuple(replace(self.found[index[row.path]], label=row.label, source=row.source) for row in real),
            tuple(self.pixels[number] for number in kept),
            tuple(_moved(self.overlaps, place)),
            tuple(_moved(self.copies, place)),
            tuple(row.group for row in real),
            tuple(self.contents[number] for number in kept),
            self.bit_depth,
        )


def _moved(links: Iterable[L], place: Mapping[int, int]) -> Iterator[L]:
    """Yield the links between pictures that are still there, by their new places."""
    for link in links:
        if link.first in place and link.second in place:
            yield replace(link, first=place[link.first], second=place[link.second])


class Pair(NamedTuple):
    """Two pictures of one source, by what their groups say."""

    first: int
    second: int


def read(recipe: Recipe, known: Corrections, skipped: list[Skipped], notes: list[str], progress: Progress) -> Pictures:
    """Return every picture of the recipe that can be read; others go to `skipped`, what is odd to `notes`.

    Added are those that corrections alone name.

    Raises:
        DataError: unknown labels, lists that cannot be read, or not one picture that can.
    """
    if recipe.data is None:
        return Pictures((), (), (), (), ())
    root, found = recipe.data.root, find_images.find(recipe, recipe.data, notes, progress)
    bit_depth = depth.of(root, [entry.path for entry in found], recipe.data.bit_depth, progress)
    usable = _usable(root, found, bit_depth, skipped, progress)
    if found and not usable:
        first = skipped[0]
        raise DataError(
            f"{root}: none of its {len(found)} pictures can be read, the first: {first.path}: {first.reason}"
        )
    added = _added(root, known, {one.content for one in usable})
    usable += _usable(root, added, bit_depth, skipped, progress)
    entries, images = tuple(one.entry for one in usable), tuple(one.pixels for one in usable)
    overlaps = overlapping_crops.find_overlaps(images, lambda done, total: progress("comparing", done, total))
    copied = find_copies(images, progress)
    names = _group_names(entries, [*overlaps, *copied], find_images.groups_of(recipe.data, entries, notes))
    contents = tuple(one.content for one in usable)
    return Pictures(entries, images, tuple(overlaps), tuple(copied), names, contents, bit_depth)


class _Usable(NamedTuple):
    entry: Found
    pixels: NDArray[np.uint8]
    content: str


def _usable(
    root: Path, found: Sequence[Found], bit_depth: int | None, skipped: list[Skipped], progress: Progress
) -> list[_Usable]:
    usable = []
    for done, entry in enumerate(found, 1):
        pixels = _read(root, entry, bit_depth, skipped)
        if pixels is not None:
            usable.append(_Usable(entry, pixels, corrections.content_of(root, entry.path)))
        progress("reading", done, len(found))
    return usable


def _added(root: Path, known: Corrections, contents: Container[str]) -> list[Found]:
    """Return the pictures that corrections add, if they lie where they did and are not in the data by now."""
    added = [one for one in known.all if one.use == "added" and one.label and one.content not in contents]
    return [Found(one.picture, one.label, None, one.source, added=True) for one in added if _is(root, one)]


def _is(root: Path, one: Correction) -> bool:
    try:
        return corrections.content_of(root, one.picture) == one.content
    except OSError:
        return False


def _read(root: Path, entry: Found, bit_depth: int | None, skipped: list[Skipped]) -> NDArray[np.uint8] | None:
    try:
        if any(mark in entry.path for mark in "\t\n\r"):
            raise ImageError("tab or line break in the name: a manifest line cannot hold it")
        return dataset.pixels_of(root, entry.path, bit_depth)
    except (ImageError, OSError) as error:
        reason = str(error.strerror) if isinstance(error, OSError) else str(error)
        skipped.append(Skipped(entry.path, f"{entry.source}, line {entry.line}: {reason}" if entry.line else reason))
    return None


def _group_names(found: Sequence[Found], links: Sequence[Link], given: Mapping[str, str]) -> tuple[str, ...]:
    """Return each picture's group, named as given or after its first picture; "" if it is linked to no other.

    Pictures of one given group are linked, and crops of one; overlaps join given groups: the name is then the first.
    """
    files = [crop.parts(entry.path)[0] for entry in found]
    one_piece = [*same([given.get(file, "") for file in files]), *same(files)]
    numbers = groups.groups(len(found), [*links, *one_piece])
    sizes = Counter(numbers)
    names: dict[int, str] = {}
    for file, number in zip(files, numbers, strict=True):
        if file in given and number not in names:
            names[number] = given[file]
    for file, number in zip(files, numbers, strict=True):
        names.setdefault(number, file if sizes[number] > 1 else "")
    return tuple(names[number] for number in numbers)


def same(names: Sequence[str]) -> list[Pair]:
    """Return a link from each picture with a name to the first that has it."""
    firsts: dict[str, int] = {}
    return [Pair(firsts.setdefault(name, index), index) for index, name in enumerate(names) if name]
