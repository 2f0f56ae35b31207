"""Owns counting the frames that are unsure because it is not known by which recipe to decide them."""

import logging
import time
from collections.abc import Callable, Iterable

from inspector.protocol.messages import Verdict

log = logging.getLogger(__name__)

#: Frames without a recipe are told in one line for so long.
_TELL_S = 10.0


class Withheld:
    """Counts frames that are unsure because it is not known by which recipe to decide them, and says so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._count = 0
        self._told_at = -_TELL_S

    def note(self, verdicts: Iterable[Verdict]) -> int:
        """How many of these there are."""
        reasons = [verdict.reason for verdict in verdicts if verdict.recipe is None]
        self._count += len(reasons)
        if reasons and self._clock() - self._told_at >= _TELL_S:
            self._told_at = self._clock()
            log.warning("unsure for want of a recipe, %d frames so far: %s", self._count, reasons[-1])
        return len(reasons)
