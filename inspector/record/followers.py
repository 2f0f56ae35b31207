"""Owns following the record: a durable cursor by name, a batch of rows, deliver it, and only then move the cursor.

What stands behind the record is a follower of it. Each row is delivered at least once, in the order of the rows' ids,
and none is skipped: a delivery that fails is tried again, and holds up neither the record nor another follower.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from inspector.errors import StoreError
from inspector.record.database import Cursor, OpenRecord

log = logging.getLogger(__name__)

#: Rows in one batch, unless the feed has fewer.
BATCH = 256
#: A cursor that passes over rows which need not be kept track of at once is moved after so many rows or seconds.
MOVE_ROWS, MOVE_S = 1000, 5.0
#: Seconds before a delivery that failed is tried again: after the first failure, and at most.
RETRY_S, MAX_RETRY_S = 1.0, 30.0
#: Rows behind from which a follower is reported as behind.
BOUND_ROWS = 5000

Row = TypeVar("Row")
Taken = TypeVar("Taken", contravariant=True)


@dataclass(frozen=True)
class Feed(Generic[Row]):
    """The rows of one table that a follower takes; the others are passed over.

    `read` returns those with an id after the first number and up to the second, each with its id, in their order.
    """

    table: str
    read: Callable[[OpenRecord, int, int], Sequence[tuple[int, Row]]]
    batch: int = BATCH


class Delivered(NamedTuple):
    """How many rows of a batch were delivered, from its first on, and whether the cursor has to move at once."""

    rows: int
    move_now: bool = True


class Consumer(Protocol[Taken]):
    """Where a follower delivers to. Whatever a method raises, the follower closes it and later begins at the cursor.

    One that leads to nothing on record needs no `save` and `saved`.
    """

    def open(self, position: int) -> None:
        """Get ready for the rows whose id is greater than `position`."""
        return

    def deliver(self, rows: Sequence[Taken], ends_at: float) -> Delivered:
        """Deliver these rows in their order, at least the first, and stop when the clock passes `ends_at`."""
        ...

    def save(self, cursor: Cursor) -> None:
        """Put on record what these rows led to, in the transaction that moves the cursor: so that is done once."""
        return

    def saved(self) -> None:
        """Act on a transaction that is durable now."""
        return

    def close(self) -> None:
        """Let go of everything. Raises nothing."""


class Follower(Generic[Row]):
    """One follower. Used by one thread, the one of its store."""

    def __init__(
        self,
        name: str,
        store: OpenRecord,
        feed: Feed[Row],
        consumer: Consumer[Row],
        from_now: bool = False,
        meanwhile: str = "its rows wait",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is the cursor's. A follower without a cursor begins at the first row, or `from_now`, with the next.

        `meanwhile`: what a failure means for those who wait for the rows. `clock` gives monotonic seconds.
        """
        self.name = name
        self.lag_rows = 0
        self.failures = 0
        self.error = ""
        self._store = store
        self._feed = feed
        self._consumer = consumer
        self._from_now = from_now
        self._meanwhile = meanwhile
        self._clock = clock
        self._is_open = False
        self._at = self._moved_to = -1  # not known yet
        self._moved_at = clock()
        self._failed_in_a_row = 0
        self._retry_at = -math.inf

    @property
    def problem(self) -> str:
        """Why the follower fails, or that it is far behind; empty where all is well."""
        if self.error:
            return f"{self.error}; {self._meanwhile}"
        return f"{self.lag_rows} rows behind" if self.lag_rows > BOUND_ROWS else ""

    def turn(self, ends_at: float = math.inf) -> bool:
        """Deliver one batch; return whether more rows wait and may be delivered at once. Raises nothing."""
        is_due = self._clock() >= self._retry_at
        if not is_due and self._at < 0:
            return False
        try:
            first, newest = self._waiting()
            more = is_due and self._go_on(first, newest, ends_at)
        except Exception as error:  # whatever a delivery raises, the record and the other followers go on
            if is_due:
                self._fail(error)
            return False
        if is_due:
            self.error, self._failed_in_a_row = "", 0
        return more

    def close(self) -> None:
        """Move the cursor to what was delivered, and close the consumer."""
        try:
            if self._at != self._moved_to:
                self._move()
        except Exception as error:  # see `turn`
            log.warning("%s: %s; the next start delivers its last rows again", self.name, error)
        self._consumer.close()
        self._is_open = False

    def _waiting(self) -> tuple[int | None, int]:
        """Return the first and the newest id after the cursor, None and the cursor where there is none."""
        if self._at < 0:
            self._at = self._moved_to = self._begin()
        table = self._feed.table
        (first,) = next(self._store.read(f"SELECT MIN(id) FROM {table} WHERE id > ?", (self._at,)))
        if first is None:
            self.lag_rows = 0
            return None, self._at
        (newest,) = next(self._store.read(f"SELECT MAX(id) FROM {table}"))
        self.lag_rows = newest - first + 1
        return first, newest

    def _begin(self) -> int:
        """Return where the cursor is; make it where there is none."""
        if (known := position(self._store, self.name)) is not None:
            return known
        newest = f"SELECT COALESCE(MAX(id), 0) FROM {self._feed.table}"
        begins = int(next(self._store.read(newest))[0]) if self._from_now else 0
        with self._store.transaction() as cursor:
            set_position(cursor, self.name, begins)
        return begins

    def _go_on(self, first: int | None, newest: int, ends_at: float) -> bool:
        if not self._is_open:
            self._consumer.open(self._at)
            self._is_open = True
        move_now = False
        if first is not None:
            through = min(newest, first - 1 + self._feed.batch)
            rows = self._feed.read(self._store, self._at, through)
            move_now = bool(rows) and self._deliver(rows, through, ends_at)
            self._at = self._at if rows else through
            self.lag_rows = newest - self._at
        passed = self._at - self._moved_to
        if move_now or passed >= MOVE_ROWS or (passed and self._clock() - self._moved_at >= MOVE_S):
            self._move()
        return self._at < newest

    def _deliver(self, rows: Sequence[tuple[int, Row]], through: int, ends_at: float) -> bool:
        """Deliver the rows, and note how far; return whether the cursor has to move at once."""
        count, move_now = self._consumer.deliver([row for _, row in rows], ends_at)
        if not 1 <= count <= len(rows):
            raise ValueError(f"{count} of {len(rows)} rows delivered: a consumer delivers the first at least")
        self._at = through if count == len(rows) else rows[count - 1][0]
        return move_now

    def _move(self) -> None:
        with self._store.transaction() as cursor:
            self._consumer.save(cursor)
            set_position(cursor, self.name, self._at)
        self._moved_to, self._moved_at = self._at, self._clock()
        self._consumer.saved()

    def _fail(self, error: Exception) -> None:
        """Begin at the cursor again, later."""
        with suppress(Exception):  # what fails may fail to close, too
            self._consumer.close()
        self._is_open = False
        self._at = self._moved_to
        with suppress(StoreError):  # a transaction whose end is not known may have moved it
            if (known := position(self._store, self.name)) is not None:
                self._at = self._moved_to = known
        self.failures += 1
        self._failed_in_a_row += 1
        self._retry_at = self._clock() + min(MAX_RETRY_S, RETRY_S * 2 ** min(self._failed_in_a_row - 1, 16))
        expected = isinstance(error, (StoreError, OSError))
        text = str(error) if expected else f"{type(error).__name__}: {error}"
        if text != self.error:
            log.error("%s: %s; %s, and frames are recorded", self.name, text, self._meanwhile, exc_info=not expected)
        self.error = text


def position(store: OpenRecord, name: str) -> int | None:
    """Return the id of the last row that the cursor `name` has passed, None where there is no such cursor."""
    row = next(store.read("SELECT value FROM marks WHERE name = ?", (name,)), None)
    return None if row is None else int(row[0])


def set_position(cursor: Cursor, name: str, position: int) -> None:
    """Move the cursor `name`, or make it, within a transaction."""
    cursor.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, position))


def delete(cursor: Cursor, *names: str) -> None:
    """Delete cursors within a transaction; a follower of such a name is new when it comes again."""
    cursor.executemany("DELETE FROM marks WHERE name = ?", [(name,) for name in names])
