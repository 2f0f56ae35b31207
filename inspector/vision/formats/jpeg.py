"""Owns JPEG: its segments, where its last scan ends, and a decoder that says where it had to invent pixels."""

import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats.directory import orientation_of
from inspector.vision.formats.outline import Bytes, Outline, Truncated

NAME = "JPEG"
MAGICS = (b"\xff\xd8\xff",)
#: Profiles and notes come in segments of 64 KB at the most.
_MAX_SEGMENTS = 1000
#: A progressive picture has about ten; each costs the decoder a walk over all pixels.
_MAX_SCANS = 64
_MAX_FILL_BYTES = 64
_NO_END = "truncated: JPEG without its end marker"
_EOI, _SOS = 0xD9, 0xDA
_STOPS = (_EOI, _SOS)
#: Frame headers, but for those of lossless pictures: no camera of a line sends one.
_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))
#: What ends the data of a scan: a marker that is no stuffed 0xFF, no fill byte and no restart.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def outline(data: Bytes) -> Outline:
    """Return the outline by the segments up to the frame header. Raise Truncated, or ImageError, if there is none."""
    orientation = 1
    for marker, start, length in _segments(data, 2):
        if marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            orientation = orientation_of(data[start + 6 : start + length])
        elif marker in _FRAMES:
            bits, height, width, samples = struct.unpack(">BHHB", data[start : start + 6].ljust(6, b"\0"))
            if bits != 8:
                raise ImageError(f"a JPEG of {bits} bits a sample: 8 can be inspected")
            return Outline(
                width=width, height=height, pixel_bits=8 * samples, end=start + length, orientation=orientation
            )
        elif marker in _STOPS:
            break
    raise ImageError("damaged JPEG: no frame header")


def end(data: bytes, shape: Outline) -> int:
    """Return where the end marker after the last scan ends. Raise Truncated without one, ImageError without a scan."""
    at, sent = 2, _Sent()
    for _ in range(_MAX_SCANS):
        segments = _segments(data, at)
        marker, start, length = next(segment for segment in segments if segment[0] in _STOPS)
        if marker == _EOI:
            if not sent.whole(shape.pixel_bits // 8):
                raise ImageError("damaged JPEG: some of its scans are missing")
            return start
        sent.add(data[start : start + length])
        found = _AFTER_SCAN.search(data, start + length)
        if found is None:
            raise Truncated(_NO_END)
        at = found.start()
    raise ImageError(f"damaged JPEG: {_MAX_SCANS} scans or more")


class _Sent:
    """How many bits of each of the 64 coefficients the scans still owe. libjpeg makes up what no scan has sent."""

    def __init__(self) -> None:
        self._owed: dict[int, bytearray] = {}

    def add(self, header: bytes) -> None:
        """Take the header of a scan into account: its components, its span of coefficients, its last bit."""
        count = header[0] if header else 0
        if len(header) != 4 + 2 * count:
            raise ImageError("damaged JPEG: a scan with a header of the wrong length")
        first, last, bits = header[-3:]
        for component in header[1:-3:2]:
            owed = self._owed.setdefault(component, bytearray(b"\xff" * 64))
            owed[first : last + 1] = bytes([bits & 0x0F]) * len(owed[first : last + 1])

    def whole(self, components: int) -> bool:
        """Return whether nothing is owed of this number of components."""
        return len(self._owed) == components and not any(map(any, self._owed.values()))


def pixels(data: bytes, shape: Outline) -> NDArray[Any]:
    """Return gray pixels (height, width), turned as EXIF asks. Raise ImageError if some of them would be invented.

    libjpeg fills what is lost with gray and only warns: here a warning is an error.
    """
    try:
        rows = simplejpeg.decode_jpeg(_of_known_revision(data), "GRAY", strict=True)[..., 0]
    except ValueError as error:
        raise ImageError(f"damaged JPEG: {error}") from None
    return _turned(rows, shape.orientation)


def _of_known_revision(data: bytes) -> bytes:
    """Return the data as JFIF 1: another revision is the one thing libjpeg warns of that costs no pixel."""
    if data[6:11] != b"JFIF\0" or data[11] == 1:
        return data
    return data[:11] + b"\x01" + data[12:]


def _segments(data: Bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Yield marker, first byte after it and length of each segment; those without a length have 0."""
    for _ in range(_MAX_SEGMENTS):
        head = data[at : at + _MAX_FILL_BYTES]
        body = head.lstrip(b"\xff")
        if (not body and at + len(head) >= len(data)) or not any(head):  # zeros: room made for what is to come
            raise Truncated(_NO_END)
        if not body or len(body) == len(head):
            raise ImageError(f"damaged JPEG: no marker at byte {at:,}")
        marker, start = body[0], at + len(head) - len(body) + 1
        if marker in (0x01, _EOI) or 0xD0 <= marker <= 0xD7:
            yield marker, start, 0
            at = start
            continue
        length = int.from_bytes(data[start : start + 2], "big")
        if start + max(2, length) > len(data):
            raise Truncated(_NO_END)
        if length < 2:
            raise ImageError(f"damaged JPEG: a segment of {length} bytes at byte {at:,}")
        yield marker, start + 2, length - 2
        at = start + length
    raise ImageError(f"damaged JPEG: more than {_MAX_SEGMENTS:,} segments")


def _turned(rows: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return rows as EXIF's orientation (1 to 8) wants them shown."""
    if orientation in (5, 6, 7, 8):
        rows = rows.T
    if orientation in (3, 4, 7, 8):
        rows = rows[::-1]
    return rows[:, ::-1] if orientation in (2, 3, 6, 7) else rows
