"""Owns the lines of the log about frames as they come on record: errors, and places that are no number."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from inspector.protocol.verdicts import Verdict
from inspector.record.position import Locator

log = logging.getLogger(__name__)

#: Lines a minute; the rest of the minute's frames are counted in one more.
LINES_PER_MINUTE = 20
_MINUTE_S = 60.0


class VerdictLog:
    """Logs what people must know of new verdicts."""

    def __init__(self, locators: Mapping[str, Locator], clock: Callable[[], float] = time.monotonic) -> None:
        """`locators`: by source, where its frames lie by their names. `clock` gives monotonic seconds."""
        self._locators = locators
        self._clock = clock
        self._minute_began = clock()
        self._lines = 0
        self._left_out = 0

    def note(self, verdicts: Iterable[Verdict]) -> None:
        """Log a WARNING for each frame that ended as an error, LINES_PER_MINUTE at most."""
        self.turn()
        for verdict in verdicts:
            if verdict.outcome != "error":
                continue
            header = verdict.header
            if self._lines < LINES_PER_MINUTE:
                self._lines += 1
                log.warning("%s: %r could not be inspected: %s", header.source, header.name, verdict.reason)
            else:
                self._left_out += 1

    def turn(self) -> None:
        """Log how many lines were left out, once their minute is over."""
        if self._clock() - self._minute_began < _MINUTE_S:
            return
        if self._left_out:
            log.warning("%d more frames could not be inspected: inspector defects --verdict error", self._left_out)
        self._minute_began, self._lines, self._left_out = self._clock(), 0, 0

    def unplaced(self, verdicts: Iterable[Verdict]) -> dict[str, str]:
        """Return, by source, why the last of these frames whose name tells a place has none; "" where it has one."""
        troubles = {}
        for verdict in verdicts:
            header = verdict.header
            locator = self._locators.get(header.source)
            if locator is None or not locator.names_along or header.at_mm is not None:
                continue
            unread = locator.from_name(header.name).unread
            text = f"place.pattern reads at_mm in {header.name!r} as {unread!r}, which is no number"
            troubles[header.source] = text if unread else ""
        return troubles
