"""Owns the pause before a lost source is opened again. Pure; times are monotonic seconds."""

import random
from collections.abc import Callable

#: Seconds of the first pause, doubled with each loss up to the last: a camera that is back is seen within seconds.
FIRST_S, LAST_S = 0.25, 2.0
#: Seconds after a loss from which another one begins with the first pause again.
FORGET_S = 15.0


class Backoff:
    """Ever longer pauses, each shortened by up to half by chance: cameras lost together do not come back together."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        """`chance` returns random numbers from 0 to 1."""
        self._chance = chance
        self._losses = 0
        self._lost_at = 0.0

    def next(self, now: float) -> float:
        """Return the pause after a loss at `now`."""
        self._losses = 0 if now - self._lost_at > FORGET_S else self._losses
        self._lost_at = now
        pause = min(LAST_S, FIRST_S * 2.0 ** min(self._losses, 20))
        self._losses += 1
        return pause * (1 - self._chance() / 2)
