"""Owns the count of frames that are unsure because nobody knows by which recipe to decide them."""

import logging
import time
from collections.abc import Callable, Iterable

from inspector.protocol.verdicts import Verdict

log = logging.getLogger(__name__)

#: Seconds between two lines of the log.
_LOG_S = 10.0


class MissingRecipes:
    """Counts frames that are unsure for want of a recipe, and logs how many there are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._count = 0
        self._logged_at = -_LOG_S

    def note(self, verdicts: Iterable[Verdict]) -> int:
        """Return how many of these verdicts are unsure for want of a recipe."""
        reasons = [verdict.reason for verdict in verdicts if verdict.recipe is None]
        self._count += len(reasons)
        if reasons and self._clock() - self._logged_at >= _LOG_S:
            self._logged_at = self._clock()
            log.warning("unsure for want of a recipe, %d frames so far: %s", self._count, reasons[-1])
        return len(reasons)
