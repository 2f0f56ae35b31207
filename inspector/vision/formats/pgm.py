"""Owns PGM, the binary kind: a header in text, then the rows as they are."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats.outline import Bytes, Outline, Truncated

NAME = "PGM"
MAGICS = (b"P5",)
#: Comments included; more is no header of any camera.
_MAX_HEADER_BYTES = 4096
_BETWEEN = rb"(?:[ \t\r\n\v\f]|#[^\n]*\n)+"
_HEADER = re.compile(rb"P5" + 3 * (_BETWEEN + rb"([0-9]{1,9})") + rb"[ \t\r\n\v\f]")
_BEGUN = re.compile(rb"P5(?:[ \t\r\n\v\f0-9]|#[^\n]*(?:\n|$))*")


def outline(data: Bytes) -> Outline:
    """Return the outline by the header's sizes and level of white. Raise Truncated or ImageError without them."""
    head = data[:_MAX_HEADER_BYTES]
    found = _HEADER.match(head)
    if found is None:
        if len(head) < _MAX_HEADER_BYTES and _BEGUN.fullmatch(head):
            raise Truncated("truncated: a PGM without the end of its header")
        raise ImageError("damaged PGM: no width, height and level of white in its header")
    width, height, white = map(int, found.groups())
    if not 0 < white < 65536:
        raise ImageError(f"damaged PGM: {white} as the level of white; 1 to 65,535 is right")
    depth = white.bit_length()
    sample = 2 if depth > 8 else 1
    return Outline(
        width=width,
        height=height,
        pixel_bits=8 * sample,
        end=found.end() + width * height * sample,
        depth=depth if depth < 16 else None,
    )


def end(data: bytes, shape: Outline) -> int:
    """Return where the last row ends."""
    return shape.end


def pixels(data: bytes, shape: Outline) -> NDArray[Any]:
    """Return gray pixels (height, width): uint8, or uint16 if white is above 255."""
    kind, count = np.dtype(">u2" if shape.pixel_bits == 16 else "u1"), shape.width * shape.height
    rows = np.frombuffer(data, kind, count, shape.end - count * kind.itemsize)
    rows = rows.reshape(shape.height, shape.width).astype(kind.newbyteorder("="))
    if shape.depth is None or shape.depth >= 8:
        return rows
    if int(rows.max()) >> shape.depth:
        raise ImageError(f"damaged PGM: gray level {rows.max()}, beyond what it says is white")
    return rows << (8 - shape.depth)
