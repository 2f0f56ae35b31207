"""Owns the clock by which things are too old: if it disagrees with the time known to have passed, nothing is.

The time that has passed is known from an earlier moment (the newest thing that is kept, or the clock's last reading in
an earlier life) and from the machine's uptime, which nobody can set. A clock that is ahead of that by more than a tenth
of the age is in doubt until it has run evenly for a day. It is followed at a bounded pace, so that things are deleted
in shares.
"""

import time
from collections.abc import Callable

#: Share of the age by which a clock may be ahead without being in doubt.
SLACK = 0.1
#: Time that a clock in doubt must run evenly before it is believed, in seconds; a tenth of the age if that is less.
SETTLE_S = 86_400.0
#: Bound on catching up: at most this share of the age in this many seconds, beside the time that really passes.
SHARE, SHARE_S = 0.01, 600.0
#: Smallest difference that counts as a step of the clock, in seconds; a smaller one may come from slewing.
_STEP_S = 60.0
_DAY_S = 86_400.0


def since_boot() -> float:
    """Return the seconds since the machine was started, including those for which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class AgeClock:
    """Computes the moment before which things are too old. Each age needs a clock of its own."""

    def __init__(
        self,
        age_s: float,
        known: float | None,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = since_boot,
    ) -> None:
        """`known`: a time, in seconds since 1970, that has certainly passed; None: nothing is kept that could be lost.

        `clock` returns seconds since 1970, `uptime` seconds that nobody can set.
        """
        self.age_s = age_s
        self._clock = clock
        self._uptime = uptime
        self._turned_at = self._even_since = uptime()
        self._offset = clock() - self._turned_at
        now = clock()
        #: The right time, in seconds since 1970, as far as it is known.
        self.trusted = now if known is None or 0 <= now - known <= age_s * SLACK else known
        #: Why nothing is too old now; empty if the clock is trusted.
        self.doubt = ""

    def too_old(self) -> float | None:
        """Return the moment, in seconds since 1970, before which things are too old; None: the clock is in doubt."""
        world, uptime = self._clock(), self._uptime()
        passed, self._turned_at = uptime - self._turned_at, uptime
        if abs(world - uptime - self._offset) > _STEP_S:
            self._offset, self._even_since = world - uptime, uptime
        settle_s = min(SETTLE_S, self.age_s * SLACK)
        settled = uptime - self._even_since >= settle_s
        ahead = world - (self.trusted + passed)
        self.doubt = ""
        if ahead > self.age_s * SLACK and not settled:
            self.trusted += passed
            hours = settle_s / 3600
            self.doubt = (
                f"{ahead / _DAY_S:.1f} days ahead of what is known to have passed:"
                f" nothing goes by age until it is right, or has run evenly for {hours:.3g} h"
            )
            return None
        if ahead < 0 and not settled:
            self.trusted += passed
        else:
            self.trusted = min(world, self.trusted + passed * max(2.0, self.age_s * SHARE / SHARE_S))
        return min(world, self.trusted) - self.age_s
