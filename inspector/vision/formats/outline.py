"""Owns the outline: what the header of a picture file tells of the whole, and the bounds on that."""

from dataclasses import dataclass
from typing import Protocol

from inspector import MAX_PIXELS
from inspector.errors import ImageError
from inspector.vocabulary import MAX_SIDE_PX

#: Pixels of the smallest side that still shows texture; anything less is a broken export, not a view of strip.
MIN_SIDE_PX = 32
#: Bytes of what a file may hold beside its pixels: colour profiles, notes, a trailer.
_MAX_OTHER_BYTES = 16 * 1024 * 1024
#: Most bytes of an encoded picture, in bytes of its pixels: no encoder needs more for noise.
_MOST_EXPANSION = 2


class Truncated(ImageError):
    """Raised when bytes end before the picture does: a file still being written looks like that."""


class Bytes(Protocol):
    """Bytes in memory, or a file of which only the slices asked for are read."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Size in pixels, bits of all samples of one pixel, and a byte before which the picture cannot end.

    `depth`: how many bits of 16 are used, if the file itself states it. `negative`: the decoder gives white as 0.
    `orientation` is that of EXIF, for decoders that do not obey it.
    """

    width: int
    height: int
    pixel_bits: int
    end: int
    depth: int | None = None
    negative: bool = False
    orientation: int = 1

    def refuse_implausible(self, file_bytes: int) -> None:
        """Raise ImageError if such a picture cannot be inspected, or cannot need a file of this number of bytes."""
        refuse_size(self.height, self.width)
        most = _MAX_OTHER_BYTES + _MOST_EXPANSION * self.width * self.height * max(8, self.pixel_bits) // 8
        if file_bytes > most:
            raise ImageError(
                f"{file_bytes:,} bytes: a picture of {self.width}x{self.height} pixels needs {most:,} at the very most"
            )


def refuse_size(height: int, width: int) -> None:
    """Raise ImageError if a picture of this size cannot be inspected."""
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(f"{width}x{height} pixels: smaller than {MIN_SIDE_PX}x{MIN_SIDE_PX}")
    if max(height, width) > MAX_SIDE_PX or height * width > MAX_PIXELS:
        raise ImageError(f"{width}x{height} pixels: at most {MAX_SIDE_PX:,} a side and {MAX_PIXELS:,} in all")


def need(data: Bytes, end: int, what: str) -> None:
    """Raise Truncated if the data end before `end`."""
    if len(data) < end:
        raise Truncated(f"truncated: {what} needs {end:,} bytes, the file has {len(data):,}")
