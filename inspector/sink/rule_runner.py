"""Owns the place of the rules in the sink: a bounded piece of work a turn, and no failure of theirs ends the record."""

import logging
import time
from collections.abc import Callable

from inspector.errors import StoreError
from inspector.record import findings
from inspector.record.findings import BEGAN, MARK
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink.health import Health
from inspector.sink.metrics import Metrics
from inspector.sink.rule_engine import Follower

log = logging.getLogger(__name__)

#: How long one turn may take, and how long after a failure they begin again at what is on record.
TURN_S, AGAIN_S = 0.02, 5.0
#: So many rows that are not judged yet are worth a word.
_BEHIND = 5000


class Rules:
    """Alarms and marks of rolls of this line. Used by the sink's thread, between its transactions."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        metrics: Metrics,
        health: Health,
        found: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`found` is called when something new was found and is on record. `clock`: monotonic seconds."""
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._health = health
        self._found = found
        self._clock = clock
        self._follower: Follower | None = None
        self._again_at = 0.0
        self._failed = ""
        self._there_are = bool(settings.alarms or settings.rolls)
        if not self._there_are:
            self._end()

    def turn(self) -> bool:
        """Judge some of what is new on record. Whether there is more of it; what goes wrong is told, and no error."""
        if not self._there_are or self._clock() < self._again_at:
            return False
        try:
            self._follower = self._follower or Follower(self._settings, self._store, self._metrics, self._clock)
            more = self._follower.go_on(TURN_S)
            if self._follower.found_something:
                self._found()
            behind = self._follower.behind if more else 0
        except Exception as error:  # whatever it is: the record goes on
            self._fail(error)
            return False
        self._failed = ""
        self._health.trouble("rules", f"{behind} frames behind" if behind > _BEHIND else "")
        return more

    def close(self) -> None:
        """Note how far they came."""
        try:
            if self._follower:
                self._follower.write()
        except StoreError as error:
            log.warning("rules: %s; the next start judges its last frames again", error)

    def _fail(self, error: Exception) -> None:
        self._follower = None
        self._again_at = self._clock() + AGAIN_S
        text = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
        if text != self._failed:
            why = not isinstance(error, StoreError)
            log.error("rules: %s; frames are recorded, but no alarm is raised", text, exc_info=why)
        self._failed = text
        self._health.trouble("rules", f"{text}; no alarm is raised")

    def _end(self) -> None:
        """There are none any more: what goes on ends, and the next ones begin with what comes then."""
        try:
            with self._store.transaction() as cursor:
                cursor.execute("DELETE FROM marks WHERE name IN (?, ?)", (BEGAN, MARK))
                findings.end_all(cursor, time.time())
        except StoreError as error:
            log.warning("rules: %s", error)
