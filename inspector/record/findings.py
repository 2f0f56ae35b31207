"""Owns the rules' findings on record, alarms and marks of rolls: as rows, as objects, and how long they stay."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import asdict

from inspector.host.printable import printable_json
from inspector.record import followers
from inspector.record.database import Cursor, OpenRecord

#: Names of cursors: at the row after which the rules began, and at the last row that they have judged.
RULES_BEGAN, RULES_CURSOR = "rules_began", "rules"
#: Largest number of alarms, and of roll marks, that are kept; the oldest go first.
KEEP = 100_000


class Alarm(msgspec.Struct, kw_only=True):
    """An alarm of a rule. It is active while `cleared_at` is None. `piece` is "" if none is known.

    `raised_at` and `cleared_at` are the capture times of the frames that raised and cleared it, in seconds since 1970.
    `count` defects lie from `from_mm` to `to_mm` along the piece; None if the rule does not count in mm. `at` is where
    the limit was reached, in the unit in which the rule counts: mm, frames of the source, or seconds since 1970. `id`
    is 0 until the alarm is on record.
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
    """A mark of a roll. It is active while `ended_at` is None. `rolls` are those that fit its distance, nearest first.

    `confidence`: see quality/periodic_defects.py. The mark is `width_mm` wide from `x_mm` on, and was found `repeats`
    times between `first_mm` and `last_mm`.
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
    """Record a finding, or its changes if it is on record; `piece` is the number of the piece it was found on."""
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
    """Return the findings of a kind on record, the oldest first.

    Only those on the piece of that number, begun from `since` to `until` (seconds since 1970), and, if `going_on`,
    still active; None: any.
    """
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
    """Return whether the rules have judged every frame of the piece that is on record."""
    began, judged = (followers.position(store, name) for name in (RULES_BEGAN, RULES_CURSOR))
    statement = "SELECT MIN(id), MAX(id) FROM records INDEXED BY records_by_piece WHERE piece = ?"
    first, last = next(store.read(statement, (piece,)))
    if first is None or began is None or judged is None:
        return False
    return bool(began < first and last <= judged)


def forget(cursor: Cursor, before: float) -> None:
    """Delete findings that began before `before`, those beyond KEEP, and those of pieces that are gone."""
    for kind, table in _TABLES.items():
        newest = f"(SELECT COALESCE(MAX(id), 0) FROM {table})"
        gone = "piece IS NOT NULL AND piece NOT IN (SELECT id FROM pieces)"
        cursor.execute(
            f"DELETE FROM {table} WHERE {_BEGAN[kind]} < ? OR id <= {newest} - ? OR ({gone})", (before, KEEP)
        )


def end_all(cursor: Cursor, now: float) -> None:
    """End every active finding at `now`."""
    for kind, table in _TABLES.items():
        cursor.execute(f"UPDATE {table} SET {_ENDED[kind]} = ? WHERE {_ENDED[kind]} IS NULL", (now,))


def to_json(found: Alarm | RollMark) -> str:
    """Return a finding as one line of JSON; its `kind` is alarm or roll_mark."""
    kind = "alarm" if isinstance(found, Alarm) else "roll_mark"
    return printable_json(msgspec.json.encode({"kind": kind, **asdict(found)}).decode())


def _from_row(kind: type[Found], row: Sequence[Any]) -> Found:
    values = dict(zip(kind.__struct_fields__, row, strict=True))
    if kind is RollMark:
        values["rolls"] = msgspec.json.decode(values["rolls"])
    return kind(**values)
