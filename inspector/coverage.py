"""Owns how much of a piece was inspected, source by source: how its frames ended, and stretches that nobody looked at.

A frame that ended as ok, defect or unsure covers its length; an error covers nothing.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from inspector.decide import OUTCOMES, Outcome

if TYPE_CHECKING:
    from inspector.pieces import Piece
    from inspector.store import Store

#: Frames that lie less than this share of a frame apart follow each other: names hold whole mm, and clocks shiver.
SLACK = 0.05


class Stretch(msgspec.Struct, frozen=True):
    """A part of the piece along it, in mm."""

    from_mm: float
    to_mm: float


class Coverage(msgspec.Struct, frozen=True):
    """One source's share of a piece. `seen` goes from its first frame to its last; None where no place is known.

    `missing`: what of that no frame covers. `unplaced` frames are on record without a place along the piece.
    """

    source: str
    outcomes: dict[Outcome, int]
    seen: Stretch | None
    missing: list[Stretch]
    unplaced: int = 0

    @property
    def whole(self) -> bool:
        """Whether every frame of it was inspected, and nothing lies between them."""
        return not self.missing and not self.outcomes["error"]


def of(store: "Store", piece: "Piece") -> list[Coverage]:
    """What each source has on record of the piece, by the source's name."""
    statement = (
        "SELECT source, outcome, at_mm, length_mm FROM records INDEXED BY records_by_piece WHERE piece = ?"
        " ORDER BY source, at_mm, id"
    )
    frames: dict[str, list[tuple[Outcome, float | None, float | None]]] = {}
    for source, outcome, at_mm, length_mm in store.read(statement, (piece.id,)):
        frames.setdefault(source, []).append((outcome, at_mm, length_mm))
    return [_coverage(source, rows) for source, rows in frames.items()]


def missing(frames: Iterable[tuple[float, float]], whole: Stretch) -> list[Stretch]:
    """What of the whole no frame covers; frames are (at_mm, length_mm) in the order of their places."""
    gaps: list[Stretch] = []
    end = whole.from_mm
    for at_mm, length_mm in frames:
        if at_mm - end > SLACK * length_mm:
            gaps.append(Stretch(end, at_mm))
        end = max(end, at_mm + length_mm)
    if end < whole.to_mm:
        gaps.append(Stretch(end, whole.to_mm))
    return gaps


def _coverage(source: str, rows: list[tuple[Outcome, float | None, float | None]]) -> Coverage:
    counts = Counter(outcome for outcome, *_ in rows)
    placed = [(outcome, at_mm, length_mm or 0.0) for outcome, at_mm, length_mm in rows if at_mm is not None]
    seen, gaps = None, list[Stretch]()
    if placed:
        seen = Stretch(placed[0][1], max(at_mm + length_mm for _, at_mm, length_mm in placed))
        gaps = missing([(at_mm, length_mm) for outcome, at_mm, length_mm in placed if outcome != "error"], seen)
    outcomes = {outcome: counts[outcome] for outcome in OUTCOMES}
    return Coverage(source, outcomes, seen, gaps, len(rows) - len(placed))
