"""Owns how much of a piece was inspected, source by source: how its frames ended, and stretches that no frame covers.

A frame that ended as ok, defect or unsure covers its length; an error, or one without strip in it, covers nothing.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from inspector.vocabulary import OUTCOMES, Outcome

if TYPE_CHECKING:
    from inspector.record.pieces import Piece
    from inspector.record.store import Store

#: Largest gap between frames that follow each other, as a share of a frame: names hold whole mm, and clocks jitter.
SLACK = 0.05
#: The same, early or late, where places are speed x time of arrival.
JITTER = 0.5
#: Largest distance of a place from speed x time, in mm, by which it is computed from them: no encoder runs so evenly.
_EXACT_MM = 0.001


class Stretch(msgspec.Struct, frozen=True):
    """A part of the piece along it, in mm."""

    from_mm: float
    to_mm: float


class Coverage(msgspec.Struct, frozen=True):
    """How much of a piece one source saw: `seen` is from its first frame to its last, None where no place is known.

    `missing`: stretches of `seen` that no frame covers. `unplaced`: the number of frames without a place along the
    piece. `width_px`: the inspected width of the widest frame. `in_doubt`: the share of the inspected area that is
    unsure, from 0 to 1. `unsure`: the frames that are so over their whole width, or where it is not known where across.
    `twice`: stretches that two frames cover, as they do where an encoder runs backwards. The frames were captured from
    `began_at` to `ended_at`, seconds since 1970 UTC.
    """

    source: str
    outcomes: dict[Outcome, int]
    seen: Stretch | None
    missing: list[Stretch]
    unplaced: int = 0
    width_px: int = 0
    unsure: list[Stretch] = []
    twice: list[Stretch] = []
    began_at: float = 0.0
    ended_at: float = 0.0
    in_doubt: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether every frame was inspected, and no stretch lies between them."""
        return not self.missing and not self.outcomes["error"]


class _SeenFrame(NamedTuple):
    outcome: Outcome
    at_mm: float | None
    length_mm: float | None
    width: int
    captured_at: float
    pixels: int
    in_doubt: float
    placed_across: bool

    @property
    def covers(self) -> bool:
        return self.outcome != "error" and self.width > 0


def of(store: "Store", piece: "Piece") -> list[Coverage]:
    """Return the share of each source that has a frame of the piece on record, by name."""
    statement = (
        "SELECT source, outcome, at_mm, length_mm, COALESCE(json_extract(area, '$[2]'), width), captured_at,"
        " COALESCE(NULLIF(json_extract(area, '$[2]') * json_extract(area, '$[3]'), 0), width * height),"
        " COALESCE(in_doubt, outcome = 'unsure'), EXISTS (SELECT 1 FROM doubts INDEXED BY doubts_by_record"
        " WHERE in_doubt > 0 AND record = records.id AND x_mm IS NOT NULL)"
        " FROM records INDEXED BY records_by_piece WHERE piece = ? ORDER BY source, at_mm, id"
    )
    frames: dict[str, list[_SeenFrame]] = {}
    for source, *values in store.read(statement, (piece.id,)):
        frames.setdefault(source, []).append(_SeenFrame(*values))
    return [_coverage(source, rows, piece.began_at) for source, rows in frames.items()]


def timed(store: "Store", piece: "Piece") -> set[str]:
    """Return the sources whose frames lie on the piece where speed x time of arrival puts them."""
    statement = (
        "SELECT source, at_mm, captured_at FROM records INDEXED BY records_by_piece"
        " WHERE piece = ? AND at_mm IS NOT NULL"
    )
    places: dict[str, list[tuple[float, float]]] = {}
    for source, at_mm, captured_at in store.read(statement, (piece.id,)):
        places.setdefault(source, []).append((captured_at - piece.began_at, at_mm))
    return {source for source, placed in places.items() if _is_speed_times_time(placed)}


