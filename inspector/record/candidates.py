"""Owns the frames on record that a person may want to review: unsure ones, defects, and ok ones with a picture.

At most the newest LOOKED_AT records of each kind are read, by index, however large the record is.
"""

from collections.abc import Generator
from dataclasses import dataclass

from inspector.record.database import OpenRecord
from inspector.record.evidence import evidence
from inspector.record.queries import Query, restrict_time, restrict_to
from inspector.record.shapes.reason import reason_from_text
from inspector.vocabulary import ReasonCode

#: Largest number of records of one kind that are read, the newest first.
LOOKED_AT = 20_000
_COLUMNS = "source, frame, captured_at, label, severity, score, reason, recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A frame, by the number of its record, and how it was decided.

    `captured_at` is in seconds since 1970. `picture` is the path of its picture below the evidence folder, "" if none
    is kept. `recipe` is None where no recipe could be chosen.
    """

    record: int
    source: str
    frame: str
    captured_at: float
    label: str
    severity: str
    score: float
    code: ReasonCode
    recipe: str | None
    sampled: bool
    picture: str


def decided(store: OpenRecord, outcome: str, query: Query) -> Generator[Candidate, None, None]:
    """Yield the frames of an outcome within the query's time and sources, the newest capture first."""
    clauses, values = ["outcome = ?"], list[object]([outcome])
    restrict_time(query, clauses, values, "captured_at", "captured_at")
    newest = (
        f"SELECT id FROM records INDEXED BY records_by_outcome WHERE {' AND '.join(clauses)}"
        f" ORDER BY captured_at DESC, id DESC LIMIT {LOOKED_AT}"
    )
    yield from _read(store, newest, values, query)


def passed(store: OpenRecord, query: Query) -> Generator[Candidate, None, None]:
    """Yield the ok frames with a kept picture within the query's time and sources, the newest record first."""
    clauses, values = ["tier = 'ok'"], list[object]()
    restrict_time(query, clauses, values, "captured_at", "captured_at")
    newest = (
        f"SELECT record AS id FROM evidence INDEXED BY evidence_by_tier WHERE {' AND '.join(clauses)}"
        f" ORDER BY record DESC LIMIT {LOOKED_AT}"
    )
    yield from _read(store, newest, values, query)


def numbered(store: OpenRecord, source: str, frame: str) -> int | None:
    """Return the number of a frame's record; None if the frame is no longer on record."""
    found = next(store.read("SELECT id FROM records WHERE source = ? AND frame = ?", (source, frame)), None)
    return None if found is None else int(found[0])


def _read(store: OpenRecord, newest: str, values: list[object], query: Query) -> Generator[Candidate, None, None]:
    clauses, values = ["1"], [*values]
    restrict_to("source", query.sources, clauses, values)
    noted = ", ".join(f"EXISTS (SELECT 1 FROM {table} WHERE record = records.id)" for table in ("samples", "evidence"))
    statement = f"SELECT records.id, {_COLUMNS}, {noted} FROM ({newest}) AS newest CROSS JOIN records USING (id)"
    for number, source, frame, captured_at, label, severity, score, reason, recipe, sampled, has_picture in store.read(
        f"{statement} WHERE {' AND '.join(clauses)}", values
    ):
        yield Candidate(
            record=number, source=source, frame=frame, captured_at=captured_at, label=label, severity=severity,
            score=score, code=reason_from_text(reason).code, recipe=recipe, sampled=bool(sampled),
            picture=evidence.place(captured_at, source, frame) if has_picture else "",
        )  # fmt: skip
