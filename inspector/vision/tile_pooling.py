"""Owns the pooling of tiles that overlap by half: the mean score of each place that several tiles show. Pure, no I/O.

One tile in ten thousand is wrong because of where it was cut; that all four tiles around a place are wrong alike is
rarer. The mean of logits is the geometric mean of the probabilities: one tile that is sure of the contrary weighs much.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.vision.decision import DecisionRules, TileDecision, decide_tiles
from inspector.vision.tiling import Tile
from inspector.vocabulary import Reason

#: A tile's side over the rim of a place. On 72 m2 of simulated strip, 8 regions of places without a rim lay beside the
#: drawn defect and did not touch it; with places as large as a tile, 15 of 93 regions began more than a tile too early.
_RIM = 8
_HALF = np.float32(0.5)


class Decided(NamedTuple):
    """The decisions of a frame: its places, row by row, the decision of each, and the area that shows it."""

    places: Sequence[Tile]
    decisions: Sequence[TileDecision]
    shown: Sequence[Tile]


class Pooled(NamedTuple):
    """The places of a frame, row by row, with scores, float32 (places, outputs), and contrasts, (places,)."""

    places: tuple[Tile, ...]
    scores: NDArray[np.float32]
    contrasts: NDArray[np.float32]


def pool(tiles: Sequence[Tile], scores: NDArray[np.float32], contrasts: NDArray[np.float32]) -> Pooled:
    """Pool each 2 x 2 neighbouring tiles of a frame, all made by `tiling.cut`; 1 x 2 if there is one row.

    A place is the area that its tiles share and a rim around it, at the frame's border also what one of them shows.
    Its scores are the mean. Its contrast is the least, so that neighbours do not make up for a blank tile.
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
    """Decide each place by all the tiles that show it, and by the rules for places.

    A defect that none of the tiles shows by itself is unsure: it is the mean of two other things. If only the tiles on
    one side show it, it is the edge of a defect that may lie anywhere in these tiles, not only in the place.
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
            reason = Reason("no_single_tile", one.label)
            said[at] = replace(one, outcome="unsure", severity="none", reason=reason)
    return Decided(pooled.places, said, shown)


def _side(place: Tile, agreeing: Sequence[Tile]) -> Tile:
    """Return the place; if only one column or row of tiles agrees, all that these tiles show in that direction."""
    columns, rows = {(tile.x, tile.width) for tile in agreeing}, {(tile.y, tile.height) for tile in agreeing}
    x, width = columns.pop() if len(columns) == 1 else (place.x, place.width)
    y, height = rows.pop() if len(rows) == 1 else (place.y, place.height)
    return Tile(x, y, width, height)


def _neighbours(values: NDArray[np.float32], axis: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each value along the axis and its next one; if there is only one, that value twice."""
    last = values.shape[axis]
    if last == 1:
        return values, values
    return values.take(range(last - 1), axis), values.take(range(1, last), axis)


def _shared(starts: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Return what each two consecutive tiles share, from and to; the first and the last reach to the border."""
    if len(starts) == 1:
        return [(starts[0], starts[0] + size)]
    begins = [starts[0], *(start - size // _RIM for start in starts[2:])]
    ends = [*(start + size + size // _RIM for start in starts[:-2]), starts[-1] + size]
    return list(zip(begins, ends, strict=True))
