"""Owns the pauses before a process that ended starts again, and giving it up. Pure; times are monotonic seconds."""

from collections import deque

from inspector.protocol.control import Cause

#: First and longest pause, in seconds; each end without work doubles it.
FIRST_S, LAST_S = 0.1, 30.0
#: Longest pause of a process that worked before it ended, in seconds: the line needs it.
WORKED_LAST_S = 2.0
#: Ends that count as recent, in seconds, and how many recent ones are reported as trouble.
RECENT_S, TROUBLE_ENDS = 60.0, 5
#: Restarts within 30 minutes, without progress between them, count towards giving up, in seconds.
STORM_S = 1800.0


class Restarts:
    """The ends of one process of the line. After `give_up_after` of them without work in between it is given up."""

    def __init__(self, give_up_after: int) -> None:
        self.causes: dict[Cause, int] = {}
        self.at = 0.0
        self._give_up_after = give_up_after
        self._recent: deque[float] = deque()
        self._fruitless: deque[float] = deque()

    @property
    def given_up(self) -> bool:
        """Whether it is not started again."""
        return len(self._fruitless) >= self._give_up_after

    @property
    def ends(self) -> int:
        """How often it ended, whatever the cause."""
        return sum(self.causes.values())

    def ended(self, cause: Cause, worked: bool, now: float) -> None:
        """Note an end at `now`; `worked`: it had done something. Set `at`, when it may start again."""
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
        """Return how often it ended within the minute before `now`."""
        while self._recent and self._recent[0] < now - RECENT_S:
            self._recent.popleft()
        return len(self._recent)

    def forgive(self) -> None:
        """Forget the ends without work and start again at once: someone has looked at it."""
        self._fruitless.clear()
        self.at = 0.0
