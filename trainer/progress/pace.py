"""Owns the plain lines of long work where there is no terminal: one every 10 s, with rate and time left."""

import time
from collections.abc import Callable

EVERY_S = 10.0


class Pace:
    """A progress that `write` shows, in a line at most every EVERY_S.

    What takes less than that is silent. `clock` returns seconds.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic):
        self._write, self._clock = write, clock
        self._said = clock()
        self._begun: dict[str, tuple[float, int]] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Write a line if one is due."""
        now = self._clock()
        since, before = self._begun.setdefault(what, (self._said, 0) if not self._begun else (now, done))
        if now - self._said < EVERY_S:
            return
        self._said = now
        rate = (done - before) / max(now - since, 1e-9)
        left = f", {(total - done) / rate / 60:.1f} min left" if rate > 0 else ""
        self._write(f"{what}: {done:,} of {total:,} images, {rate:.0f} images/s{left}")

    def other(self) -> None:
        """Count a line that was written elsewhere: the next is due EVERY_S after it."""
        self._said = self._clock()
