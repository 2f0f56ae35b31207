"""Owns WebP: its chunks, and which of them hold the picture's size. WebP container specification."""

from typing import Any

from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats import codec
from inspector.vision.formats.outline import Bytes, Outline, need

NAME = "WebP"
MAGICS = (b"RIFF",)
_ANIMATED = 0x02


def outline(data: Bytes) -> Outline:
    """Return the outline by the RIFF header and the first chunk. Raise Truncated, or ImageError, if there is none."""
    need(data, 30, "a WebP header")
    head = data[:30]
    if head[8:12] != b"WEBP":
        raise ImageError(f"damaged WebP: a RIFF file of kind {head[8:12]!r}")
    kind, end_at = head[12:16], 8 + int.from_bytes(head[4:8], "little")
    if kind == b"VP8X":
        if head[20] & _ANIMATED:
            raise ImageError("several pictures in one WebP file: a frame is one picture")
        width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        raise ImageError(f"damaged WebP: no picture in its first chunk, {kind!r}")
    return Outline(width=width, height=height, pixel_bits=32, end=end_at)


def end(data: bytes, shape: Outline) -> int:
    """Return where the container ends by its own header."""
    return shape.end


def pixels(data: bytes, shape: Outline) -> NDArray[Any]:
    """Return gray pixels (height, width). A stream that ends early is an error in libwebp: it invents nothing."""
    return codec.opencv(data, NAME)
