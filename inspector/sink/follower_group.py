"""Owns the turns of the record's followers: a bounded piece of work between two transactions of the sink."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from inspector.record.followers import Follower
from inspector.sink.health import Health
from inspector.sink.metrics import Metrics

#: Seconds that one turn may take; a follower stops at the row after that.
TURN_S = 0.02
#: Seconds in which followers may still catch up when the sink ends; what is left comes after the next start.
FINISH_S = 2.0


class FollowerGroup:
    """Followers that take turns; the metrics and readiness hear how each of them gets on."""

    def __init__(
        self,
        followers: Iterable[Follower[Any]],
        metrics: Metrics,
        health: Health,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives monotonic seconds."""
        self._followers = deque(followers)
        self._reported: dict[str, tuple[int, int]] = {}  # rows behind and failures by name, as the metrics have them
        self._metrics = metrics
        self._health = health
        self._clock = clock

    def turn(self) -> bool:
        """Let each follower deliver a batch while time is left; return whether more can be delivered at once."""
        ends_at, more = self._clock() + TURN_S, False
        for _ in range(len(self._followers)):
            follower = self._followers[0]
            self._followers.rotate(-1)
            more = follower.turn(ends_at) or more
            self._report(follower)
            if self._clock() >= ends_at:
                return True
        return more

    def _report(self, follower: Follower[Any]) -> None:
        lag_rows, failures = self._reported.get(follower.name, (-1, 0))
        if (follower.lag_rows, follower.failures) != (lag_rows, failures):
            self._metrics.follower(follower.name, follower.lag_rows, follower.failures - failures)
            self._reported[follower.name] = follower.lag_rows, follower.failures
        self._health.trouble(follower.name, follower.problem)

    def finish(self) -> None:
        """Deliver what is on record, for FINISH_S at most."""
        ends_at = self._clock() + FINISH_S
        while self.turn() and self._clock() < ends_at:
            continue

    def close(self) -> None:
        """Move each cursor to what was delivered."""
        for follower in self._followers:
            follower.close()
