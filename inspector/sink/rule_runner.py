"""Owns the rules as a follower of the record: alarms and marks of rolls of this line."""

import logging
import time
from collections.abc import Callable, Sequence

from inspector.errors import StoreError
from inspector.record import findings, followers
from inspector.record.database import Cursor, OpenRecord
from inspector.record.findings import RULES_BEGAN, RULES_CURSOR
from inspector.record.followers import Consumer, Delivered, Feed, Follower
from inspector.settings.settings import Settings
from inspector.sink.metrics import Metrics
from inspector.sink.rule_engine import Row, RuleEngine, rows

log = logging.getLogger(__name__)


class RuleRunner(Consumer[Row]):
    """Judges the rows of the record, by an engine that remembers those before the cursor."""

    def __init__(
        self, settings: Settings, store: OpenRecord, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` gives monotonic seconds."""
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._engine: RuleEngine | None = None

    def open(self, position: int) -> None:
        """Remember the rows before. Raise StoreError if they cannot be read."""
        if followers.position(self._store, RULES_BEGAN) is None:  # these rules are new
            with self._store.transaction() as cursor:
                followers.set_position(cursor, RULES_BEGAN, position)
        self._engine = RuleEngine(self._settings, self._store, self._metrics, position, self._clock)

    def deliver(self, rows: Sequence[Row], ends_at: float) -> Delivered:
        """Judge these rows. Raise StoreError if their regions cannot be read."""
        if self._engine is None:
            raise RuntimeError("the rules are not open")
        return self._engine.judge(rows, ends_at)

    def save(self, cursor: Cursor) -> None:
        """Put on record what was found."""
        if self._engine:
            self._engine.save(cursor)

    def saved(self) -> None:
        """Log and count it."""
        if self._engine:
            self._engine.saved()

    def close(self) -> None:
        """Forget the rows before."""
        self._engine = None


def follower(
    settings: Settings, store: OpenRecord, metrics: Metrics, clock: Callable[[], float] = time.monotonic
) -> Follower[Row] | None:
    """Return the follower that judges by these rules; without any, None, and what went on by former ones is over."""
    if not (settings.alarms or settings.rolls):
        _end(store)
        return None
    runner = RuleRunner(settings, store, metrics, clock)
    feed = Feed("records", rows)
    return Follower(RULES_CURSOR, store, feed, runner, from_now=True, meanwhile="no alarm is raised", clock=clock)


def _end(store: OpenRecord) -> None:
    """End what goes on; the next rules begin with what comes then."""
    try:
        with store.transaction() as cursor:
            followers.delete(cursor, RULES_BEGAN, RULES_CURSOR)
            findings.end_all(cursor, time.time())
    except StoreError as error:
        log.warning("rules: %s", error)
