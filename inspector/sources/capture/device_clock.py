"""Owns when a picture was captured, by the clock of the device that captured it. Times are seconds."""

import time
from collections import deque
from collections.abc import Callable

#: Window in which the shortest transfer counts, in seconds: quartz clocks drift apart by less than a millisecond in it.
WINDOW_S = 10.0
#: Longest plausible transfer of a picture, in seconds; beyond it the device's clock was set back.
LONGEST_WAY_S = 1.0
#: Longest valid reading of both clocks, in seconds; a longer one was interrupted between them, and is discarded.
_TORN_S = 0.001
#: Difference from which the world's clock was set, or has drifted from the monotonic clock, in seconds.
_SET_S = 0.002


class DeviceClock:
    """Converts the time stamps of one connection's device to this machine's clock.

    Between a picture's time stamp and its arrival lie the difference of the clocks and the transfer. The difference is
    the same for all pictures, so the one with the shortest transfer shows it, as in NTP's clock filter (RFC 5905, 10).
    No time is later than the arrival, none is earlier than LONGEST_WAY_S before it, and none is earlier than that of
    the picture before.
    """

    def __init__(self) -> None:
        self._stamp_s = 0.0
        self._latest = 0.0
        self._ways: deque[tuple[float, float]] = deque()  # (arrival, difference), with rising differences

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
    """Converts moments of the monotonic clock to seconds since 1970, in the same order unless the clock is set back.

    The two clocks cannot be read at once. If they were read for each picture, a pause of the process between the two
    readings would put a picture later than the next one.
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
