"""Owns the record of how one frame ended: as a row of the table, as an object, as a line of JSON."""

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict

from inspector.host.printable import printable_json
from inspector.protocol.verdicts import Doubt, Region, Verdict
from inspector.record.evidence import evidence
from inspector.record.position import Spot
from inspector.record.shapes.reason import reason_from_text, reason_to_text
from inspector.vocabulary import Outcome, ReasonCode

#: Statement that takes the values of `to_row`.
INSERT = (
    "INSERT INTO records (source, frame, epoch, name, sequence, captured_at, recorded_at, outcome, label, severity,"
    " score, reason, width, height, regions, model, attempt, latency_s, piece, at_mm, length_mm, area, recipe,"
    " in_doubt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (source, frame) DO NOTHING"  # a repeat alone: OR IGNORE would drop rows that break a constraint, too
)

_PIXELS, _PLACE = ("x", "y", "width", "height", "label", "score"), ("x_mm", "y_mm", "width_mm", "length_mm")
#: Columns of the parts of a frame, by table.
PARTS = {"regions": (*_PIXELS, "severity", *_PLACE), "doubts": (*_PIXELS, "reason", *_PLACE)}


def _insert(table: str) -> str:
    columns = ("record", *PARTS[table])
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


#: Statements that take the values of `region_rows` and of `doubt_rows`.
INSERT_REGION, INSERT_DOUBT = _insert("regions"), _insert("doubts")
#: Takes the number of a sampled frame's record, its source and its time of capture.
INSERT_SAMPLE = "INSERT INTO samples (record, source, captured_at) VALUES (?, ?, ?)"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row: how one frame ended. Times are in seconds since 1970 UTC; `latency_s` is from capture to record.

    `regions`, the worst first: rectangles in pixels with label, score and severity, and the rectangle on the piece in
    mm if that is known. The frame lies `at_mm` along its `piece` and is `length_mm` long. `area`: x, y, width and
    height of the inspected part; None: the whole frame. `recipe` decided it, "" if `decision` did; None: its recipe is
    not known. `doubts`, the largest first: rectangles like regions, with the reason why their content is unsure.
    `in_doubt` is their share of the area, from 0 to 1; None: all or nothing, as the outcome says. `evidence` is the
    path of the frame's picture, "" if none is kept. `reason` is a sentence, and `reason_code` its code for programs;
    "" if the sentence has none. `sampled`: the source chose the frame at random, before it was decided.
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
    piece: str = ""
    at_mm: float | None = None
    length_mm: float | None = None
    area: list[int] | None = None
    recipe: str | None = ""
    in_doubt: float | None = None
    doubts: list[dict[str, Any]] = []
    evidence: str = ""
    reason_code: ReasonCode = ""
    sampled: bool = False


_MADE = ("piece", "regions", "doubts", "evidence", "reason_code", "sampled")  # computed from other columns or tables
_COLUMNS = [name for name in Record.__struct_fields__ if name not in _MADE]


def _as_json(table: str) -> str:
    """Return the SQL of a record's parts as JSON; the index keeps them in the order in which they were written."""
    one = f"json_object({', '.join(f'{name!r}, {name}' for name in PARTS[table])})"
    return f"SELECT json_group_array({one}) FROM {table} INDEXED BY {table}_by_record WHERE record = records.id"


#: Columns that a SELECT from `records` returns for `from_row`.
SELECTED = ", ".join(
    [
        *_COLUMNS,
        f"CASE outcome WHEN 'defect' THEN ({_as_json('regions')}) ELSE '[]' END",
        f"CASE WHEN in_doubt > 0 THEN ({_as_json('doubts')}) ELSE '[]' END",
        "(SELECT name FROM pieces WHERE pieces.id = records.piece)",
        "(SELECT bytes FROM evidence WHERE record = records.id)",
        "EXISTS (SELECT 1 FROM samples WHERE record = records.id)",
    ]
)


def to_row(model: str, verdict: Verdict, spot: Spot, now: float, monotonic: float) -> tuple[object, ...]:
    """Return a verdict as a row recorded at `now`, in seconds since 1970; `monotonic` is the same moment in s."""
    header = verdict.header
    return (
        header.source,
        header.frame,
        header.epoch,
        header.name,
        header.sequence,
        header.captured_at,
        now,
        verdict.outcome,
        verdict.label,
        verdict.severity,
        verdict.score,
        reason_to_text(verdict.reason),
        header.width,
        header.height,
        model,
        header.attempt,
        max(0.0, monotonic - header.captured_mono),
        spot.piece,
        spot.at_mm,
        spot.length_mm(header.height),
        None if verdict.area is None else json.dumps(verdict.area),
        verdict.recipe,
        verdict.in_doubt,
    )


def region_rows(record: int, verdict: Verdict, spot: Spot) -> list[tuple[object, ...]]:
    """Return the regions of a verdict as rows that belong to the record of that number."""
    return [(record, *_pixels(one), one.severity, *spot.rectangle(one)) for one in verdict.regions]


def doubt_rows(record: int, verdict: Verdict, spot: Spot) -> list[tuple[object, ...]]:
    """Return the doubts of a verdict as rows that belong to the record of that number."""
    return [(record, *_pixels(one), reason_to_text(one.reason), *spot.rectangle(one)) for one in verdict.doubts]


def from_row(row: tuple[Any, ...], data: Path) -> Record:
    """Return the record of a row of `SELECTED`; `data` is the folder of record and evidence."""
    *columns, regions, doubts, piece, kept_bytes, sampled = row
    values = dict(zip(_COLUMNS, columns, strict=True))
    values["regions"], values["doubts"] = json.loads(regions), json.loads(doubts)
    values["area"] = None if values["area"] is None else json.loads(values["area"])
    values["piece"], values["sampled"] = piece or "", bool(sampled)
    values["reason_code"], values["reason"] = _explained(values["reason"])
    for doubt in values["doubts"]:
        doubt["reason_code"], doubt["reason"] = _explained(doubt["reason"])
    if kept_bytes is not None:
        place = evidence.place(values["captured_at"], values["source"], values["frame"])
        values["evidence"] = str(data.absolute() / evidence.FOLDER / place)
    return Record(**values)


def _explained(text: str) -> tuple[ReasonCode, str]:
    """Return the code and the sentence of a reason on record."""
    kept = reason_from_text(text)
    return kept.code, str(kept)


def to_json(record: Record) -> str:
    """Return the record as one line of JSON."""
    return printable_json(json.dumps(asdict(record), ensure_ascii=False))


def _pixels(part: Region | Doubt) -> tuple[object, ...]:
    return tuple(getattr(part, name) for name in _PIXELS)
