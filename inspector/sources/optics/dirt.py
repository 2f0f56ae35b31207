"""Owns what stays at its place in the picture while the strip moves: dirt on the lens or the sensor. Pure.

A changed product changes everything, everywhere, or moves along; dirt is darker or brighter than what lies around it,
always at the same place. A spot is reported soon. A streak over the whole height of the picture is what dirt on a
line-scan sensor looks like, and a scratch along a coil, too: it is reported once it has outlasted a coil.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_Cells = NDArray[np.float32]

#: How much a place must differ from its surroundings, as a share, and in deviations of cells by chance.
DEPTH, DEVIATIONS = 0.03, 6.0
#: The most that one picture counts for: a defect is deep, and soon gone.
CLIP = 0.1
#: Share of the difference that made a place dirty below which it is clean again.
_LEAVES = 0.5
#: Columns around a column that it is compared with.
_AROUND = 15
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


class Relief(NamedTuple):
    """How light lies in one picture, or on average: what is left when rows and columns are evened out, float32 (rows,
    columns), and how columns differ from those around them, float32 (columns). Logarithms: 0.01 is 1% brighter.
    """

    spots: _Cells
    streaks: _Cells


class StripCells(NamedTuple):
    """Which cells of a picture are strip."""

    rows: slice
    columns: slice


@dataclass(frozen=True, slots=True)
class DirtPlace:
    """Dirt, in cells: the rectangle around it and by how much it is darker (less than 0) or brighter.

    `streak`: it goes over the whole height.
    """

    x: int
    y: int
    width: int
    height: int
    depth: float
    streak: bool = False


def relief(cells: _Cells, window: StripCells) -> Relief:
    """Return the relief of one picture's cells in the window; 0 elsewhere."""
    spots, streaks = np.zeros_like(cells), np.zeros(cells.shape[1], np.float32)
    light = np.log(cells[window] + 1)
    if not light.size:
        return Relief(spots, streaks)
    rows, columns = light.mean(axis=1, keepdims=True), light.mean(axis=0, keepdims=True)
    even = light - rows - columns + columns.mean()
    spots[window] = np.clip(even, -CLIP, CLIP)
    around = cv2.blur(columns, (min(_AROUND, columns.shape[1]), 1), borderType=cv2.BORDER_REFLECT)
    streaks[window.columns] = np.clip(columns - around, -CLIP, CLIP)[0]
    return Relief(spots, streaks)


class Average:
    """A relief that follows those of many pictures."""

    def __init__(self, rows: int, columns: int) -> None:
        self.relief = Relief(np.zeros((rows, columns), np.float32), np.zeros(columns, np.float32))

    def take(self, relief: Relief, window: StripCells, spots: float, streaks: float) -> None:
        """Move towards a picture by these shares of the way."""
        for mean, new, where, share in (
            (self.relief.spots, relief.spots, window, spots),
            (self.relief.streaks, relief.streaks, window.columns, streaks),
        ):
            mean[where] += share * (new[where] - mean[where])


class DustDetector:
    """Finds the places that differ from how they were when the lens was known to be clean, its `reference`."""

    def __init__(self, reference: Relief, after_s: float, streak_after_s: float, tolerance: float = 1.0) -> None:
        """A spot is reported after `after_s`, a streak after `streak_after_s`; `tolerance` times DEPTH is let pass."""
        rows, columns = reference.spots.shape
        self._reference = reference
        self._after_s = after_s
        self._streak_after_s = streak_after_s
        self._depth = DEPTH * tolerance
        self._now = Average(rows, columns)
        self._now.relief.spots[:] = reference.spots
        self._now.relief.streaks[:] = reference.streaks
        self._spots = np.zeros((rows, columns), np.float32)  # how each place differs
        self._streaks = np.zeros(columns, np.float32)
        self._spot_s = np.zeros((rows, columns), np.float32)  # and for how long
        self._streak_s = np.zeros(columns, np.float32)

    def take(self, relief: Relief, window: StripCells, seconds: float) -> None:
        """Take in one more picture, of strip that has moved since the one before, `seconds` ago."""
        # A streak must outlast what a coil has: its average is slower.
        shares = (1 - np.exp(-seconds / self._after_s), 1 - np.exp(-seconds / (self._streak_after_s / 4)))
        self._now.take(relief, window, *shares)
        self._spots = self._now.relief.spots - self._reference.spots
        self._streaks = self._now.relief.streaks - self._reference.streaks
        _lasts(self._spots[window], self._depth, self._spot_s[window], seconds)
        _lasts(self._streaks[window.columns], self._depth, self._streak_s[window.columns], seconds)

    def places(self) -> list[DirtPlace]:
        """Return where dirt is, the worst first."""
        found = []
        if (self._spot_s >= self._after_s).any():
            found += _boxes(self._spots, self._spot_s >= self._after_s)
        if (self._streak_s >= self._streak_after_s).any():
            boxes = _boxes(self._streaks[None, :], self._streak_s[None, :] >= self._streak_after_s)
            found += [DirtPlace(box.x, 0, box.width, len(self._spots), box.depth, streak=True) for box in boxes]
        return sorted(found, key=lambda place: -abs(place.depth))


def _lasts(differs: _Cells, depth: float, for_s: _Cells, seconds: float) -> None:
    """Count on for how long each place has differed by more than `depth` and than chance makes it."""
    if not differs.size:
        return
    size = np.abs(differs)
    limit = max(depth, DEVIATIONS * _MAD_TO_DEVIATION * float(np.median(size.flat[:: max(1, size.size // 4096)])))
    for_s[size < _LEAVES * limit] = 0
    for_s[(size >= limit) | (for_s > 0)] += seconds


def _boxes(differs: _Cells, dirty: NDArray[np.bool_]) -> list[DirtPlace]:
    count, found, boxes, _ = cv2.connectedComponentsWithStats(dirty.astype(np.uint8))
    labels = np.asarray(found, np.intp)
    darkest, brightest = np.zeros(count, np.float32), np.zeros(count, np.float32)
    np.minimum.at(darkest, labels, differs)
    np.maximum.at(brightest, labels, differs)
    depths = np.where(-darkest > brightest, darkest, brightest).tolist()
    sides = ((int(x), int(y), int(width), int(height)) for x, y, width, height, _ in boxes[1:])
    return [DirtPlace(*side, depth) for side, depth in zip(sides, depths[1:], strict=True)]
