"""Owns where a frame lies on its piece of strip: from its name, its capture time and its pixel size. Pure, no I/O."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from inspector.protocol.fields import MAX_GRADE, MAX_PIECE
from inspector.protocol.frames import FrameHeader
from inspector.protocol.verdicts import Doubt, Region
from inspector.settings.sources.place import PlaceSettings

#: Largest place along a piece that is taken for one, in mm; no strip is as long.
_MAX_MM = 1e9


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a frame's first pixel lies, in mm across and along its piece, and the size of a pixel. None: unknown.

    `piece` is the number of the piece on record.
    """

    piece: int | None = None
    left_mm: float = 0.0
    at_mm: float | None = None
    mm_per_px: float | None = None
    mm_per_line: float | None = None

    def length_mm(self, height: int) -> float | None:
        """Return the length in mm of a frame of `height` lines; None if unknown."""
        return None if self.mm_per_line is None else height * self.mm_per_line

    def rectangle(self, region: Region | Doubt) -> tuple[float | None, float | None, float | None, float | None]:
        """Return x_mm, y_mm, width_mm and length_mm, on the piece, of a part of the frame; None: unknown."""
        across, along = self.mm_per_px, self.mm_per_line
        return (
            None if across is None else self.left_mm + region.x * across,
            None if along is None or self.at_mm is None else self.at_mm + region.y * along,
            None if across is None else region.width * across,
            None if along is None else region.height * along,
        )


class StatedPlace(NamedTuple):
    """What a frame states of its place: its piece, the steel grade of that piece, and how far along the piece it lies.

    "" and None: not stated.
    """

    piece: str
    grade: str
    at_mm: float | None
    unread: str = ""  # what the pattern matched as `at_mm` and is no number


_NOTHING_STATED = StatedPlace("", "", None)


class Locator:
    """Reads from a source's frames where they lie, by the source's `place` settings."""

    def __init__(self, settings: PlaceSettings | None = None, from_edge: bool = False) -> None:
        """`from_edge`: places across count from the strip's edge, where the frame's area begins."""
        self._from_edge = from_edge
        self._settings = settings = settings or PlaceSettings()
        self._pattern = None if settings.pattern is None else re.compile(settings.pattern)
        groups = self._pattern.groupindex if self._pattern else {}
        #: Whether frames name their piece; then a frame that names none has none.
        self.names_pieces = "piece" in groups
        #: Whether frames name their place along the piece.
        self.names_along = "at_mm" in groups

    def stated(self, header: FrameHeader) -> StatedPlace:
        """Return what a frame states: fields of the header count before its name.

        Names of pieces and grades are cut to their maximum lengths.
        """
        named = self.from_name(header.name)
        at_mm = named.at_mm if header.at_mm is None else header.at_mm
        return StatedPlace(header.piece or named.piece, header.grade or named.grade, at_mm, named.unread)

    def from_name(self, name: str) -> StatedPlace:
        """Return what the pattern reads in a frame's name."""
        match = self._pattern.search(name) if self._pattern else None
        if match is None:
            return _NOTHING_STATED
        groups = match.groupdict()
        text = groups.get("at_mm") or ""
        at_mm = _number(text)
        unread = text if at_mm is None else ""
        return StatedPlace(
            (groups.get("piece") or "")[:MAX_PIECE], (groups.get("grade") or "")[:MAX_GRADE], at_mm, unread
        )

    def spot(self, piece: int | None, at_mm: float | None, since_began_s: float | None, area_x: int = 0) -> Spot:
        """Return the spot of a frame on the piece of that number, captured `since_began_s` after the piece began.

        `at_mm` is the frame's own place along; a line speed in the settings counts before it. `area_x`: the first
        column of the inspected area, in pixels.
        """
        settings = self._settings
        if settings.speed_m_min is not None and since_began_s is not None:
            at_mm = since_began_s * settings.speed_m_min * 1000 / 60
        along = settings.mm_per_px if settings.mm_per_line is None else settings.mm_per_line
        left_mm = settings.left_mm - (area_x * settings.mm_per_px if self._from_edge and settings.mm_per_px else 0)
        return Spot(piece, left_mm, at_mm, settings.mm_per_px, along)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= _MAX_MM else None  # NaN fails this comparison, too
