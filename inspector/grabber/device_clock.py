"""Owns when a picture was captured, by the clock of the device that captured it. Pure; times are seconds."""

from collections import deque

#: The shortest way of so many seconds counts: quartzes drift apart by less than a millisecond in it.
WINDOW_S = 10.0
#: A picture that seems to have taken longer to us has not: the device's clock was set back.
LONGEST_WAY_S = 1.0


class DeviceClock:
    """The clock of one connection's device, in ours.

    What lies between a picture's time stamp and its arrival is the difference of the clocks and the way. The
    difference is the same for all pictures, so it shows in the one with the shortest way, as in NTP's clock filter
    (RFC 5905, 10). No time is later than the arrival, and none earlier than LONGEST_WAY_S before it.
    """

    def __init__(self) -> None:
        self._stamp_s = 0.0
        self._ways: deque[tuple[float, float]] = deque()  # arrival, difference; the shortest first, and rising

    def captured(self, stamp_s: float, arrived: float) -> float:
        """When the picture was captured, in the clock of its arrival; its arrival where the device does not know."""
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
