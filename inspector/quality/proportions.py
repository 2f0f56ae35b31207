"""Owns what may be concluded from counts: the interval of a share, and whether one share is larger than another.

SciPy has both; it is 35 MB that a line host needs for nothing else. The tests hold these against SciPy.
"""

import math
from statistics import NormalDist


def wilson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927), from 0 to 1; (0, 1) if nothing was counted."""
    if not of:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = hits / of, z * z / of
    centre = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    return 0.0 if not hits else max(0.0, low), 1.0 if hits == of else min(1.0, high)


def chance_of_more(hits: int, of: int, before_hits: int, before_of: int) -> float:
    """Return how likely this many hits or more are if both shares are the same: Fisher's exact test, one-sided."""
    drawn, hits_in_all, everything = of, hits + before_hits, of + before_of
    most = min(drawn, hits_in_all)
    total = _log_choose(everything, drawn)
    terms = (
        _log_choose(hits_in_all, k) + _log_choose(everything - hits_in_all, drawn - k) - total
        for k in range(hits, most + 1)
        if drawn - k <= everything - hits_in_all
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def chance_of_loss(lost: int, gained: int) -> float:
    """Return how likely this many losses or more are if losses and gains are equally likely: McNemar's exact test.

    `lost`: what the old model had right and the new one has wrong; `gained`: the other way round. One-sided.
    """
    of = lost + gained
    half = of * math.log(0.5)
    return min(1.0, math.fsum(math.exp(_log_choose(of, k) + half) for k in range(lost, of + 1)))


def _log_choose(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
