"""Owns the strips and tiles of a TIFF: where each lies, how long it must be, and whether a packed one gives that."""

import io
import math
import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate

from inspector import MAX_PIXELS
from inspector.errors import ImageError
from inspector.vision.formats.directory import MAX_PARTS, Directory

PLAIN, LZW, PACKBITS = 1, 5, 32773
DEFLATE = (8, 32946)


def places(tags: Directory) -> list[tuple[int, int]]:
    """Return first byte and length of each strip or tile. Raise ImageError if they cannot hold the picture."""
    starts, lengths = (tags.values.get(tag, ()) for tag in ((324, 325) if _tiled(tags) else (273, 279)))
    sizes = _sizes(tags)
    plain = tags.one(259, PLAIN) == PLAIN
    lengths = lengths or (tuple(sizes) if plain else ())  # what is not packed has the length of its rows
    if len(starts) != len(sizes) or len(lengths) != len(sizes) or not all(starts):
        raise ImageError(f"damaged TIFF: {len(sizes):,} strips or tiles are needed, {len(starts):,} are listed")
    if not plain:
        return list(zip(starts, lengths, strict=True))
    if any(length < size for length, size in zip(lengths, sizes, strict=True)):
        raise ImageError("damaged TIFF: a strip or tile is shorter than its rows")
    return list(zip(starts, sizes, strict=True))


def verify(data: bytes, tags: Directory) -> None:
    """Raise ImageError if a packed strip or tile is damaged or gives fewer bytes than its rows need."""
    lengths = [length for _, length in places(tags)]
    if sum(lengths) > len(data):
        raise ImageError("damaged TIFF: its strips or tiles lie over each other")
    compression = tags.one(259, PLAIN)
    if compression in DEFLATE:
        _inflate(data, tags)
    elif compression != PLAIN:
        _unpack(data, tags)


def planes(tags: Directory) -> int:
    """Return how many planes the samples are kept in: each has its own strips."""
    return tags.one(277, 1) if tags.one(284, 1) != 1 else 1


def _sizes(tags: Directory) -> list[int]:
    """Return the unpacked bytes of each strip or tile. Raise ImageError if there are too many of them."""
    width, height, layers = tags.one(256, 0), tags.one(257, 0), planes(tags)
    down = tags.one(323, 0) if _tiled(tags) else max(1, min(height, tags.one(278, height)))
    across = tags.one(322, 0) if _tiled(tags) else width
    if min(width, height, across, down) < 1 or across * down > MAX_PIXELS:
        raise ImageError(f"damaged TIFF: strips or tiles of {across}x{down} of {width}x{height} pixels")
    lines = math.ceil(height / down)
    count = lines * math.ceil(width / across) * layers
    if count > MAX_PARTS:
        raise ImageError(f"damaged TIFF: {count:,} strips or tiles")
    row = _row_bytes(tags)
    last = down if _tiled(tags) else height - (lines - 1) * down
    per_line = count // layers // lines
    return ([row * down] * (per_line * (lines - 1)) + [row * last] * per_line) * layers


def _row_bytes(tags: Directory) -> int:
    """Return the bytes of one row of a strip or tile."""
    samples = 1 if planes(tags) > 1 else tags.one(277, 1)
    across = tags.one(322 if _tiled(tags) else 256, 0)
    return math.ceil(across * samples * tags.one(258, 1) / 8)


def _tiled(tags: Directory) -> bool:
    return 322 in tags.values


def _inflate(data: bytes, tags: Directory) -> None:
    """ImageError where a strip or tile is damaged or gives fewer bytes than its rows need."""
    for (start, length), size in zip(places(tags), _sizes(tags), strict=True):
        unpacker = zlib.decompressobj()
        try:
            got = len(unpacker.decompress(data[start : start + length], size))
            # A writer may fill up the last strip: behind all of it come the end of the stream and the checksum.
            unpacker.decompress(unpacker.unconsumed_tail, size)
        except zlib.error as error:
            raise ImageError(f"damaged TIFF: {error}") from None
        if got < size or not unpacker.eof:
            raise ImageError(f"damaged TIFF: a strip or tile of {size:,} bytes gives {got:,}, or has no end")


def _unpack(data: bytes, tags: Directory) -> None:
    """ImageError where an LZW or PackBits stream gives fewer bytes than its rows need.

    Pillow is given a plain TIFF around the same streams, each byte of a row a pixel: it stops at the first error.
    """
    from PIL import Image  # 30 ms and 5 MB that a line without such files never needs

    Image.MAX_IMAGE_PIXELS = None  # the size is held against our own bound, and a warning is no bound
    streams = [data[start : start + length] for start, length in places(tags)]
    sizes, row = _sizes(tags), _row_bytes(tags)
    a_plane = len(streams) // planes(tags)
    for first in range(0, len(streams), a_plane):
        plane = slice(first, first + a_plane)
        file = _around(streams[plane], tags, row, sum(sizes[plane]) // row, sizes[first] // row)
        try:
            with Image.open(io.BytesIO(file), formats=("TIFF",)) as picture:
                picture.load()
        except OSError as error:
            raise ImageError(f"damaged TIFF: {error}") from None


def _around(streams: Sequence[bytes], tags: Directory, width: int, height: int, rows: int) -> bytes:
    """A file of one 8-bit gray picture of width x height whose strips of `rows` rows are `streams`."""
    count, lists_at = len(streams), 8 + 2 + 12 * 10 + 4
    lengths = [len(stream) for stream in streams]
    starts = list(accumulate(lengths[:-1], initial=lists_at + 8 * count))
    entries = (
        (256, 1, width), (257, 1, height), (258, 1, 8), (259, 1, tags.one(259, PLAIN)), (262, 1, 1),
        (266, 1, tags.one(266, 1)), (273, count, starts[0] if count == 1 else lists_at), (277, 1, 1),
        (278, 1, rows), (279, count, lengths[0] if count == 1 else lists_at + 4 * count),
    )  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    written = (struct.pack("<HHII", tag, 4, number, value) for tag, number, value in entries)
    return b"".join((head, *written, bytes(4), struct.pack(f"<{2 * count}I", *starts, *lengths), *streams))
