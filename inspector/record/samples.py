"""Owns the sampled frames on record: those that the source chose at random, whatever became of them."""

from pathlib import Path
from typing import NamedTuple

from inspector.errors import StoreError
from inspector.record.database import OpenRecord
from inspector.record.queries import Query, restrict_time, restrict_to
from inspector.record.store import Store

#: How long a locked record is waited for, in seconds: frames wait meanwhile.
_PATIENCE_S = 1.0


class SampledFrame(NamedTuple):
    """When a sampled frame was captured (seconds since 1970 UTC), and where it lies, where that is known."""

    captured_at: float
    piece: str
    at_mm: float | None


def last_samples(data: Path, source: str, limit: int) -> list[SampledFrame]:
    """Return the last sampled frames of a source, the oldest first; none where there is no record to be read."""
    try:
        store = Store(data, read_only=True, patience_s=_PATIENCE_S)
    except StoreError:
        return []
    try:
        found = store.read(
            "SELECT samples.captured_at, (SELECT name FROM pieces WHERE pieces.id = piece), at_mm FROM samples"
            " CROSS JOIN records ON id = record WHERE samples.source = ? ORDER BY samples.captured_at DESC LIMIT ?",
            (source, limit),
        )
        return [SampledFrame(at, piece or "", at_mm) for at, piece, at_mm in found][::-1]
    except StoreError:
        return []
    finally:
        store.close()


def passed(store: OpenRecord, query: Query) -> int:
    """Return how many sampled frames of the query's time, sources and models are on record as ok."""
    clauses, values = ["outcome = 'ok'"], list[object]()
    restrict_time(query, clauses, values, "samples.captured_at", "samples.captured_at")
    restrict_to("samples.source", query.sources, clauses, values)
    restrict_to("model", query.models, clauses, values)
    statement = f"SELECT COUNT(*) FROM samples CROSS JOIN records ON id = record WHERE {' AND '.join(clauses)}"
    return int(next(store.read(statement, values))[0])
