"""Owns the answers about defects: the records of frames that match a question, and the defects of a piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from inspector.answers import names
from inspector.answers.line_record import LineRecord
from inspector.errors import QuestionError
from inspector.quality import defects
from inspector.quality.defects import Defect
from inspector.record import pieces
from inspector.record.pieces import Piece
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.vocabulary import OUTCOMES

__all__ = ["Defect", "DefectsAnswer", "DefectsQuestion", "Record", "RecordsQuestion", "of_piece", "records"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsQuestion:
    """Which frames' records: None or nothing means any. Times are seconds since 1970 UTC; `piece` is its name.

    Raise QuestionError for an outcome that there is not, and for a negative limit.
    """

    since: float | None = None
    until: float | None = None
    sources: Sequence[str] = ()
    labels: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    models: Sequence[str] = ()
    piece: str = ""
    limit: int | None = None

    def __post_init__(self) -> None:
        _check_limit(self.limit)
        for outcome in self.outcomes:
            if outcome not in OUTCOMES:
                raise QuestionError(f"verdict {outcome}: a frame ends as one of {', '.join(OUTCOMES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectsQuestion:
    """Which defects of the piece of that name: no sources or labels means any. Raise QuestionError: negative limit."""

    piece: str
    sources: Sequence[str] = ()
    labels: Sequence[str] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        _check_limit(self.limit)


class DefectsAnswer(msgspec.Struct, frozen=True):
    """The defects of a piece, by source and place along it: `total` match, `defects` holds the first of them."""

    piece: Piece
    defects: list[Defect]
    total: int


def records(line: LineRecord, question: RecordsQuestion) -> Iterator[Record]:
    """Return the records that match, newest capture first, read page by page: 10 million need no more memory than one.

    Raise QuestionError for a name that is not on record, ConfigError for such a piece.
    """
    names.check_decided(line.store, question.labels, question.models)
    names.check_sources(line.store, line.settings, question.sources)
    query = Query(
        since=question.since,
        until=question.until,
        sources=question.sources,
        labels=question.labels,
        outcomes=question.outcomes,
        models=question.models,
        limit=question.limit,
        piece=pieces.find(line.store, question.piece).id if question.piece else None,
    )
    return line.store.records(query)


def of_piece(line: LineRecord, question: DefectsQuestion) -> DefectsAnswer:
    """Return the defects of a piece, those that borders of frames cut joined.

    Raise QuestionError for a source or label that is not on record, ConfigError for such a piece.
    """
    names.check_decided(line.store, question.labels)
    names.check_sources(line.store, line.settings, question.sources)
    piece = pieces.find(line.store, question.piece)
    found = [
        one
        for one in defects.of(line.store, piece)
        if one.source in (question.sources or [one.source]) and one.label in (question.labels or [one.label])
    ]
    return DefectsAnswer(piece, found[: question.limit], len(found))


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise QuestionError(f"limit {limit}: 0 or more is needed")