def missing(frames: Iterable[tuple[float, float]], whole: Stretch, slack: float = SLACK) -> list[Stretch]:
    """Return the stretches of `whole` that no frame covers; frames are (at_mm, length_mm) in the order of their places.

    A frame that begins no later than `slack`, a share of its length, follows the one before. Of the gap before it SLACK
    is ignored; the rest is carried on to the next frame: jitter cancels out there, strip that no frame shows adds up.
    """
    gaps: list[Stretch] = []
    end, allowed_mm = whole.from_mm, 0.0
    for at_mm, length_mm in frames:
        if at_mm - end > slack * length_mm:
            gaps.append(Stretch(end, at_mm))
            end = at_mm
        end = max(end, min(at_mm, end + SLACK * length_mm) + length_mm)
        allowed_mm = slack * length_mm if slack > SLACK else 0.0
    if whole.to_mm - end > allowed_mm:
        gaps.append(Stretch(end, whole.to_mm))
    return gaps


def twice(frames: Iterable[tuple[float, float]], slack: float = SLACK) -> list[Stretch]:
    """Return what more than one frame covers; frames are (at_mm, length_mm) in the order of their places."""
    shared: list[tuple[float, float]] = []
    end = -math.inf
    for at_mm, length_mm in frames:
        if end - at_mm > slack * length_mm:
            shared.append((at_mm, min(end, at_mm + length_mm) - at_mm))
        end = max(end, at_mm + length_mm)
    return union(shared)


def union(frames: Iterable[tuple[float, float]], slack: float = SLACK) -> list[Stretch]:
    """Return what frames cover together; they are (at_mm, length_mm) in the order of their places."""
    whole: list[Stretch] = []
    for at_mm, length_mm in frames:
        if whole and at_mm - whole[-1].to_mm <= slack * length_mm:
            whole[-1] = Stretch(whole[-1].from_mm, max(whole[-1].to_mm, at_mm + length_mm))
        else:
            whole.append(Stretch(at_mm, at_mm + length_mm))
    return whole


def _is_timed(frames: list[_SeenFrame], began_at: float) -> bool:
    """Whether the places of the frames are computed as speed x time since the piece began."""
    return _is_speed_times_time(
        [(frame.captured_at - began_at, frame.at_mm) for frame in frames if frame.at_mm is not None]
    )


def _is_speed_times_time(placed: list[tuple[float, float]]) -> bool:
    since_s, at_mm = max(placed, key=lambda one: abs(one[0]), default=(0.0, 0.0))
    if len(placed) < 3 or not since_s or not at_mm:
        return False
    speed = at_mm / since_s
    return all(abs(mm - speed * seconds) <= _EXACT_MM for seconds, mm in placed)


def _coverage(source: str, frames: list[_SeenFrame], began_at: float) -> Coverage:
    counts = Counter(frame.outcome for frame in frames)
    placed = [(frame, frame.at_mm, frame.length_mm or 0.0) for frame in frames if frame.at_mm is not None]
    covering = [(at_mm, length_mm) for frame, at_mm, length_mm in placed if frame.covers]
    slack = JITTER if _is_timed(frames, began_at) else SLACK
    seen, gaps = None, list[Stretch]()
    if placed:
        seen = Stretch(placed[0][1], max(at_mm + length_mm for _, at_mm, length_mm in placed))
        gaps = missing(covering, seen, slack)
    outcomes = {outcome: counts[outcome] for outcome in OUTCOMES}
    width_px = max(frame.width for frame in frames)
    unsure = [
        (at_mm, length_mm)
        for frame, at_mm, length_mm in placed
        if frame.outcome == "unsure" and frame.width and not frame.placed_across
    ]
    inspected = [frame for frame in frames if frame.outcome != "error"]
    pixels = sum(frame.pixels for frame in inspected)
    times = [frame.captured_at for frame in frames]
    return Coverage(
        source,
        outcomes,
        seen,
        gaps,
        len(frames) - len(placed),
        width_px,
        union(unsure, slack),
        twice(covering, slack),
        min(times),
        max(times),
        sum(frame.in_doubt * frame.pixels for frame in inspected) / pixels if pixels else 0.0,
    )
