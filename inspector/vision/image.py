"""Owns decoding: the bytes of one image file to gray pixels, or the reason why not. Training and serving share it."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats import signature
from inspector.vision.formats.outline import Bytes, Outline, need, refuse_size
from inspector.vision.preprocess import contrast

#: Contrast, in gray levels, below which a picture is blank; the value for bundles without one.
_BLANK = 2.0
#: Bytes of a large file that are read first: most headers end within them.
_HEAD_BYTES = 256
#: Bytes of a file that is read before its header is judged: reading it costs no more than asking twice.
_SMALL_BYTES = 64 * 1024
#: Bytes of the largest file that is read.
MAX_FILE_BYTES = 512 * 1024 * 1024
SUFFIXES = frozenset(
    {".bmp", ".dib", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".pgm", ".pnm"}
)


def image_format(data: bytes) -> str | None:
    """Return the name of the format by its first bytes, or None if it is none that can be inspected."""
    try:
        return str(signature.of(data[:16]).NAME)
    except ImageError:
        return None


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """The bytes of one image file that is whole: its header was judged, and `end` is where its picture ends."""

    data: bytes
    form: ModuleType
    outline: Outline
    end: int

    def levels(self) -> NDArray[Any]:
        """Return the gray levels of the file's own depth, (height, width). Raise ImageError where not all are there."""
        signature.refuse_second(self.data, self.end, self.form.NAME)
        levels: NDArray[Any] = self.form.pixels(self.data, self.outline)
        return levels

    def decode(self, bit_depth: int = 16) -> NDArray[np.uint8]:
        """Return gray pixels; see the function `decode`."""
        levels, outline = self.levels(), self.outline
        gray = inspectable(levels, bit_depth if outline.depth is None else outline.depth)
        if outline.depth is None and not outline.negative:
            refuse_unused_bits(levels, gray, bit_depth)
        return 255 - gray if outline.negative else gray


def parse(data: bytes) -> EncodedImage:
    """Return the image that these bytes are, not decoded yet.

    Each format knows where its picture ends. A file without its end may yet become whole; one of unknown format, or
    with damage before its end, never will.

    Raises:
        Truncated: the bytes end before the picture does, as those of a file that is still being written.
        ImageError: the bytes are no image that can be inspected.
    """
    form, outline = _promised(data)
    return EncodedImage(data, form, outline, form.end(data, outline))


def decode(data: bytes, bit_depth: int = 16) -> NDArray[np.uint8]:
    """Decode one image to gray pixels: uint8 (height, width), C-contiguous, at least MIN_SIDE_PX a side.

    Colour becomes luma, alpha is ignored, CMYK is converted. `bit_depth` is how many bits of a 16-bit image
    the camera fills (12 for most): they are shifted down to 8. A file that states that it uses fewer is believed.

    Raises:
        ImageError: the reason, as it goes on record. Pixels that a decoder would have to invent are one.
    """
    return parse(data).decode(bit_depth)


def bits_used(path: Path) -> int:
    """Return how many bits the brightest pixel of a 16-bit image takes; 8 for all others, which need no `bit_depth`.

    Raises:
        ImageError, OSError: it cannot be read.
    """
    image = read_file(path)
    if image.outline.pixel_bits <= 8:
        return 8
    levels = image.levels()
    return 8 if levels.dtype == np.uint8 or image.outline.depth is not None else max(8, int(levels.max()).bit_length())


def size(path: Path) -> tuple[int, int]:
    """Return width and height of an image of any depth, turned as it asks to be. Raise ImageError or OSError if it
    cannot be read.
    """
    height, width = read_file(path).levels().shape
    return width, height


def read(path: Path, bit_depth: int = 16) -> NDArray[np.uint8]:
    """Decode the image file at `path`; see `decode`. Raise OSError if it cannot be read."""
    return read_file(path).decode(bit_depth)


def read_file(path: Path | bytes, folder: int | None = None) -> EncodedImage:
    """Read a plain file of at most MAX_FILE_BYTES that is a whole image.

    A relative path begins at the descriptor `folder`. Links are not followed and nothing that blocks is opened: what
    is dropped must be the image itself. Of a file larger than _SMALL_BYTES that is refused for its format, its size, or
    its length, nothing but the header is read.

    Raises:
        ImageError: it is a link, a pipe, a device, too large, or no such image; Truncated where its end is missing.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise ImageError("a link or a pipe, not a file: drop the picture itself") from None
        raise
    try:
        return parse(_bytes_of(descriptor))
    finally:
        os.close(descriptor)


def _bytes_of(descriptor: int) -> bytes:
    """Return the bytes of an open file. Raise ImageError if the file or its header cannot be that of an image."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a plain file: drop the picture itself")
    if status.st_size > MAX_FILE_BYTES:
        raise ImageError(f"{status.st_size:,} bytes: at most {MAX_FILE_BYTES:,} are read")
    if status.st_size > _SMALL_BYTES:  # of a smaller file the header is judged once, with all the rest
        _promised(_File(descriptor, status.st_size))
    return os.pread(descriptor, status.st_size, 0)


class _File:
    """The bytes of an open file, read as they are asked for."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor, self._size = descriptor, size
        self._head = os.pread(descriptor, _HEAD_BYTES, 0)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        if stop <= len(self._head):
            return self._head[start:stop]
        return os.pread(self._descriptor, max(0, stop - start), start)


def _promised(data: Bytes) -> tuple[ModuleType, Outline]:
    """Return format and outline by the header. Raise Truncated, or ImageError, if such a file cannot be inspected."""
    form = signature.of(data[:16])
    shape: Outline = form.outline(data)
    shape.refuse_implausible(len(data))
    need(data, shape.end, f"a {form.NAME} of this size")
    return form, shape


def inspectable(pixels: NDArray[np.generic], bit_depth: int) -> NDArray[np.uint8]:
    """Return gray pixels (height, width) of 8 or `bit_depth` bits as C-contiguous uint8; see `decode`.

    Raise ImageError if they cannot be inspected.
    """
    height, width = pixels.shape[:2]
    refuse_size(height, width)
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, np.uint8)
    if pixels.dtype != np.uint16:
        raise ImageError(f"pixels of type {pixels.dtype}: 8 or 16 bits a pixel can be inspected")
    if int(pixels.max()) >> bit_depth:
        raise ImageError(f"gray level {pixels.max()} in an image said to use {bit_depth} bits a pixel")
    return (pixels.astype(np.uint16) >> (bit_depth - 8)).astype(np.uint8)


def refuse_unused_bits(pixels: NDArray[np.generic], gray: NDArray[np.uint8], bit_depth: int) -> None:
    """Raise ImageError if a picture is blank at 16 bits and strip at those it uses: `bit_depth` was not set.

    `gray` is what `inspectable` made of it. A dark picture of 16 bits may look the same, so the reason names both.
    """
    if pixels.dtype != np.uint16 or bit_depth != 16 or contrast(gray) >= _BLANK:
        return
    used = next((bits for bits in (8, 10, 12, 14) if not int(pixels.max()) >> bits), 16)
    if used < 16 and contrast((pixels.astype(np.uint16) >> (used - 8)).astype(np.uint8)) >= _BLANK:
        raise ImageError(f"only {used} of 16 bits are used: set bit_depth, or let more light in")
