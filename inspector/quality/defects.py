"""Owns the defects of a piece: its frames' regions, and where a frame's border cut one, its parts joined.

Two regions of a source and label are one defect where they meet on the piece: they touch in mm along and in pixels
across, or one ends at its frame's last line and the other begins at the first of the frame that follows. A region
whose place along is not known is a defect by itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from inspector.quality import coverage
from inspector.quality.coverage import JITTER, SLACK
from inspector.vocabulary import RANK

if TYPE_CHECKING:
    from inspector.record.pieces import Piece
    from inspector.record.store import Store

N = TypeVar("N", int, float)


class Defect(msgspec.Struct, frozen=True):
    """A defect: the rectangle around its parts, and the worst severity and highest score of them.

    `name` and `record` are the name and record number of its first frame, which is captured at `captured_at`, seconds
    since 1970 UTC; `frames`: the number of frames that show it. `x`, `y`, `width` and `height` are pixels of the first
    frame; the rectangle in mm is on the piece, across and along, and None where that is not known.
    """

    source: str
    label: str
    severity: str
    score: float
    captured_at: float
    name: str
    frames: int
    x: int
    y: int
    width: int
    x_mm: float | None
    y_mm: float | None
    width_mm: float | None
    length_mm: float | None
    height: int
    record: int


class Part(NamedTuple):
    """A region and its frame, as the record has them; `y_mm` is None where `at_mm` is, `length_mm` if `frame_mm` is."""

    record: int
    source: str
    at_mm: float | None
    frame_mm: float | None
    height: int
    sequence: int
    captured_at: float
    name: str
    x: int
    y: int
    width: int
    lines: int
    label: str
    severity: str
    score: float
    x_mm: float | None
    y_mm: float
    width_mm: float | None
    length_mm: float

    @property
    def end_mm(self) -> float:
        """Where it ends along the piece, in mm."""
        return self.y_mm + self.length_mm


COLUMNS = (
    "records.id, source, at_mm, records.length_mm, records.height, sequence, captured_at, name, x, y, regions.width,"
    " regions.height, regions.label, regions.severity, regions.score, x_mm, y_mm, width_mm, regions.length_mm"
)


def of(store: "Store", piece: "Piece") -> list[Defect]:
    """Return all defects of a piece, by source and place along it."""
    statement = (
        f"SELECT {COLUMNS} FROM records INDEXED BY records_by_piece JOIN regions ON record = records.id"
        " WHERE piece = ? AND outcome = 'defect' ORDER BY source, at_mm, records.id, regions.id"
    )
    parts = (Part(*row) for row in store.read(statement, (piece.id,)))
    timed = coverage.timed(store, piece)
    found = [
        defect
        for source, of_source in groupby(parts, attrgetter("source"))
        for defect in _joined(of_source, JITTER if source in timed else SLACK)
    ]
    return sorted(found, key=lambda one: (one.source, one.y_mm is not None, one.y_mm or 0.0, one.x))


def worst_first(defects: Iterable[Defect]) -> list[Defect]:
    """Return them by severity, then by score, the worst first."""
    return sorted(defects, key=lambda one: (-RANK.get(one.severity, 0), -one.score))


@dataclass(slots=True)
class _Group:
    """A defect that the next frame may continue: its parts, and `tails`, those of them that it may meet."""

    parts: list[Part]
    tails: list[Part]


def _joined(parts: Iterable[Part], slack: float) -> Iterator[Defect]:
    """Yield the defects of one source, whose parts come in the order of their frames' places; `slack` as in `meet`.

    Two defects that a later part connects become one: that is what stitching.py, which reports at once, cannot do.
    """
    going: list[_Group] = []
    for part in parts:
        if part.at_mm is None or part.frame_mm is None:
            yield _whole([part])
            continue
        reach_mm = part.at_mm - slack * part.frame_mm
        for group in going:
            group.tails = [tail for tail in group.tails if tail.end_mm >= reach_mm]
        yield from (_whole(group.parts) for group in going if not group.tails)
        going = [group for group in going if group.tails]
        met = [group for group in going if any(meet(tail, part, slack) for tail in group.tails)]
        going = [group for group in going if group not in met]
        going.append(_Group(
            [one for group in met for one in group.parts] + [part],
            [one for group in met for one in group.tails] + [part],
        ))  # fmt: skip
    yield from (_whole(group.parts) for group in going)


def meet(one: Part, other: Part, slack: float = SLACK) -> bool:
    """Whether two parts are of one defect; `other` is of the same frame or of one that lies no further back.

    A frame that begins no later, or earlier, than `slack`, a share of its length, follows the one before.
    """
    if one.label != other.label or one.record == other.record:
        return False
    if one.x > other.x + other.width or other.x > one.x + one.width:
        return False
    if one.y_mm <= other.end_mm and other.y_mm <= one.end_mm:
        return True
    cut = one.y + one.lines >= one.height and other.y == 0
    return cut and abs(other.y_mm - one.end_mm) <= slack * (other.frame_mm or 0.0)


def _whole(parts: list[Part]) -> Defect:
    first = min(parts, key=lambda part: (part.at_mm or 0.0, part.record, part.y))
    x, width = _span((part.x, part.width) for part in parts)
    x_mm, width_mm = _span_mm((part.x_mm, part.width_mm) for part in parts)
    y_mm, length_mm = _span_mm((part.y_mm, part.length_mm) for part in parts)
    y, height = _span((part.y, part.lines) for part in parts if part.record == first.record)
    return Defect(
        source=first.source,
        label=first.label,
        severity=max((part.severity for part in parts), key=lambda name: RANK.get(name, 0)),
        score=max(part.score for part in parts),
        captured_at=first.captured_at,
        name=first.name,
        frames=len({part.record for part in parts}),
        x=x,
        y=y,
        width=width,
        x_mm=x_mm,
        y_mm=y_mm,
        width_mm=width_mm,
        length_mm=length_mm,
        height=height,
        record=first.record,
    )


def _span(sides: Iterable[tuple[N, N]]) -> tuple[N, N]:
    """Return the start and length of what the sides, each (start, length), span together."""
    ends = [(start, start + length) for start, length in sides]
    start = min(start for start, _ in ends)
    return start, max(end for _, end in ends) - start


def _span_mm(sides: Iterable[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    """Return the same of sides that may be unknown; a single one may be known in part."""
    known = list(sides)
    whole = [(start, length) for start, length in known if start is not None and length is not None]
    return _span(whole) if len(whole) == len(known) else known[0]
