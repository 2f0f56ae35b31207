"""Owns when a picture was captured, by the clock of the device that captured it. Times are seconds."""

import time
from collections import deque
from collections.abc import Callable

#: Seconds of which the shortest transfer counts: quartzes drift apart by less than a millisecond in them.
WINDOW_S = 10.0
#: A picture that seems to have taken longer to us has not: the device's clock was set back.
LONGEST_WAY_S = 1.0
#: A reading of two clocks that took longer was interrupted between them, and shows nothing.
_TORN_S = 0.001
#: The world's clock was set, or has drifted from ours, where it is off by more.
_SET_S = 0.002


class DeviceClock:
    """The clock of one connection's device, in ours.

    What lies between a picture's time stamp and its arrival is the difference of the clocks and the way. The
    difference is the same for all pictures, so it shows in the one with the shortest way, as in NTP's clock filter
    (RFC 5905, 10). No time is later than the arrival, none earlier than LONGEST_WAY_S before it, and none earlier
    than that of the picture before.
    """

    def __init__(self) -> None:
        self._stamp_s = 0.0
        self._latest = 0.0
        self._ways: deque[tuple[float, float]] = deque()  # arrival, difference; the shortest first, and rising

    def captured(self, stamp_s: float, arrived: float) -> float:
        """Return when the picture was captured, by the clock of its arrival; its arrival if the device has no clock."""
        self._latest = max(self._latest, self._captured(stamp_s, arrived))
        return self._latest

    def _captured(self, stamp_s: float, arrived: float) -> float:
        before, self._stamp_s = self._stamp_s, stamp_s
        difference = arrived - stamp_s
        if stamp_s <= before or (self._ways and difference - self._ways[0][1] > LONGEST_WAY_S):
            self._ways.clear()
        if stamp_s in (0.0, before):
            return arrived
        while self._ways and self._ways[-1][1] >= difference:
            self._ways.pop()
        self._ways.append((arrived, difference))
        while self._ways[0][0] < arrived - WINDOW_S:
            self._ways.popleft()
        return stamp_s + self._ways[0][1]


class WorldClock:
    """The world's time of a moment of the monotonic clock; in the order of the moments, unless the clock is set back.

    The two clocks cannot be read at once: read anew for each picture, a pause of the process in between would put
    the picture later than the next one.
    """

    def __init__(self, world: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._monotonic = monotonic
        self._ahead_s = world() - monotonic()

    def at(self, moment: float) -> float:
        """Return the time in seconds since 1970, right within 3 ms."""
        before, world, after = self._monotonic(), self._world(), self._monotonic()
        ahead_s = world - after
        if after - before <= _TORN_S and abs(ahead_s - self._ahead_s) > _SET_S:
            self._ahead_s = ahead_s
        return moment + self._ahead_s
