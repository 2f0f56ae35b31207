"""Owns BMP: its header, and where its last row of pixels ends. The header's own file size is often wrong."""

import struct
from typing import Any

from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats import codec
from inspector.vision.formats.outline import Bytes, Outline, need

NAME = "BMP"
MAGICS = (b"BM",)
_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_PLAIN = (0, 3, 6)  # uncompressed, without or with colour masks


def outline(data: Bytes) -> Outline:
    """Return the outline by the two headers. Raise Truncated, or ImageError, if there is none."""
    need(data, 54, "a BMP header")
    head = data[:54]
    offset, size = struct.unpack("<II", head[10:18])
    if size not in _HEADERS:
        raise ImageError(f"damaged BMP: a header of {size} bytes")
    compression = 0
    if size == 12:
        width, height, planes, bits = struct.unpack("<HHHH", head[18:26])
    else:
        width, height, planes, bits, compression = struct.unpack("<iiHHI", head[18:34])
    if planes != 1 or bits not in (1, 2, 4, 8, 16, 24, 32) or width <= 0 or offset < 14 + size:
        raise ImageError(f"damaged BMP: {width} pixels wide, {planes} planes, {bits} bits, pixels at byte {offset}")
    if compression not in _PLAIN:
        # A run-length code may leave pixels out, and nothing would show it.
        raise ImageError(f"a compressed BMP (kind {compression}): an uncompressed one can be inspected")
    row = (width * bits + 7) // 8
    stride = row + _padding(width * bits)
    end_at = offset + stride * max(0, abs(height) - 1) + row
    return Outline(width=width, height=abs(height), pixel_bits=bits, end=end_at)


def end(data: bytes, shape: Outline) -> int:
    """Return where the last row ends, its padding left out."""
    return shape.end


def pixels(data: bytes, shape: Outline) -> NDArray[Any]:
    """Return gray pixels (height, width)."""
    missing = shape.end + _padding(shape.width * shape.pixel_bits) - len(data)
    return codec.opencv(data + bytes(missing) if missing > 0 else data, NAME)


def _padding(row_bits: int) -> int:
    """Return the bytes from the end of a row to the next, which begins at a multiple of 4."""
    return -((row_bits + 7) // 8) % 4
