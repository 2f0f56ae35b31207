"""Owns decoding: the bytes of one image file to gray pixels, or the reason why not. Training and serving share it."""

import errno
import os
import stat
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector import MAX_PIXELS
from inspector.errors import ImageError

#: A file larger than this is not read at all.
MAX_FILE_BYTES = 512 * 1024 * 1024
#: The longest side that a message between our processes can carry.
MAX_SIDE_PX = 65_536
SUFFIXES = frozenset({".bmp", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".pgm"})
#: The smallest side that still shows texture; anything less is a broken export, not a view of strip.
MIN_SIDE_PX = 32

_FORMATS = (
    (b"BM", "BMP"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"RIFF", "WebP"),
    (b"P5", "PGM"),
)


def image_format(data: bytes) -> str | None:
    """Name of the format by its first bytes, or None where it is none that we inspect."""
    return next((name for magic, name in _FORMATS if data.startswith(magic)), None)


def incomplete(data: bytes) -> str | None:
    """Why these bytes look like the first part of a file still being written, or None where they look whole.

    Only formats that carry their own end can tell: BMP (length in the header), PNG (IEND), JPEG (EOI), WebP
    (RIFF length). A file without its end may yet become whole; one of unknown format never will.
    """
    if not data:
        return "empty file"
    kind = image_format(data)
    if kind == "BMP" and len(data) < (promised := int.from_bytes(data[2:6], "little")):
        return f"truncated: BMP header promises {promised} bytes, the file has {len(data)}"
    if kind == "PNG" and b"IEND" not in _png_chunks(data):
        return "truncated: PNG without its IEND end"
    if kind == "JPEG" and b"\xff\xd9" not in data[-64:]:
        return "truncated: JPEG without its end marker"
    if kind == "WebP" and len(data) < (promised := int.from_bytes(data[4:8], "little") + 8):
        return f"truncated: WebP header promises {promised} bytes, the file has {len(data)}"
    return None


def decode(data: bytes, bit_depth: int = 16) -> NDArray[np.uint8]:
    """Decode one image to gray pixels: uint8 (height, width), C-contiguous, at least MIN_SIDE_PX a side.

    Colour becomes luma, alpha is ignored, CMYK is converted. `bit_depth` is how many bits of a 16-bit image
    the camera fills (12 for most): they are shifted down to 8.

    Raises:
        ImageError: the reason, in words fit for the record.
    """
    reason = incomplete(data) or _unsupported(data)
    if reason:
        raise ImageError(reason)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        text = str(error)
        reason = f"more than {MAX_PIXELS:,} pixels" if "PIXELS" in text else f"cannot be decoded: {text.strip()}"
        raise ImageError(reason) from None
    if pixels is None:
        raise ImageError(f"damaged {image_format(data)}: cannot be decoded")
    return inspectable(pixels, bit_depth)


def read(path: Path, bit_depth: int = 16) -> NDArray[np.uint8]:
    """Decode the image file at `path`; see `decode`. OSError where it cannot be read."""
    return decode(read_file(path), bit_depth)


def read_file(path: Path | bytes) -> bytes:
    """The bytes of a plain file of at most MAX_FILE_BYTES.

    Links are not followed and nothing that blocks is opened: what is dropped must be the picture itself.

    Raises:
        ImageError: it is a link, a pipe, a device, or too large.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise ImageError("a link or a pipe, not a file: drop the picture itself") from None
        raise
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("not a plain file: drop the picture itself")
        if status.st_size > MAX_FILE_BYTES:
            raise ImageError(f"{status.st_size:,} bytes: at most {MAX_FILE_BYTES:,} are read")
        return file.read()


def _unsupported(data: bytes) -> str | None:
    kind = image_format(data)
    if kind is None:
        return f"not an image we inspect (first bytes {data[:8]!r}); BMP, PNG, JPEG, TIFF, WebP or PGM is"
    animated = (kind == "PNG" and b"acTL" in _png_chunks(data)) or (kind == "WebP" and b"ANIM" in data[:64])
    if animated or (kind == "TIFF" and _tiff_pages(data) > 1):
        return f"several pictures in one {kind} file: a frame is one picture"
    return None


def _png_chunks(data: bytes) -> set[bytes]:
    """The kinds of chunk that lie within the file, up to IEND. PNG specification, section 5.

    OpenCV allocates whatever length a chunk claims: one that reaches beyond the file must never get to it.
    """
    kinds: set[bytes] = set()
    position = len(b"\x89PNG\r\n\x1a\n")
    while b"IEND" not in kinds:
        kind = data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        if not kind or position > len(data):
            break
        kinds.add(kind)
    return kinds


def _tiff_pages(data: bytes) -> int:
    """Count image directories, 2 at the most: a second one is all that matters. TIFF 6.0, section 2."""
    order = "little" if data[:2] == b"II" else "big"
    first = int.from_bytes(data[4:8], order)  # type: ignore[arg-type]
    entries = int.from_bytes(data[first : first + 2], order)  # type: ignore[arg-type]
    link = first + 2 + 12 * entries
    return 2 if any(data[link : link + 4]) else 1


def inspectable(pixels: NDArray[np.generic], bit_depth: int) -> NDArray[np.uint8]:
    """Gray pixels (height, width) of 8 or `bit_depth` bits as C-contiguous uint8; see `decode`. ImageError: why not."""
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(f"{width}x{height} pixels: smaller than {MIN_SIDE_PX}x{MIN_SIDE_PX}")
    if max(height, width) > MAX_SIDE_PX or height * width > MAX_PIXELS:
        raise ImageError(f"{width}x{height} pixels: at most {MAX_SIDE_PX:,} a side and {MAX_PIXELS:,} in all")
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, np.uint8)
    if pixels.dtype != np.uint16:
        raise ImageError(f"pixels of type {pixels.dtype}: 8 or 16 bits a pixel can be inspected")
    if int(pixels.max()) >> bit_depth:
        raise ImageError(f"gray level {pixels.max()} in an image said to use {bit_depth} bits a pixel")
    return (pixels.astype(np.uint16) >> (bit_depth - 8)).astype(np.uint8)
