"""Owns marks of rolls: defects of one label that come again at one distance, at one place across, and their roll.

Each new mark is compared with what lies behind it by comb_test.py. The bound on chance, times the combs that were
tried for the label so far, bounds how many such combs clutter would show: the number of false alarms of Desolneux,
Moisan and Morel. One minus that is the confidence. Tiles are coarse: boxes as far apart as they are long are taken to
be at one place. Pure, no I/O.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inspector.quality import comb_test
from inspector.quality.comb_test import Comb
from inspector.settings.rules import RollSettings

#: Least confidence of a mark: of 1,000 runs of strip and labels without one, at most one may show one.
CONFIDENT = 0.999
#: Number of the last marks kept of a label, of labels, and of marks examined behind a mark.
MAX_MARKS, MAX_LABELS, _MAX_BEHIND = 2048, 64, 512
#: Distance by which strip wanders across, in mm.
_WANDERS_MM = 10.0


@dataclass(slots=True, eq=False)
class PeriodicDefect:
    """A mark that comes again: from where to where across, where it was met first and last along, and how often.

    `distance_mm`: from one to the next; `share`: of the teeth of its last comb, those that met a mark. It is `over`
    once no further one is looked for.
    """

    label: str
    distance_mm: float
    x_mm: float
    width_mm: float
    first_mm: float
    last_mm: float
    repeats: int
    confidence: float
    share: float = 1.0
    over: bool = False


class Finder:
    """The marks of one run of strip, label by label."""

    def __init__(self) -> None:
        self.found: list[PeriodicDefect] = []
        self._series: dict[str, _Series] = {}

    def add(
        self, label: str, x_mm: float, width_mm: float, y_mm: float, length_mm: float, search: bool = True
    ) -> PeriodicDefect | None:
        """Add a defect; return the mark of a roll that it belongs to, new or known, if that is confident by now.

        Without `search` it is only kept for the defects to come.
        """
        if label not in self._series:
            if len(self._series) == MAX_LABELS:
                return None
            self._series[label] = _Series()
        middle_mm = y_mm + length_mm / 2
        mark = np.array([x_mm + width_mm / 2, width_mm / 2, middle_mm, length_mm / 2])
        comb = self._series[label].comb(mark) if search else None
        self._series[label].keep(mark)
        if comb is None:
            return None
        new = PeriodicDefect(
            label, comb.distance_mm, x_mm, width_mm, middle_mm - comb.reach_mm, middle_mm, comb.met + 1,
            -math.expm1(comb.log_chance), comb.share,
        )  # fmt: skip
        for known in self.found:
            if known.label == label and _beside(known, x_mm, width_mm) and _renewed(known, new):
                return known
        self.found.append(new)
        return new

    def end(self, mark: PeriodicDefect) -> None:
        """End a mark that has not come again: if it does, that is another one."""
        mark.over = True
        self.found.remove(mark)


class _Series:
    """The last marks of one label. A mark is float64 (4,): middle and half of its size, across and along, in mm."""

    def __init__(self) -> None:
        self._ring = np.full((4, 64), math.inf)
        self._count = 0

    def keep(self, mark: NDArray[np.float64]) -> None:
        """Add a mark in place of the oldest, where they are too many."""
        if self._count == self._ring.shape[1] < MAX_MARKS:
            self._ring = np.hstack([self._ring, np.full_like(self._ring, math.inf)])
        self._ring[:, self._count % self._ring.shape[1]] = mark
        self._count += 1

    def comb(self, mark: NDArray[np.float64]) -> Comb | None:
        """Return the best comb behind a mark that is not kept yet; None where chance may well show it."""
        tried = math.log(max(1, self._count) * comb_test.TRIED)
        comb, before = self._best(mark, math.log(1 - CONFIDENT) - tried)
        if comb is None or before is None:
            return None
        if comb.share < comb_test.NEARLY:
            # A mark halfway between those of a roll meets half of them. The one before it tells their true distance.
            other, _ = self._best(before, comb.log_chance)
            if other and not _alike(other.distance_mm, comb.distance_mm):
                return None
        return replace(comb, log_chance=comb.log_chance + tried)

    def _best(self, mark: NDArray[np.float64], log_limit: float) -> tuple[Comb | None, NDArray[np.float64] | None]:
        """Return the best comb behind a mark within the limit, and the nearest mark on that comb."""
        x, half_width, y, half_length = self._ring
        behind = mark[2] - y
        beside = np.abs(x - mark[0]) <= half_width + mark[1] + _WANDERS_MM
        (lane,) = np.nonzero(beside & (behind > 0))
        lane = lane[np.argsort(behind[lane])[:_MAX_BEHIND]]
        if len(lane) < 4:
            return None, None
        tolerance_mm = float(half_length[lane[:32]].mean() + mark[3])
        comb = comb_test.best(behind[lane], tolerance_mm, log_limit)
        return comb, None if comb is None else self._ring[:, lane[comb.nearest]].copy()


def fitting(distance_mm: float, rolls: Sequence[RollSettings]) -> list[RollSettings]:
    """Return the rolls whose marks lie so far apart, the nearest first: pi x diameter x elongation, in tolerance."""
    expected = {roll.name: math.pi * roll.diameter_mm * (1 + roll.elongation_percent / 100) for roll in rolls}
    off = {name: abs(distance_mm - mm) / mm for name, mm in expected.items()}
    fits = [roll for roll in rolls if off[roll.name] <= roll.tolerance_percent / 100]
    return sorted(fits, key=lambda roll: off[roll.name])


def _alike(one_mm: float, other_mm: float, times: int = 1) -> bool:
    """Whether one distance is `times` the other."""
    return abs(one_mm - times * other_mm) <= 2 * comb_test.STRETCHES * one_mm


def _beside(known: PeriodicDefect, x_mm: float, width_mm: float) -> bool:
    """Whether both lie at one place across."""
    middles_mm = known.x_mm + known.width_mm / 2 - x_mm - width_mm / 2
    return abs(middles_mm) <= (known.width_mm + width_mm) / 2 + _WANDERS_MM


def _renewed(known: PeriodicDefect, new: PeriodicDefect) -> bool:
    """Whether the known mark goes on with the new one, at its distance or at a multiple of it.

    A fraction of its distance takes over where it meets nearly as large a share of what it could; else the new one is
    some other defect that lies well, and no mark.
    """
    shorter, longer = sorted((known.distance_mm, new.distance_mm))
    times = round(longer / shorter)
    if not _alike(longer, shorter, times):
        return False
    if times > 1 and new.distance_mm < known.distance_mm and new.share < comb_test.NEARLY * known.share:
        return True
    if times == 1 or new.distance_mm < known.distance_mm:
        known.distance_mm, known.share = new.distance_mm, new.share
    known.first_mm, known.last_mm = min(known.first_mm, new.first_mm), max(known.last_mm, new.last_mm)
    known.repeats = max(known.repeats + 1, new.repeats)
    known.confidence = max(known.confidence, new.confidence)
    return True
