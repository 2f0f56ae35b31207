"""Owns when a source did not inspect: for each reason the outage that goes on now, until it is over and on record."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from inspector.protocol.messages import Span
from inspector.record.gaps import STALLED

log = logging.getLogger(__name__)

#: Seconds without more of it after which an outage is over: what comes later is another gap.
OUTAGE_ENDS_S = 5.0
#: Seconds that one turn of the source may take. A longer one is on record as a gap: the share hung, or the process was
#: held.
STALL_S = 5.0


@dataclass(slots=True)
class _Outage:
    began_at: float
    ended_at: float
    grew: float  # monotonic: when more of it was added last
    tally: float = math.inf  # the first tally that shows all of it; inf: none has yet


class Outages:
    """Outages by reason. An outage's frames were captured within it, in seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._outages: dict[str, _Outage] = {}
        self._turned_at: tuple[float, float] | None = None  # the last turn, by the monotonic clock and since 1970

    def add(self, reason: str, began_at: float, ended_at: float) -> None:
        """Note that frames captured from `began_at` to `ended_at` are not inspected, and why."""
        now = self._clock()
        outage = self._outages.setdefault(reason, _Outage(began_at, ended_at, now))
        outage.began_at, outage.ended_at = min(outage.began_at, began_at), max(outage.ended_at, ended_at)
        outage.grew, outage.tally = now, math.inf

    def turn(self) -> None:
        """Note a stall if the source's last turn began longer ago than STALL_S."""
        now, world = self._clock(), time.time()
        if self._turned_at is not None and now - self._turned_at[0] > STALL_S:
            log.warning("stood still for %.0f s", now - self._turned_at[0])
            self.add(STALLED, self._turned_at[1], world)
        self._turned_at = (now, world)

    def spans(self, tally: int) -> dict[str, Span]:
        """Return the outages by reason, for the `tally`th tally."""
        for outage in self._outages.values():
            outage.tally = min(outage.tally, tally)
        return {reason: Span(outage.began_at, outage.ended_at) for reason, outage in self._outages.items()}

    def on_record(self, tally: int) -> None:
        """Forget the outages that are over and shown in full by the `tally`th tally, which is on durable record."""
        now = self._clock()
        over = [
            reason
            for reason, outage in self._outages.items()
            if outage.tally <= tally and now - outage.grew > OUTAGE_ENDS_S
        ]
        for reason in over:
            del self._outages[reason]
