"""A broken build for tests/stress/chaos.py to catch: the record has no unique key, so a repeated frame has two rows."""

from inspector.record import records, schema

_KEY = ",\n        UNIQUE (source, frame)\n    );"
_first, *_rest = schema.MIGRATIONS
if _KEY not in _first:
    raise ImportError("the record's key is written in another way now: this broken build breaks nothing")
schema.MIGRATIONS = (
    # An index that is not unique, so that only the promise is broken and not the speed.
    _first.replace(_KEY, "\n    ); CREATE INDEX records_by_frame ON records (source, frame);"),
    *_rest,
)

_REPEAT = " ON CONFLICT (source, frame) DO NOTHING"
if _REPEAT not in records.INSERT:
    raise ImportError("the record's insert is written in another way now: this broken build breaks nothing")
records.INSERT = records.INSERT.replace(_REPEAT, "")
