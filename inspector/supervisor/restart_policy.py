"""Owns when a process that ended may start again, and when it is given up. Pure; times are monotonic seconds."""

from collections import deque

from inspector.protocol.control import Cause

#: The first pause, doubled with each end after which nothing had been done, up to the last.
FIRST_S, LAST_S = 0.1, 30.0
#: One that did its work before it ended waits no longer than this: the line needs it.
WORKED_LAST_S = 2.0
#: Ends within this count as now, and so many of them as trouble.
RECENT_S, TROUBLE_ENDS = 60.0, 5
#: Ends without any work are a storm if they come within this.
STORM_S = 1800.0


class Restarts:
    """The ends of one process of the line. A storm of them ends: after `give_up_after` without any work between."""

    def __init__(self, give_up_after: int) -> None:
        self.causes: dict[Cause, int] = {}
        self.at = 0.0
        self._give_up_after = give_up_after
        self._recent: deque[float] = deque()
        self._fruitless: deque[float] = deque()

    @property
    def given_up(self) -> bool:
        """Whether it is not started any more."""
        return len(self._fruitless) >= self._give_up_after

    @property
    def ends(self) -> int:
        """How often it ended, whatever the cause."""
        return sum(self.causes.values())

    def ended(self, cause: Cause, worked: bool, now: float) -> None:
        """It ended; `worked`: it had done something. Sets `at`, when it may start again."""
        self.causes[cause] = self.causes.get(cause, 0) + 1
        self._recent.append(now)
        if worked:
            self._fruitless.clear()
        else:
            self._fruitless.append(now)
        while self._fruitless and self._fruitless[0] < now - STORM_S:
            self._fruitless.popleft()
        ends, last_s = (self.recent(now), WORKED_LAST_S) if worked else (len(self._fruitless), LAST_S)
        self.at = now + min(last_s, FIRST_S * 2 ** min(ends - 1, 20))

    def recent(self, now: float) -> int:
        """How often it ended within the last minute."""
        while self._recent and self._recent[0] < now - RECENT_S:
            self._recent.popleft()
        return len(self._recent)

    def forgive(self) -> None:
        """Someone has looked at it: try again, now."""
        self._fruitless.clear()
        self.at = 0.0
