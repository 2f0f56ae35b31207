"""Owns the optics of each source on record: its baseline, a row of figures a minute, and its troubles."""

from collections.abc import Iterator
from typing import Any

import msgspec

from inspector.protocol.messages import Tally
from inspector.protocol.optics import KINDS, Figures, Kind, OpticsBaseline, OpticsState, Trouble
from inspector.record.database import Cursor, OpenRecord
from inspector.record.queries import MINUTE_S, Query, restrict_time, restrict_to, struct_of
from inspector.record.shapes.optics_baseline import baseline_from_bytes, baseline_to_bytes


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """Mean figures of a source over an hour or a day that begins at `began_at`, in seconds since 1970."""

    source: str
    began_at: float
    brightness: float
    contrast: float
    sharpness: float
    saturation: float


class PastTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """A trouble with a source's pictures, in seconds since 1970; `ended_at` is None while it is active.

    `figure` is the last figure that shows it, and `usual` that of the baseline.
    """

    source: str
    kind: Kind
    began_at: float
    ended_at: float | None
    figure: float
    usual: float
    detail: str


def save(cursor: Cursor, tally: Tally) -> None:
    """Record the optics in a tally, unless the source does not know yet that it has to learn a new baseline."""
    state = tally.optics
    if state is None:
        return
    row = cursor.execute("SELECT learn_since FROM optics WHERE source = ?", (tally.source,)).fetchone()
    if row is not None and state.since < row[0]:
        return
    if row is None or state.since > row[0]:
        cursor.execute("INSERT OR REPLACE INTO optics VALUES (?, ?, NULL)", (tally.source, state.since))
    if state.baseline is not None:
        usual = baseline_to_bytes(state.baseline)
        cursor.execute("UPDATE optics SET usual = ? WHERE source = ?", (usual, tally.source))
    if state.figures is not None:
        minute = int(state.at // MINUTE_S * MINUTE_S)
        cursor.execute(
            "INSERT OR REPLACE INTO optics_minutes VALUES (?, ?, ?, ?, ?, ?)", (tally.source, minute, *state.figures)
        )
    _end_troubles(cursor, tally.source, [trouble.kind for trouble in state.troubles], tally.at)
    for trouble in state.troubles:
        cursor.execute(
            "INSERT INTO optics_troubles (source, kind, began_at, figure, usual, detail) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET ended_at = NULL, figure = excluded.figure, detail = excluded.detail",
            (tally.source, trouble.kind, trouble.began_at, trouble.figure, trouble.usual, trouble.detail),
        )


def learn_anew(cursor: Cursor, source: str, now: float) -> None:
    """Have a source learn its baseline from pictures captured from `now` on, and end its troubles.

    The newest baseline is the one with the latest time. If the clock was ahead at an earlier call, this one gets a time
    a millisecond after that.
    """
    before = "(SELECT learn_since + 0.001 FROM optics WHERE source = ?)"
    cursor.execute(
        f"INSERT OR REPLACE INTO optics VALUES (?, max(?, ifnull({before}, 0)), NULL)", (source, now, source)
    )
    _end_troubles(cursor, source, [], now)


def learn_since(store: OpenRecord) -> dict[str, float]:
    """Return, by source, the capture time from which pictures count for the baseline, in seconds since 1970."""
    return dict(store.read("SELECT source, learn_since FROM optics"))


def state(store: OpenRecord, source: str) -> OpticsState | None:
    """Return what a source needs when it starts again: its baseline and its active troubles; None: nothing yet."""
    known = baseline(store, source)
    if known is None:
        return None
    since, learned = known
    wrong = [one for one in troubles(store, Query(sources=[source])) if one.ended_at is None]
    active = [Trouble(one.kind, one.began_at, one.figure, one.usual, one.detail) for one in wrong if one.kind in KINDS]
    return OpticsState(
        at=0.0,
        since=since,
        learned=learned.pictures if learned else 0,
        needed=0,
        figures=None,
        troubles=active,
        baseline=learned,
    )


def trend(store: OpenRecord, query: Query, every_s: int) -> list[Trend]:
    """Return mean figures over `every_s` seconds each, within the query's time and sources, by source and time."""
    means = ", ".join(f"avg({name})" for name in Figures._fields)
    columns = f"source, began_at / {every_s} * {every_s}, {means}"
    rows = _rows(store, f"SELECT {columns} FROM optics_minutes", "began_at", query, "GROUP BY 1, 2 ORDER BY 1, 2")
    return [struct_of(Trend, row) for row in rows]


def troubles(store: OpenRecord, query: Query) -> list[PastTrouble]:
    """Return the troubles of the query's sources that overlap its time, by source and time."""
    columns = ", ".join(PastTrouble.__struct_fields__)
    ended_at = "ifnull(ended_at, 9e99)"
    rows = _rows(store, f"SELECT {columns} FROM optics_troubles", ended_at, query, "ORDER BY source, began_at, kind")
    return [struct_of(PastTrouble, row) for row in rows]


def baseline(store: OpenRecord, source: str) -> tuple[float, OpticsBaseline | None] | None:
    """Return from which time the baseline of a source is learned, and the baseline so far; None: nothing on record."""
    row = next(store.read("SELECT learn_since, usual FROM optics WHERE source = ?", (source,)), None)
    return None if row is None else (row[0], baseline_from_bytes(row[1]))


def forget(cursor: Cursor, before: float) -> None:
    """Delete figures from before `before`, in seconds since 1970, and troubles that ended before it."""
    cursor.execute("DELETE FROM optics_minutes WHERE began_at < ?", (before,))
    cursor.execute("DELETE FROM optics_troubles WHERE ended_at < ?", (before,))


def _end_troubles(cursor: Cursor, source: str, but: list[Kind], now: float) -> None:
    """End the active troubles of a source, but not those of the kinds in `but`."""
    cursor.execute(
        "UPDATE optics_troubles SET ended_at = max(began_at, ?) WHERE source = ? AND ended_at IS NULL"
        f" AND kind NOT IN ({', '.join('?' * len(but))})",
        (now, source, *but),
    )


def _rows(store: OpenRecord, select: str, last: str, query: Query, order: str) -> Iterator[tuple[Any, ...]]:
    clauses, values = ["1"], list[object]()
    restrict_time(query, clauses, values, last, "began_at")
    restrict_to("source", query.sources, clauses, values)
    return store.read(f"{select} WHERE {' AND '.join(clauses)} {order}", values)
