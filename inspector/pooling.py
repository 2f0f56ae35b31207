"""Owns what tiles that overlap by half say together: of each place that several of them show, their mean. Pure, no I/O.

One tile in ten thousand is mistaken by chance of its cut; that the four tiles around a place are mistaken alike is
rarer. The mean of logits is the geometric mean of the probabilities: one tile that is sure it is not so weighs much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.decide import RANK, TileDecision
from inspector.tiles import Tile

#: The rim of a place is this part of a tile. On 72 m2 of simulated strip, 8 regions of places without a rim lay beside
#: what was drawn and did not touch it; of places as large as a tile 15 of 93 began too early, by more than a tile.
_RIM = 8
_HALF = np.float32(0.5)


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


def without_rims(places: Sequence[Tile], decisions: Sequence[TileDecision]) -> list[TileDecision]:
    """The decisions of pooled places; a defect beside a surer one of another label is unsure: it is the rim of that.

    Half of its tiles show the other one, too, and what they show of it may look like something else. One that is more
    severe is never taken for a rim.
    """
    columns = len({place.x for place in places})
    said = list(decisions)
    for at, one in enumerate(decisions):
        if one.outcome != "defect":
            continue
        beside = (decisions[other] for other in _beside(at, columns, len(places)))
        surer = [other for other in beside if _hides(other, one)]
        if surer:
            reason = f"beside a surer {max(surer, key=lambda other: other.score).label}"
            said[at] = replace(one, outcome="unsure", severity="none", reason=reason)
    return said


def _hides(surer: TileDecision, defect: TileDecision) -> bool:
    other = surer.outcome == "defect" and surer.label != defect.label
    return other and surer.score > defect.score and RANK[surer.severity] >= RANK[defect.severity]


def _beside(at: int, columns: int, count: int) -> Iterator[int]:
    """The numbers of the places around a place, row by row."""
    row, column = divmod(at, columns)
    for down in (row - 1, row, row + 1):
        for right in range(max(0, column - 1), min(columns, column + 2)):
            if 0 <= down * columns + right < count:
                yield down * columns + right


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
