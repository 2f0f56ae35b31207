"""Owns questions to the record: which rows, in which order, by which index; and what a row is."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from inspector import evidence
from inspector.decide import OUTCOMES, Outcome


class Record(msgspec.Struct, frozen=True):
    """One row: how one frame ended. Times are seconds since 1970 UTC; `latency_s` is from capture to record.

    A region is a rectangle in pixels with label and score; `evidence` is the path of the frame's picture, where one
    is kept.
    """

    id: int
    source: str
    frame: str
    name: str
    sequence: int
    captured_at: float
    recorded_at: float
    outcome: Outcome
    label: str
    severity: str
    score: float
    reason: str
    width: int
    height: int
    regions: list[dict[str, Any]]
    model: str
    attempt: int
    latency_s: float
    evidence: str = ""


_COLUMNS = [name for name in Record.__struct_fields__ if name != "evidence"]


@dataclass(frozen=True, slots=True)
class Query:
    """Which records: None or nothing means any. `since` and `until` are seconds since 1970.

    Newest capture first; with `oldest_first` in the order in which they were recorded.
    """

    since: float | None = None
    until: float | None = None
    sources: Sequence[str] = ()
    labels: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    models: Sequence[str] = ()
    limit: int | None = None
    after_id: int = 0
    oldest_first: bool = field(default=False)

    @property
    def order(self) -> Callable[[Record], tuple[float, int]]:
        """What the records are ordered by."""
        return (
            (lambda record: (0.0, record.id)) if self.oldest_first else lambda record: (record.captured_at, record.id)
        )


def statements(query: Query) -> Iterator[tuple[str, list[object]]]:
    """SQL and its values; each gives its rows in the query's order, so that merging them sorts and keeps nothing.

    One for each outcome, as the index has them: the few defects of an hour are found without the rest of it. Which
    index is said, because SQLite's planner knows nothing of how rare an outcome is.
    """
    columns = ", ".join([*_COLUMNS, "(SELECT bytes FROM evidence WHERE record = records.id)"])
    clauses, values = _filters(query)
    limit = "" if query.limit is None else f" LIMIT {int(query.limit)}"
    if query.oldest_first:
        if query.outcomes:
            clauses.append(f"outcome IN ({', '.join('?' * len(query.outcomes))})")
        where = " AND ".join(clauses)
        yield f"SELECT {columns} FROM records NOT INDEXED WHERE {where} ORDER BY id{limit}", [*values, *query.outcomes]
        return
    where = " AND ".join(["outcome = ?", *clauses])
    order = "captured_at DESC, id DESC"
    for outcome in dict.fromkeys(query.outcomes or OUTCOMES):
        yield (
            f"SELECT {columns} FROM records INDEXED BY records_by_outcome WHERE {where} ORDER BY {order}{limit}",
            [outcome, *values],
        )


def within(query: Query, whose: str) -> tuple[str, list[object]]:
    """SQL that counts the records captured within the query's time, by `whose` (an SQL expression) and outcome."""
    clauses, values = ["outcome IN (?, ?, ?, ?)"], list[object](OUTCOMES)
    _restrict_time(query, clauses, values, "captured_at", "captured_at")
    where = " AND ".join(clauses)
    return (
        f"SELECT {whose}, outcome, COUNT(*) FROM records INDEXED BY records_by_outcome WHERE {where} GROUP BY 1, 2",
        values,
    )


def gap_statement(query: Query) -> tuple[str, list[object]]:
    """SQL for the gaps that overlap the query's time and are of its sources, by source and time."""
    clauses, values = ["1"], list[object]()
    _restrict_time(query, clauses, values, "ended_at", "began_at")
    if query.sources:
        clauses.append(f"source IN ({', '.join('?' * len(query.sources))})")
        values.extend(query.sources)
    columns = "source, reason, began_at, ended_at, frames, detail"
    return f"SELECT {columns} FROM gaps WHERE {' AND '.join(clauses)} ORDER BY source, began_at, reason", values


def _restrict_time(query: Query, clauses: list[str], values: list[object], last: str, first: str) -> None:
    for column, operator, bound in ((last, ">=", query.since), (first, "<", query.until)):
        if bound is not None:
            clauses.append(f"{column} {operator} ?")
            values.append(bound)


def record(row: tuple[Any, ...], data: Path) -> Record:
    """A row of those statements; `data` is the folder that holds record and evidence."""
    *columns, kept_bytes = row
    values = dict(zip(_COLUMNS, columns, strict=True))
    values["regions"] = json.loads(values["regions"])
    if kept_bytes is not None:
        place = evidence.place(values["captured_at"], values["source"], values["frame"])
        values["evidence"] = str(data.absolute() / evidence.FOLDER / place)
    return Record(**values)


def to_json(record: Record) -> str:
    """The record as one line of JSON."""
    return json.dumps(asdict(record), ensure_ascii=False)


def _filters(query: Query) -> tuple[list[str], list[object]]:
    clauses, values = ["id > ?"], list[object]([query.after_id])
    _restrict_time(query, clauses, values, "captured_at", "captured_at")
    for column, wanted in (("source", query.sources), ("label", query.labels), ("model", query.models)):
        if wanted:
            clauses.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values.extend(wanted)
    return clauses, values
