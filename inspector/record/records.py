"""Owns what a record is: how one frame ended; as a row of the table, as an object, as a line of JSON."""

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

#: Takes the values of `to_row`.
INSERT = (
    "INSERT INTO records (source, frame, epoch, name, sequence, captured_at, recorded_at, outcome, label, severity,"
    " score, reason, width, height, regions, model, attempt, latency_s, piece, at_mm, length_mm, area, recipe,"
    " in_doubt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (source, frame) DO NOTHING"  # that repeat alone: OR IGNORE would also swallow a value it cannot keep
)

_PIXELS, _PLACE = ("x", "y", "width", "height", "label", "score"), ("x_mm", "y_mm", "width_mm", "length_mm")
#: The columns of parts of a frame, by their table.
PARTS = {"regions": (*_PIXELS, "severity", *_PLACE), "doubts": (*_PIXELS, "reason", *_PLACE)}


def _insert(table: str) -> str:
    columns = ("record", *PARTS[table])
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


#: They take the values of `region_rows` and `doubt_rows`.
INSERT_REGION, INSERT_DOUBT = _insert("regions"), _insert("doubts")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row: how one frame ended. Times are seconds since 1970 UTC; `latency_s` is from capture to record.

    A region is a rectangle in pixels with label, score and severity, the worst first, and the rectangle on the piece
    in mm where that is known. The frame lies `at_mm` along its `piece` and is `length_mm` long. `area`: x, y, width and
    height of what was inspected; None: all. `recipe` is what decided it, "" where that was `decision`; None: it is not
    known by which to decide it. `doubts` are rectangles like regions, with the reason why it is unsure what they show,
    the largest first; `in_doubt`: how much of the area, from 0 to 1; None: all of it or nothing, as the outcome says.
    `evidence` is the path of the frame's picture, where one is kept. `reason` is a sentence, and `reason_code` its code
    for programs, "" for a sentence of its own.
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


_MADE = ("piece", "regions", "doubts", "evidence", "reason_code")  # of other columns or tables
_COLUMNS = [name for name in Record.__struct_fields__ if name not in _MADE]


def _as_json(table: str) -> str:
    """The parts of a record: the index has them in the order in which they were written."""
    one = f"json_object({', '.join(f'{name!r}, {name}' for name in PARTS[table])})"
    return f"SELECT json_group_array({one}) FROM {table} INDEXED BY {table}_by_record WHERE record = records.id"


#: What a SELECT asks of `records` for `from_row`.
SELECTED = ", ".join(
    [
        *_COLUMNS,
        f"CASE outcome WHEN 'defect' THEN ({_as_json('regions')}) ELSE '[]' END",
        f"CASE WHEN in_doubt > 0 THEN ({_as_json('doubts')}) ELSE '[]' END",
        "(SELECT name FROM pieces WHERE pieces.id = records.piece)",
        "(SELECT bytes FROM evidence WHERE record = records.id)",
    ]
)


def to_row(model: str, verdict: Verdict, spot: Spot, now: float, monotonic: float) -> tuple[object, ...]:
    """A verdict as it is recorded at `now` (since 1970), which is `monotonic` on the clock of its capture."""
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
    """The regions of a verdict, as they are recorded with the row of that number."""
    return [(record, *_pixels(one), one.severity, *spot.rectangle(one)) for one in verdict.regions]


def doubt_rows(record: int, verdict: Verdict, spot: Spot) -> list[tuple[object, ...]]:
    """The same of its doubts."""
    return [(record, *_pixels(one), reason_to_text(one.reason), *spot.rectangle(one)) for one in verdict.doubts]


def from_row(row: tuple[Any, ...], data: Path) -> Record:
    """A row of `SELECTED`; `data` is the folder that holds record and evidence."""
    *columns, regions, doubts, piece, kept_bytes = row
    values = dict(zip(_COLUMNS, columns, strict=True))
    values["regions"], values["doubts"] = json.loads(regions), json.loads(doubts)
    values["area"] = None if values["area"] is None else json.loads(values["area"])
    values["piece"] = piece or ""
    values["reason_code"], values["reason"] = _explained(values["reason"])
    for doubt in values["doubts"]:
        doubt["reason_code"], doubt["reason"] = _explained(doubt["reason"])
    if kept_bytes is not None:
        place = evidence.place(values["captured_at"], values["source"], values["frame"])
        values["evidence"] = str(data.absolute() / evidence.FOLDER / place)
    return Record(**values)


def _explained(text: str) -> tuple[ReasonCode, str]:
    """Return the code and the sentence of a reason that is kept."""
    kept = reason_from_text(text)
    return kept.code, str(kept)


def to_json(record: Record) -> str:
    """The record as one line of JSON."""
    return printable_json(json.dumps(asdict(record), ensure_ascii=False))


def _pixels(part: Region | Doubt) -> tuple[object, ...]:
    return tuple(getattr(part, name) for name in _PIXELS)
