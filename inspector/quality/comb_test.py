"""Owns the test whether marks behind a mark lie at one distance, or whether chance does as well. Pure, no I/O.

For every distance d to one of the nearest marks, and for d/2 and d/3, in case one or two repeats were missed, a comb is
laid over what lies behind. It goes back tooth by tooth, fitted anew to what it has met; a tooth meets a mark that lies
where it is expected, give or take a tolerance, and more than that while the comb was fitted to few teeth.

Clutter as dense as what lies between the mark and the last tooth meets a tooth of width w with p = 1 - exp(-density w).
If k of n teeth were met, not counting the pair that gave the distance, chance does as well with at most
exp(-n KL(k/n, p)), KL(a, b) = a ln(a/b) + (1-a) ln((1-a)/(1-b)): Hoeffding 1963, theorem 1. Of the combs that chance
would hardly show, the shortest that meets nearly as large a share of its teeth as the least likely one is the best: a
multiple of the true distance meets as many, a fraction of it half of them.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Distances that are looked for. A tooth must also be clearly narrower than the distance between two.
SHORTEST_MM, LONGEST_MM = 100.0, 10_000.0
_LEAST_TOLERANCES_APART = 4.0
#: Share by which distances along strip vary.
STRETCHES = 0.01
#: Most teeth of a comb; beyond _FEW_TEETH its longest reach in mm; number of teeth missed in a row at which it ends.
TEETH, _FEW_TEETH, _FAR_MM, _MISSES = 40, 30, 30_000.0, 4
#: Number of nearest marks at which combs begin. A comb is laid that meets two of its next five teeth, or three, or four
#: where marks are dense enough to make that easier.
_NEAREST, _FRACTIONS, _NEXT, _EASY = 8, np.array([1.0, 2.0, 3.0]), np.arange(1.0, 6.0), (0.1, 0.25)
#: Number of combs tried behind a mark, counting every tooth at which one may end.
TRIED = _NEAREST * len(_FRACTIONS) * TEETH
#: Smallest ratio of the shares of two combs by which one meets nearly as many of its teeth as the other.
NEARLY = 0.85
#: Chance of a mark within the tolerance of a place from which no comb can stand out.
_HOPELESS = 0.7


@dataclass(frozen=True, slots=True)
class Comb:
    """Marks at one distance: `met` of its `teeth` met one, `nearest` is the index of the nearest, `reach_mm` the last.

    `log_chance`: the logarithm of a bound on the chance that clutter shows this comb.
    """

    distance_mm: float
    reach_mm: float
    nearest: int
    met: int
    teeth: int
    log_chance: float

    @property
    def share(self) -> float:
        """The share of its teeth that met a mark."""
        return self.met / self.teeth


def best(behind_mm: NDArray[np.float64], tolerance_mm: float, log_limit: float) -> Comb | None:
    """Return the best comb of a `log_chance` within the limit, or None. `behind_mm`: float64 (marks,), ascending."""
    near = min(len(behind_mm), 4 * _NEAREST)
    chance = 2 * tolerance_mm * near / behind_mm[near - 1] if near > 3 else 1.0
    if chance > _HOPELESS:
        return None
    places = behind_mm.tolist()
    laid = [lay(places, number, tooth, tolerance_mm) for number, tooth in _promising(behind_mm, tolerance_mm, chance)]
    sure = sorted((comb for comb in laid if comb and comb.log_chance <= log_limit), key=lambda comb: comb.log_chance)
    nearly = [comb for comb in sure if comb.share >= NEARLY * sure[0].share]
    return min(nearly, key=lambda comb: comb.distance_mm, default=None)


def lay(behind_mm: Sequence[float], number: int, tooth: int, tolerance_mm: float) -> Comb | None:
    """Return the best end of the comb on which that tooth meets mark `number`; None where it meets no other."""
    fit = _Fit()
    fit.add(tooth, behind_mm[number])
    tolerance_mm = max(tolerance_mm, STRETCHES * fit.distance_mm)
    first, last, met, tested, width_mm = number, tooth, 0, 0, 0.0
    found: Comb | None = None
    for each in (each for each in range(1, TEETH + 1) if each != tooth):
        if each - last > _MISSES or (each > _FEW_TEETH and each * fit.distance_mm > _FAR_MM):
            break
        half_mm = tolerance_mm * (1 + max(0, each - last) / last)
        tested, width_mm = tested + 1, width_mm + 2 * half_mm
        mark = _nearest(behind_mm, fit.at(each), half_mm)
        if mark is None:
            continue
        fit.add(each, behind_mm[mark])
        first, last, met = min(first, mark), max(last, each), met + 1
        reach_mm = fit.at(last)
        density = bisect_right(behind_mm, reach_mm + half_mm) / (reach_mm + half_mm)
        log_chance = _log_chance(met, tested, -math.expm1(-density * width_mm / tested))
        if found is None or log_chance < found.log_chance:
            found = Comb(fit.distance_mm, reach_mm, first, met + 1, tested + 1, log_chance)
    return found


class _Fit:
    """The straight line through (tooth, mm behind the mark) by least squares, from the mark on: tooth 0, 0 mm."""

    def __init__(self) -> None:
        self._n = 1
        self._teeth = self._places = self._squares = self._products = 0.0
        self.distance_mm = 0.0  # from tooth to tooth

    def add(self, tooth: int, mm: float) -> None:
        """Fit the line to a tooth that met a mark there."""
        self._n += 1
        self._teeth, self._places = self._teeth + tooth, self._places + mm
        self._squares, self._products = self._squares + tooth * tooth, self._products + tooth * mm
        spread = self._n * self._squares - self._teeth * self._teeth
        self.distance_mm = (self._n * self._products - self._teeth * self._places) / spread

    def at(self, tooth: int) -> float:
        """Return where a tooth is expected, in mm."""
        return self._places / self._n + self.distance_mm * (tooth - self._teeth / self._n)


def _promising(behind_mm: NDArray[np.float64], tolerance_mm: float, chance: float) -> list[tuple[int, int]]:
    """Marks and the teeth that may meet them, of combs of different distances that meet some of their next teeth.

    `chance`: how easily a tooth meets a mark: the easier, the more of them are asked for.
    """
    distances = behind_mm[:_NEAREST, None] / _FRACTIONS
    teeth = _FRACTIONS[:, None] + _NEXT
    half = np.maximum(tolerance_mm, STRETCHES * distances)[:, :, None] * (1 + _NEXT / _FRACTIONS[:, None])
    expected = distances[:, :, None] * teeth
    inside = np.searchsorted(behind_mm, expected + half, "right") - np.searchsorted(behind_mm, expected - half)
    shortest = max(SHORTEST_MM, _LEAST_TOLERANCES_APART * tolerance_mm)
    least = 2 + sum(chance > easy for easy in _EASY)
    good = ((inside > 0).sum(axis=2) >= least) & (distances >= shortest) & (distances <= LONGEST_MM)
    chosen: dict[int, tuple[int, int]] = {}
    for number, fraction in np.argwhere(good).tolist():
        same = round(math.log(distances[number, fraction]) / STRETCHES)
        chosen.setdefault(same, (number, int(_FRACTIONS[fraction])))
    return list(chosen.values())


def _nearest(behind_mm: Sequence[float], expected_mm: float, half_mm: float) -> int | None:
    """The number of the mark that lies nearest to where it is expected, no further off than `half_mm`."""
    inside = range(bisect_left(behind_mm, expected_mm - half_mm), bisect_right(behind_mm, expected_mm + half_mm))
    return min(inside, key=lambda number: abs(behind_mm[number] - expected_mm), default=None)


def _log_chance(met: int, tested: int, p: float) -> float:
    """Return the logarithm of a bound on the chance that `met` of the `tested` teeth are met, each with chance `p`."""
    share = met / tested
    if share <= p:
        return 0.0
    missed = (1 - share) * math.log((1 - share) / (1 - p)) if share < 1 else 0.0
    return -tested * (share * math.log(share / p) + missed)
