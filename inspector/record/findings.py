"""Owns what the rules found, on record: alarms and marks of rolls; as rows, as objects, and which of them stay."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import asdict

from inspector.host.printable import printable_json
from inspector.record import followers
from inspector.record.database import Cursor, OpenRecord

#: Cursors: the row after which the rules began, and the last one that they have judged.
RULES_BEGAN, RULES_CURSOR = "rules_began", "rules"
#: So many of each stay at most; the oldest go first.
KEEP = 100_000


class Alarm(msgspec.Struct, kw_only=True):
    """An alarm of a rule; it goes on while `cleared_at` is None. `piece` is "" where none is known.

    Times are when the frame was captured that raised or cleared it, seconds since 1970. `count` defects are from
    `from_mm` to `to_mm` along the piece; None where the rule does not count in mm. The limit was reached `at`, in what
    the rule counts in: mm, frames of the source, or seconds since 1970. `id` is 0 before it is on record.
    """

    id: int
    source: str
    piece: str
    rule: str
    raised_at: float
    cleared_at: float | None
    from_mm: float | None
    to_mm: float | None
    count: int
    detail: str
    at: float


class RollMark(msgspec.Struct, kw_only=True):
    """A mark of a roll; it goes on while `ended_at` is None. `rolls` fit its distance, the nearest first.

    `confidence`: see quality/periodic_defects.py. It is `width_mm` wide from `x_mm` on, and was met `repeats` times
    between `first_mm` and `last_mm`.
    """

    id: int
    source: str
    piece: str
    label: str
    found_at: float
    ended_at: float | None
    rolls: list[str] = []
    distance_mm: float = 0.0
    confidence: float = 0.0
    repeats: int = 0
    x_mm: float = 0.0
    width_mm: float = 0.0
    first_mm: float = 0.0
    last_mm: float = 0.0


Found = TypeVar("Found", Alarm, RollMark)
_TABLES: dict[type, str] = {Alarm: "alarms", RollMark: "roll_marks"}
_ENDED: dict[type, str] = {Alarm: "cleared_at", RollMark: "ended_at"}
_BEGAN: dict[type, str] = {Alarm: "raised_at", RollMark: "found_at"}


def save(cursor: Cursor, found: Alarm | RollMark, piece: int | None) -> None:
    """Put it on record, or what has changed of it; `piece` is the number of the piece that it was found on."""
    table, values = _TABLES[type(found)], asdict(found)
    del values["id"], values["piece"]
    if isinstance(found, RollMark):
        values["rolls"] = msgspec.json.encode(found.rolls).decode()
    if found.id:
        cursor.execute(
            f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?",
            [*values.values(), found.id],
        )
        return
    places = ", ".join("?" * (len(values) + 1))
    cursor.execute(f"INSERT INTO {table} ({', '.join(values)}, piece) VALUES ({places})", [*values.values(), piece])
    found.id = cursor.lastrowid or 0


def read(
    store: OpenRecord,
    kind: type[Found],
    piece: int | None = None,
    since: float | None = None,
    until: float | None = None,
    going_on: bool = False,
    after_id: int = 0,
    last_id: int | None = None,
) -> list[Found]:
    """Those on record, the oldest first: of the piece of that number, begun in that time, only those that go on."""
    clauses, values = ["id > ?"], list[object]([after_id])
    began = _BEGAN[kind]
    bounds = (("piece = ?", piece), (f"{began} >= ?", since), (f"{began} < ?", until), ("id <= ?", last_id))
    for clause, value in bounds:
        if value is not None:
            clauses.append(clause)
            values.append(value)
    if going_on:
        clauses.append(f"{_ENDED[kind]} IS NULL")
    table = _TABLES[kind]
    name = f"COALESCE((SELECT name FROM pieces WHERE pieces.id = {table}.piece), '')"
    columns = ", ".join(name if column == "piece" else column for column in kind.__struct_fields__)
    rows = store.read(f"SELECT {columns} FROM {table} WHERE {' AND '.join(clauses)} ORDER BY id", values)
    return [_from_row(kind, row) for row in rows]


def judged(store: OpenRecord, piece: int) -> bool:
    """Whether the rules have seen every frame of the piece that is on record."""
    began, judged = (followers.position(store, name) for name in (RULES_BEGAN, RULES_CURSOR))
    statement = "SELECT MIN(id), MAX(id) FROM records INDEXED BY records_by_piece WHERE piece = ?"
    first, last = next(store.read(statement, (piece,)))
    if first is None or began is None or judged is None:
        return False
    return bool(began < first and last <= judged)


def forget(cursor: Cursor, before: float) -> None:
    """Delete what began before then, what is too much, and what is of a piece that is gone."""
    for kind, table in _TABLES.items():
        newest = f"(SELECT COALESCE(MAX(id), 0) FROM {table})"
        gone = "piece IS NOT NULL AND piece NOT IN (SELECT id FROM pieces)"
        cursor.execute(
            f"DELETE FROM {table} WHERE {_BEGAN[kind]} < ? OR id <= {newest} - ? OR ({gone})", (before, KEEP)
        )


def end_all(cursor: Cursor, now: float) -> None:
    """Nothing goes on any more."""
    for kind, table in _TABLES.items():
        cursor.execute(f"UPDATE {table} SET {_ENDED[kind]} = ? WHERE {_ENDED[kind]} IS NULL", (now,))


def to_json(found: Alarm | RollMark) -> str:
    """It as one line of JSON that says what it is: `kind` is alarm or roll_mark."""
    kind = "alarm" if isinstance(found, Alarm) else "roll_mark"
    return printable_json(msgspec.json.encode({"kind": kind, **asdict(found)}).decode())


def _from_row(kind: type[Found], row: Sequence[Any]) -> Found:
    values = dict(zip(kind.__struct_fields__, row, strict=True))
    if kind is RollMark:
        values["rolls"] = msgspec.json.decode(values["rolls"])
    return kind(**values)
