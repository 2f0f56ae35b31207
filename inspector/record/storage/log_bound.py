"""Owns the bound of the record's log: what is written comes here first, and goes on into the file from time to time.

What someone reads cannot be taken out of it, so a reader that does not end lets it grow.
"""

import logging

from inspector.errors import HinderedError
from inspector.record.database import LOG_BYTES
from inspector.record.storage import lock_holders
from inspector.record.storage.file_set import LOG
from inspector.record.storage.lock_holders import Holder
from inspector.record.store import Store

log = logging.getLogger(__name__)

#: Larger than this, it is worth a word.
TROUBLE_BYTES = 4 * LOG_BYTES


class RecordLog:
    """The log of one record, looked at now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.path.with_name(f"{store.path.name}{LOG}")
        self._readers: set[Holder] = set()
        self.trouble = ""

    def look(self) -> int:
        """Empty it where it is larger than it should be; its bytes. StoreError where that fails."""
        before = self.trouble
        if self._size() > LOG_BYTES:
            try:
                self._store.checkpoint()
            except HinderedError as error:  # the next look tries again
                log.debug("%s", error)
        size = self._size()
        reading = lock_holders.readers(self._store.path) if size > LOG_BYTES else set()
        lasting, self._readers = reading & self._readers, reading  # the line's own read for a moment
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
