"""Owns what overlaps mean for a split: groups of pictures from one source, and how much of a list was seen before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trainer.data.duplicates.overlapping_crops import Box, Overlap


class Link(Protocol):
    """Two pictures of one source: an overlap, or a copy."""

    @property
    def first(self) -> int:
        """Index of one picture."""

    @property
    def second(self) -> int:
        """Index of the other."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How much of the held-out pictures is in the training pictures too, pixel for pixel."""

    held_out: int
    #: Held-out pictures that share pixels with a training picture, and those linked to one over any number of others.
    overlapping: tuple[int, ...]
    same_source: tuple[int, ...]
    #: Pairs of a held-out and a training picture that share pixels.
    pairs: int
    #: Of all held-out pixels, the share that lies in an overlap with at least one training picture.
    area_share: float


def groups(count: int, links: Iterable[Link]) -> list[int]:
    """Return the group of each of `count` pictures: those linked, directly or over others, share one.

    Groups are numbered from 0 by their first picture, whatever the order of the links. Union by smallest member
    with path halving (Tarjan and van Leeuwen, 1984): nearly linear.
    """
    parent = list(range(count))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    for link in links:
        low, high = sorted((root(link.first), root(link.second)))
        parent[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(index), len(numbers)) for index in range(count)]


def seen(
    train: Iterable[int],
    held_out: Sequence[int],
    overlaps: Sequence[Overlap],
    shapes: Sequence[tuple[int, int]],
    links: Sequence[Link] = (),
) -> Seen:
    """Return how much training has seen of the held-out pictures. `shapes`: (height, width) of every picture.

    `links` are of one source beyond the overlaps: pairs and area count overlaps alone.

    Raises:
        ValueError: a picture is in both lists.
    """
    known = set(train)
    if both := known.intersection(held_out):
        raise ValueError(f"{len(both)} pictures are trained on and held out, the first: {min(both)}")
    boxes: dict[int, list[Box]] = {index: [] for index in held_out}
    for overlap in overlaps:
        if overlap.first in boxes and overlap.second in known:
            boxes[overlap.first].append(overlap.first_box)
        if overlap.second in boxes and overlap.first in known:
            boxes[overlap.second].append(overlap.second_box)
    number = groups(len(shapes), [*overlaps, *links])
    trained = {number[index] for index in known}
    area = sum(shapes[index][0] * shapes[index][1] for index in boxes)
    return Seen(
        held_out=len(boxes),
        overlapping=tuple(index for index in boxes if boxes[index]),
        same_source=tuple(index for index in boxes if number[index] in trained),
        pairs=sum(map(len, boxes.values())),
        area_share=sum(_covered(shapes[index], boxes[index]) for index in boxes) / area if area else 0.0,
    )


def _covered(shape: tuple[int, int], boxes: Iterable[Box]) -> int:
    """Return the number of pixels under at least one box."""
    covered = np.zeros(shape, bool)
    for x, y, width, height in boxes:
        covered[y : y + height, x : x + width] = True
    return int(covered.sum())
