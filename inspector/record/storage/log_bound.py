"""Owns the bound of the record's log: SQLite writes to it first, and moves its content into the database later.

Content that someone reads cannot be moved, so a reader that does not end lets the log grow.
"""

import logging

from inspector.errors import HinderedError
from inspector.record.database import LOG_BYTES
from inspector.record.storage import lock_holders
from inspector.record.storage.file_set import LOG
from inspector.record.storage.lock_holders import Holder
from inspector.record.store import Store

log = logging.getLogger(__name__)

#: Size from which the log is reported, in bytes.
TROUBLE_BYTES = 4 * LOG_BYTES


class RecordLog:
    """The log of one record, checked regularly."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.path.with_name(f"{store.path.name}{LOG}")
        self._readers: set[Holder] = set()
        self.trouble = ""

    def look(self) -> int:
        """Empty the log if it is larger than LOG_BYTES; return its size in bytes. Raise StoreError if that fails."""
        before = self.trouble
        if self._size() > LOG_BYTES:
            try:
                self._store.checkpoint()
            except HinderedError as error:  # the next call tries again
                log.debug("%s", error)
        size = self._size()
        reading = lock_holders.readers(self._store.path) if size > LOG_BYTES else set()
        lasting, self._readers = reading & self._readers, reading  # those of the line itself read only for a moment
        who = lock_holders.named(lasting, self._store.path)
        self.trouble = (
            f"{self._path.name} has {size / 1e6:.0f} MB and grows: {who} reads the record and does not end"
            if size > TROUBLE_BYTES
            else ""
        )
        if bool(self.trouble) != bool(before):
            log.warning("%s", self.trouble or f"{self._path.name} is small again")
        return size

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0
