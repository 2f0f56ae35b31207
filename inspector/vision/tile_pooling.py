"""Owns what tiles that overlap by half say together: of each place that several of them show, their mean. Pure, no I/O.

One tile in ten thousand is mistaken by chance of its cut; that the four tiles around a place are mistaken alike is
rarer. The mean of logits is the geometric mean of the probabilities: one tile that is sure it is not so weighs much.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.vision.decision import DecisionRules, TileDecision, decide_tiles
from inspector.vision.tiling import Tile

#: The rim of a place is this part of a tile. On 72 m2 of simulated strip, 8 regions of places without a rim lay beside
#: what was drawn and did not touch it; of places as large as a tile 15 of 93 began too early, by more than a tile.
_RIM = 8
_HALF = np.float32(0.5)


class Decided(NamedTuple):
    """What is decided of a frame: its places, row by row, what each is, and where in the frame that was seen."""

    places: Sequence[Tile]
    decisions: Sequence[TileDecision]
    shown: Sequence[Tile]


class Pooled(NamedTuple):
    """Places of a frame, row by row; of each the scores, float32 (places, outputs), and the contrast, (places,)."""

    places: tuple[Tile, ...]
    scores: NDArray[np.float32]
    contrasts: NDArray[np.float32]


def pool(tiles: Sequence[Tile], scores: NDArray[np.float32], contrasts: NDArray[np.float32]) -> Pooled:
    """What 2 x 2 neighbouring tiles show together, of all that `tiles.cut` made; where there is one row, 1 x 2.

    A place is what its tiles share and a rim around it, and at the frame's border what only one of them shows.
    Scores are the mean; the contrast is the least, so that a blank tile is not made up for by its neighbours.
    """
    tops, lefts = sorted({tile.y for tile in tiles}), sorted({tile.x for tile in tiles})
    mean: NDArray[np.float32] = scores.reshape(len(tops), len(lefts), -1)
    least: NDArray[np.float32] = contrasts.reshape(len(tops), len(lefts))
    for axis in (0, 1):
        one, next_ = _neighbours(mean, axis)
        mean = _HALF * one + _HALF * next_  # each by itself: the sum of two of the least numbers there are is none
        least = np.minimum(*_neighbours(least, axis))
    places = tuple(
        Tile(left, top, right - left, bottom - top)
        for top, bottom in _shared(tops, tiles[0].height)
        for left, right in _shared(lefts, tiles[0].width)
    )
    return Pooled(places, mean.reshape(len(places), -1), least.reshape(-1))


def decide(
    tiles: Sequence[Tile], scores: NDArray[np.float32], contrasts: NDArray[np.float32], rules: DecisionRules
) -> Decided:
    """Decide each place by all the tiles that show it, and by the numbers that hold for places.

    A defect that none of them sees by itself is unsure: it is what the mean of two other things looks like. Where only
    the ones on one side see it, it is the edge of something that may lie anywhere in what they show, not only in the
    place.
    """
    pooled = pool(tiles, scores, contrasts)
    said, shown = decide_tiles(pooled.scores, pooled.contrasts, rules.of_places()), list(pooled.places)
    calls = scores[:, : len(rules.labels)].argmax(axis=1)
    wide, columns = (len({one.x for one in all_of}) for all_of in (tiles, pooled.places))
    numbers = np.arange(len(tiles)).reshape(-1, wide)
    for at, one in enumerate(said):
        if one.outcome != "defect":
            continue
        row, column = divmod(at, columns)
        around = numbers[row : row + 2, column : column + 2].ravel().tolist()  # of one row or column of tiles, that one
        if agreeing := [tiles[tile] for tile in around if rules.labels[calls[tile]].name == one.label]:
            shown[at] = _side(shown[at], agreeing)
        else:
            reason = f"no tile by itself shows {one.label}"
            said[at] = replace(one, outcome="unsure", severity="none", reason=reason)
    return Decided(pooled.places, said, shown)


def _side(place: Tile, agreeing: Sequence[Tile]) -> Tile:
    """The place, along and across; where only one column or row of tiles agrees, all that it shows."""
    columns, rows = {(tile.x, tile.width) for tile in agreeing}, {(tile.y, tile.height) for tile in agreeing}
    x, width = columns.pop() if len(columns) == 1 else (place.x, place.width)
    y, height = rows.pop() if len(rows) == 1 else (place.y, place.height)
    return Tile(x, y, width, height)


def _neighbours(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Each along the axis, and its next; where there is but one, that one twice."""
    last = values.shape[axis]
    if last == 1:
        return values, values
    return values.take(range(last - 1), axis), values.take(range(1, last), axis)


def _shared(starts: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Of each two that follow each other from where to where they share; the first and last reach to the border."""
    if len(starts) == 1:
        return [(starts[0], starts[0] + size)]
    begins = [starts[0], *(start - size // _RIM for start in starts[2:])]
    ends = [*(start + size + size // _RIM for start in starts[:-2]), starts[-1] + size]
    return list(zip(begins, ends, strict=True))
