"""Owns the pauses before an ended process is restarted, and when it is given up. Pure; times are monotonic seconds."""

from collections import deque

from inspector.protocol.control import Cause

#: First and longest pause, in seconds; each end without progress doubles it.
FIRST_S, LAST_S = 0.1, 30.0
#: Longest pause of a process that made progress before it ended, in seconds: the line needs it.
WORKED_LAST_S = 2.0
#: Age up to which an end counts as recent, in seconds, and the number of recent ends that are reported as trouble.
RECENT_S, TROUBLE_ENDS = 60.0, 5
#: Time within which restarts without progress between them count towards giving up, in seconds.
STORM_S = 1800.0


class Restarts:
    """The ends of one process of the line. After `give_up_after` ends without progress between them it is given up."""

    def __init__(self, give_up_after: int) -> None:
        self.causes: dict[Cause, int] = {}
        self.at = 0.0
        self._give_up_after = give_up_after
        self._recent: deque[float] = deque()
        self._fruitless: deque[float] = deque()

    @property
    def given_up(self) -> bool:
        """Whether the process is given up: it is not started again."""
        return len(self._fruitless) >= self._give_up_after

    @property
    def ends(self) -> int:
        """How often the process ended, for any cause."""
        return sum(self.causes.values())

    def ended(self, cause: Cause, worked: bool, now: float) -> None:
        """Note an end at `now`; `worked`: the process had made progress. Set `at`, when it may start again."""
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
        """Return how often the process ended within the minute before `now`."""
        while self._recent and self._recent[0] < now - RECENT_S:
            self._recent.popleft()
        return len(self._recent)

    def forgive(self) -> None:
        """Forget the ends without progress, and allow a restart at once: a person has intervened."""
        self._fruitless.clear()
        self.at = 0.0
