"""Owns where on its piece of strip a frame lies: from its name, its time and the size of its pixels. Pure, no I/O."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from inspector.protocol.fields import MAX_GRADE, MAX_PIECE
from inspector.protocol.frames import FrameHeader
from inspector.protocol.verdicts import Doubt, Region
from inspector.settings.sources.place import PlaceSettings

#: Further along than any strip is long: a number beyond it is none.
_MAX_MM = 1e9


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a frame's first pixel lies, in mm across and along its piece, and how large a pixel is. None: not known.

    `piece` is the piece's number on the record.
    """

    piece: int | None = None
    left_mm: float = 0.0
    at_mm: float | None = None
    mm_per_px: float | None = None
    mm_per_line: float | None = None

    def length_mm(self, height: int) -> float | None:
        """How long a frame of so many lines is."""
        return None if self.mm_per_line is None else height * self.mm_per_line

    def rectangle(self, region: Region | Doubt) -> tuple[float | None, float | None, float | None, float | None]:
        """The x_mm, y_mm, width_mm and length_mm of a part of the frame on the piece."""
        across, along = self.mm_per_px, self.mm_per_line
        return (
            None if across is None else self.left_mm + region.x * across,
            None if along is None or self.at_mm is None else self.at_mm + region.y * along,
            None if across is None else region.width * across,
            None if along is None else region.height * along,
        )


class Told(NamedTuple):
    """What a frame tells of itself: its piece, that piece's steel grade, its mm along it; "" and None: it does not."""

    piece: str
    grade: str
    at_mm: float | None
    unread: str = ""  # what the pattern took for a place along, and is no number


_NOTHING = Told("", "", None)


class Locator:
    """What a source's frames tell of their place."""

    def __init__(self, settings: PlaceSettings | None = None, from_edge: bool = False) -> None:
        """`from_edge`: places across count from the strip's edge, where the frame's area begins."""
        self._from_edge = from_edge
        self._settings = settings = settings or PlaceSettings()
        self._pattern = None if settings.pattern is None else re.compile(settings.pattern)
        groups = self._pattern.groupindex if self._pattern else {}
        #: Whether the frames name their piece: then no other can be theirs.
        self.names_pieces = "piece" in groups
        #: Whether they name their place along.
        self.names_along = "at_mm" in groups

    def told(self, frame: FrameHeader) -> Told:
        """What a frame tells: what came with it goes before its name. Names of pieces and grades are cut to size."""
        named = self.named(frame.name)
        at_mm = named.at_mm if frame.at_mm is None else frame.at_mm
        return Told(frame.piece or named.piece, frame.grade or named.grade, at_mm, named.unread)

    def named(self, name: str) -> Told:
        """Return what the pattern reads in a frame's name."""
        match = self._pattern.search(name) if self._pattern else None
        if match is None:
            return _NOTHING
        groups = match.groupdict()
        text = groups.get("at_mm") or ""
        at_mm = _number(text)
        unread = text if at_mm is None else ""
        return Told((groups.get("piece") or "")[:MAX_PIECE], (groups.get("grade") or "")[:MAX_GRADE], at_mm, unread)

    def spot(self, piece: int | None, at_mm: float | None, since_began_s: float | None, area_x: int = 0) -> Spot:
        """The spot of a frame of that piece; it was captured so many seconds after the piece began."""
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
    return value if abs(value) <= _MAX_MM else None  # NaN is not, either
