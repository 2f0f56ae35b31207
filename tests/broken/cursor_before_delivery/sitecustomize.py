"""A broken build for tests/stress/chaos.py to catch: a follower's cursor moves before its rows are delivered."""

from collections.abc import Sequence
from typing import Any

from inspector.record.followers import Follower, set_position
from tests import struck

_deliver = Follower._deliver


def _move_first(self: Follower[Any], rows: Sequence[tuple[int, Any]], through: int, ends_at: float) -> bool:
    with self._store.transaction() as cursor:
        set_position(cursor, self.name, through)
    struck.here(self.name)
    return _deliver(self, rows, through, ends_at)


Follower._deliver = _move_first  # type: ignore[method-assign]
