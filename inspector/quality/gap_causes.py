"""Owns why a stretch of a piece was not inspected: the reasons of its frames, and the gaps of the time it passed in."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from inspector.quality.coverage import Coverage, Stretch
from inspector.record.gaps import Gap
from inspector.record.shapes.reason import reason_from_text

if TYPE_CHECKING:
    from inspector.record.pieces import Piece
    from inspector.record.store import Store

#: Number of reasons given for a stretch, the most frequent first.
_MOST = 3
#: Tolerance in mm: names hold whole mm, so that a frame that begins a stretch may seem to lie before it.
_ROUNDED_MM = 1.0


class MissedStretch(NamedTuple):
    """A stretch that a source did not inspect, and why: "" where the record does not show it."""

    source: str
    stretch: Stretch
    why: str


class _PassingFrame(NamedTuple):
    at_mm: float
    end_mm: float
    captured_at: float
    reason: str  # of one that covers nothing


def of(store: "Store", piece: "Piece", shares: Sequence[Coverage], gaps: Sequence[Gap]) -> list[MissedStretch]:
    """Return every stretch that is missing, by source and place; `gaps` are those of the time of the piece."""
    statement = (
        "SELECT at_mm, at_mm + COALESCE(length_mm, 0), captured_at,"
        " CASE WHEN outcome = 'error' OR COALESCE(json_extract(area, '$[2]'), width) = 0 THEN reason ELSE '' END"
        " FROM records INDEXED BY records_by_piece"
        " WHERE piece = ? AND source = ? AND at_mm IS NOT NULL ORDER BY at_mm, id"
    )
    missed = []
    for share in shares:
        if share.missing:
            rows = store.read(statement, (piece.id, share.source))
            frames = [_PassingFrame(at, end, when, str(reason_from_text(reason))) for at, end, when, reason in rows]
            of_source = [gap for gap in gaps if gap.source == share.source]
            missed += [
                MissedStretch(share.source, stretch, _why(stretch, frames, of_source)) for stretch in share.missing
            ]
    return missed


def _why(stretch: Stretch, frames: Sequence[_PassingFrame], gaps: Sequence[Gap]) -> str:
    """Frames are in the order of their places: those before and behind the stretch bound when it passed."""
    first = bisect_left(frames, stretch.from_mm - _ROUNDED_MM, key=lambda frame: frame.at_mm)
    behind = bisect_left(frames, stretch.to_mm, key=lambda frame: frame.at_mm)
    within = frames[first:behind]
    reasons = Counter(frame.reason for frame in within if frame.reason)
    times = [frame.captured_at for frame in frames[max(0, first - 1) : behind + 1]]
    reasons.update(
        f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
        for gap in gaps
        if gap.began_at <= max(times) and gap.ended_at >= min(times)
    )
    return "; ".join(reason for reason, _ in reasons.most_common(_MOST))
