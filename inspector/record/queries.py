"""Owns questions to the record: which rows, in which order, by which index."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from msgspec import Struct

from inspector.record.records import SELECTED, Record
from inspector.vocabulary import OUTCOMES

T = TypeVar("T", bound=Struct)

#: Time that one row of the table `minutes` sums up, in seconds.
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records, and in which order. None or an empty list means any. `since` and `until` are seconds since 1970.

    `piece` is the number of a piece. The newest capture comes first; with `oldest_first`, records come in the order in
    which they were recorded. `beyond`: only records that come after the one of this capture time and id, the newest
    capture first.
    """

    since: float | None = None
    until: float | None = None
    sources: Sequence[str] = ()
    labels: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    models: Sequence[str] = ()
    limit: int | None = None
    after_id: int = 0
    last_id: int | None = None
    piece: int | None = None
    beyond: tuple[float, int] | None = None
    oldest_first: bool = field(default=False)

    @property
    def order(self) -> Callable[[Record], tuple[float, int]]:
        """The key that the records are ordered by."""
        return (
            (lambda record: (0.0, record.id)) if self.oldest_first else lambda record: (record.captured_at, record.id)
        )


def struct_of(kind: type[T], row: Sequence[Any]) -> T:
    """Return a struct whose first fields are the columns of a row, in order."""
    return kind(**dict(zip(kind.__struct_fields__, row, strict=False)))


def shares(query: Query) -> list[Query]:
    """Return queries of one statement each; their records, merged by the query's order, are those of the query."""
    if query.oldest_first or query.piece is not None:
        return [query]
    return [replace(query, outcomes=[outcome]) for outcome in dict.fromkeys(query.outcomes or OUTCOMES)]


def next_page(query: Query, last: Record) -> Query:
    """Return the query for the records that come after `last`."""
    if query.oldest_first:
        return replace(query, after_id=last.id)
    return replace(query, beyond=(last.captured_at, last.id))


def statements(query: Query) -> Iterator[tuple[str, list[object]]]:
    """Yield statements and their values. Each gives its rows in the query's order: merging needs no sort and no memory.

    There is one for each outcome, as the index is by outcome: the few defects of an hour are found without reading its
    other frames. Each names its index, because SQLite's planner does not know how rare an outcome is.
    """
    clauses, values = _filters(query)
    limit = "" if query.limit is None else f" LIMIT {int(query.limit)}"
    if query.oldest_first:
        restrict_to("outcome", query.outcomes, clauses, values)
        where = " AND ".join(clauses)
        yield f"SELECT {SELECTED} FROM records NOT INDEXED WHERE {where} ORDER BY id{limit}", values
        return
    order = "captured_at DESC, id DESC"
    if query.piece is not None:
        restrict_to("outcome", query.outcomes, clauses, values)
        table = "records INDEXED BY records_by_piece"
        yield f"SELECT {SELECTED} FROM {table} WHERE {' AND '.join(clauses)} ORDER BY {order}{limit}", values
        return
    where = " AND ".join(["outcome = ?", *clauses])
    for outcome in dict.fromkeys(query.outcomes or OUTCOMES):
        yield (
            f"SELECT {SELECTED} FROM records INDEXED BY records_by_outcome WHERE {where} ORDER BY {order}{limit}",
            [outcome, *values],
        )


def within(query: Query) -> Iterator[tuple[str, list[object]]]:
    """Yield statements and their values that count records of the query's time and sources, by source and outcome.

    Their counts add up: whole minutes are counted from their sums, the time before and after them from the records.
    """
    first = None if query.since is None else math.ceil(query.since / MINUTE_S) * MINUTE_S
    last = None if query.until is None else math.floor(query.until / MINUTE_S) * MINUTE_S
    if first is not None and last is not None and first >= last:
        yield _counting(query)
        return
    yield _summing(replace(query, since=first, until=last))
    if first is not None:
        yield _counting(replace(query, until=first))
    if last is not None:
        yield _counting(replace(query, since=last))


def _summing(query: Query) -> tuple[str, list[object]]:
    clauses, values = ["1"], list[object]()
    restrict_time(query, clauses, values, "began_at", "began_at")
    restrict_to("source", query.sources, clauses, values)
    return f"SELECT source, outcome, SUM(frames) FROM minutes WHERE {' AND '.join(clauses)} GROUP BY 1, 2", values


def _counting(query: Query) -> tuple[str, list[object]]:
    clauses, values = ["outcome IN (?, ?, ?, ?)"], list[object](OUTCOMES)
    restrict_time(query, clauses, values, "captured_at", "captured_at")
    restrict_to("source", query.sources, clauses, values)
    where = " AND ".join(clauses)
    return (
        f"SELECT source, outcome, COUNT(*) FROM records INDEXED BY records_by_outcome WHERE {where} GROUP BY 1, 2",
        values,
    )


def gap_statement(query: Query) -> tuple[str, list[object]]:
    """Return the statement and values for the gaps of the query's sources that overlap its time, by source and time."""
    clauses, values = ["1"], list[object]()
    restrict_time(query, clauses, values, "ended_at", "began_at")
    restrict_to("source", query.sources, clauses, values)
    columns = "source, reason, began_at, ended_at, frames, detail"
    return f"SELECT {columns} FROM gaps WHERE {' AND '.join(clauses)} ORDER BY source, began_at, reason", values


def restrict_time(query: Query, clauses: list[str], values: list[object], last: str, first: str) -> None:
    """Add clauses for rows whose time, from the column `first` to the column `last`, overlaps the query's."""
    for column, operator, bound in ((last, ">=", query.since), (first, "<", query.until)):
        if bound is not None:
            clauses.append(f"{column} {operator} ?")
            values.append(bound)


def restrict_to(column: str, wanted: Sequence[str], clauses: list[str], values: list[object]) -> None:
    """Add a clause for rows whose column is one of `wanted`; none if that is empty."""
    if wanted:
        clauses.append(f"{column} IN ({', '.join('?' * len(wanted))})")
        values.extend(wanted)


def _filters(query: Query) -> tuple[list[str], list[object]]:
    clauses, values = ["id > ?"], list[object]([query.after_id])
    if query.last_id is not None:
        clauses.append("id <= ?")
        values.append(query.last_id)
    if query.beyond is not None:  # instead of `until`: an index scan uses one upper bound, and this is the lower
        clauses += ["captured_at <= ?", "(captured_at < ? OR id < ?)"]
        values += [query.beyond[0], *query.beyond]
        query = replace(query, until=None)
    restrict_time(query, clauses, values, "captured_at", "captured_at")
    if query.piece is not None:
        clauses.append("piece = ?")
        values.append(query.piece)
    for column, wanted in (("source", query.sources), ("label", query.labels), ("model", query.models)):
        restrict_to(column, wanted, clauses, values)
    return clauses, values
