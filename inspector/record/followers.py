"""Owns following the record: a durable cursor by name, a batch of rows, deliver it, and only then move the cursor.

Every consumer of the record is a follower of it. Each row is delivered at least once, in the order of the rows' ids,
and none is skipped. A delivery that fails is tried again; it holds up neither the record nor another follower.
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

#: Largest number of rows in one batch, unless the feed sets another.
BATCH = 256
#: Rows, and seconds, after which a cursor is moved that does not have to move at once.
MOVE_ROWS, MOVE_S = 1000, 5.0
#: Pause before a failed delivery is tried again, in seconds: after the first failure, and the longest.
RETRY_S, MAX_RETRY_S = 1.0, 30.0
#: Number of undelivered rows from which a follower is reported as behind.
BOUND_ROWS = 5000

Row = TypeVar("Row")
Taken = TypeVar("Taken", contravariant=True)


@dataclass(frozen=True)
class Feed(Generic[Row]):
    """The rows of one table that a follower takes; it passes over the others.

    `read` returns the rows whose id is greater than the first number and at most the second, each with its id, by id.
    """

    table: str
    read: Callable[[OpenRecord, int, int], Sequence[tuple[int, Row]]]
    batch: int = BATCH


class Delivered(NamedTuple):
    """Number of rows of a batch that were delivered, from the first on, and whether the cursor has to move at once."""

    rows: int
    move_now: bool = True


class Consumer(Protocol[Taken]):
    """Where a follower delivers to. If a method raises anything, the follower closes it and later begins at the cursor.

    A consumer that puts nothing on record needs no `save` and `saved`.
    """

    def open(self, position: int) -> None:
        """Prepare for the rows whose id is greater than `position`."""
        return

    def deliver(self, rows: Sequence[Taken], ends_at: float) -> Delivered:
        """Deliver the rows in order, at least the first; stop when the clock passes `ends_at`, in monotonic seconds."""
        ...

    def save(self, cursor: Cursor) -> None:
        """Record what follows from the rows, in the transaction that moves the cursor: so it is recorded once."""
        return

    def saved(self) -> None:
        """Act on the transaction of `save`, which is durable now."""
        return

    def close(self) -> None:
        """Release all resources. Raise nothing."""


class Follower(Generic[Row]):
    """One follower. Only the thread of its store may use it."""

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
        """`name` is the cursor's name. A follower without a cursor begins at the first row; if `from_now`, at the next.

        `meanwhile` tells people what a failure means for the rows. `clock` returns monotonic seconds.
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
        """Why the follower fails, or how far it is behind; empty if it does neither."""
        if self.error:
            return f"{self.error}; {self._meanwhile}"
        return f"{self.lag_rows} rows behind" if self.lag_rows > BOUND_ROWS else ""

    def turn(self, ends_at: float = math.inf) -> bool:
        """Deliver one batch, and return whether more rows wait that may be delivered at once. Raise nothing."""
        is_due = self._clock() >= self._retry_at
        if not is_due and self._at < 0:
            return False
        try:
            first, newest = self._waiting()
            more = is_due and self._go_on(first, newest, ends_at)
        except Exception as error:  # whatever a delivery raises, the record and the other followers continue
            if is_due:
                self._fail(error)
            return False
        if is_due:
            self.error, self._failed_in_a_row = "", 0
        return more

    def close(self) -> None:
        """Move the cursor to the last row that was delivered, and close the consumer."""
        try:
            if self._at != self._moved_to:
                self._move()
        except Exception as error:  # see `turn`
            log.warning("%s: %s; the next start delivers its last rows again", self.name, error)
        self._consumer.close()
        self._is_open = False

    def _waiting(self) -> tuple[int | None, int]:
        """Return the first and the newest id after the cursor; None and the cursor if there is none."""
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
        """Return the position of the cursor; make the cursor if there is none."""
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
        """Deliver the rows, note how many were delivered, and return whether the cursor has to move at once."""
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
        """Close the consumer, and begin at the cursor again after a pause."""
        with suppress(Exception):  # a consumer that fails may fail to close, too
            self._consumer.close()
        self._is_open = False
        self._at = self._moved_to
        with suppress(StoreError):  # a transaction that failed while committing may have moved the cursor
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
    """Return the id of the last row that the cursor `name` has passed; None if there is no such cursor."""
    row = next(store.read("SELECT value FROM marks WHERE name = ?", (name,)), None)
    return None if row is None else int(row[0])


def set_position(cursor: Cursor, name: str, position: int) -> None:
    """Move the cursor `name`, or make it, within a transaction."""
    cursor.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, position))


def delete(cursor: Cursor, *names: str) -> None:
    """Delete cursors within a transaction; a follower that later has such a name begins as a new one."""
    cursor.executemany("DELETE FROM marks WHERE name = ?", [(name,) for name in names])
