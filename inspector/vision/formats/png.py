"""Owns PNG: its chunks, their checksums, and how many bits of a sample the camera filled. PNG specification, 5."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats import codec
from inspector.vision.formats.outline import Bytes, Outline, Truncated, need

NAME = "PNG"
MAGICS = (b"\x89PNG\r\n\x1a\n",)
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each kind of colour
#: A 16-bit picture of 100 megapixels in chunks of 8 KB has 25,000.
_MAX_CHUNKS = 100_000
#: What may come before the pixels: profiles, texts, a palette.
_MAX_CHUNKS_BEFORE = 1000


def outline(data: Bytes) -> Outline:
    """Return the outline by the chunks before the pixels. Raise Truncated, or ImageError, if there is none."""
    need(data, 33, "a PNG header")
    if data[8:16] != b"\0\0\0\rIHDR":
        raise ImageError("damaged PNG: does not begin with its header")
    width, height, bits, colour = struct.unpack(">IIBB", data[16:26])
    if colour not in _SAMPLES or bits not in (1, 2, 4, 8, 16):
        raise ImageError(f"damaged PNG: {bits} bits of colour kind {colour}")
    depth = _depth(data) if bits == 16 else None
    return Outline(width=width, height=height, pixel_bits=bits * _SAMPLES[colour], end=33, depth=depth)


def end(data: bytes, shape: Outline) -> int:
    """Return where the end chunk ends. Raise Truncated without one."""
    after = 0
    for kind, start, length in _chunks(data, _MAX_CHUNKS):
        if kind == b"acTL":
            raise ImageError("several pictures in one PNG file: a frame is one picture")
        after = start + length + 4
    return after


def pixels(data: bytes, shape: Outline) -> NDArray[Any]:
    """Return gray pixels (height, width): uint8 or uint16. Raise ImageError if a chunk that they need is damaged."""
    view = memoryview(data)
    for kind, start, length in _chunks(data, _MAX_CHUNKS):
        after = start + length
        # The decoder does not look at the checksums. What is not needed for the pixels begins in lower case.
        if kind[0] < ord("a") and zlib.crc32(view[start - 4 : after]) != int.from_bytes(data[after : after + 4], "big"):
            raise ImageError(f"damaged PNG: its {kind.decode()} chunk at byte {start - 8:,} fails its checksum")
    levels = codec.opencv(data, NAME)
    # The standard wants the used bits moved up; most cameras leave them low, and then none is above them.
    if shape.depth is not None and int(levels.max()) >> shape.depth:
        levels = levels >> (16 - shape.depth)
    return levels


def _depth(data: Bytes) -> int | None:
    """Return the bits that the sBIT chunk names, None without one."""
    for kind, start, length in _chunks(data, _MAX_CHUNKS_BEFORE):
        if kind == b"sBIT" and length:
            depth = max(data[start : start + min(length, 3)])
            return depth if 8 <= depth < 16 else None
        if kind in (b"IDAT", b"IEND"):
            break
    return None


def _chunks(data: Bytes, most: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, first byte and length of each chunk, all within the file, up to IEND or `most`."""
    at = 8
    for _ in range(most):
        head = data[at : at + 8]
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) == 8 and any(head) and not kind.isalpha():
            raise ImageError(f"damaged PNG: no chunk at byte {at:,}")
        # OpenCV allocates whatever length a chunk claims: one that reaches beyond the file must never get to it.
        # Zeros are what is not yet written of a file whose room was made first.
        if len(head) < 8 or not any(head) or at + 12 + length > len(data):
            raise Truncated("truncated: PNG without its IEND end")
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length
    raise ImageError(f"damaged PNG: more than {most:,} chunks")
