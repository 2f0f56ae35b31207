"""Owns TIFF and BigTIFF: the kinds that can be inspected, the others by name. TIFF 6.0."""

from typing import Any

from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.formats import codec, directory, strips
from inspector.vision.formats.directory import Directory
from inspector.vision.formats.outline import Bytes, Outline, refuse_size

NAME = "TIFF"
MAGICS = directory.MAGICS
_WHITE_IS_ZERO, _PALETTE, _CMYK = 0, 3, 5
_COLOURS = {_WHITE_IS_ZERO: 1, 1: 1, 2: 3, _PALETTE: 1, _CMYK: 4}  # photometric interpretation: its samples
_NUMBERS = {2: "int", 3: "float"}
_REDUCED = 1


def outline(data: Bytes) -> Outline:
    """Return the outline by the first directory. Raise Truncated, or ImageError, if it cannot be inspected."""
    tags = directory.read(data)
    refuse_size(tags.one(257, 0), tags.one(256, 0))
    _refuse_kind(tags)
    bits, samples = tags.one(258, 1), tags.one(277, 1)
    negative = tags.one(262, 1) == _WHITE_IS_ZERO and bits > 8  # of 8 bits and fewer, OpenCV turns it itself
    depth = 16 if 8 < bits < 16 else None  # what is packed into 12 bits is unpacked to 16
    end_at = max(start + length for start, length in strips.places(tags))
    return Outline(
        width=tags.one(256, 0),
        height=tags.one(257, 0),
        pixel_bits=bits * samples,
        end=end_at,
        depth=depth,
        negative=negative,
    )


def end(data: bytes, shape: Outline) -> int:
    """Return where the file ends: directories may stand anywhere in it."""
    return len(data)


def pixels(data: bytes, shape: Outline) -> NDArray[Any]:
    """Return gray pixels (height, width). Raise ImageError if some of them would be invented.

    OpenCV reads pictures of 8 bits by a function of libtiff that goes on after an error, so that is looked for first.
    """
    strips.verify(data, directory.read(data))
    return codec.opencv(data, NAME)


def _refuse_kind(tags: Directory) -> None:
    """Raise ImageError for what cannot be read, would be read wrong, or hides what it lost."""
    bits, samples, colours = tags.one(258, 1), tags.one(277, 1), tags.one(262, 1)
    compression, number = tags.one(259, strips.PLAIN), tags.one(339, 1)
    if tags.following:
        raise ImageError("several pictures in one TIFF file: a frame is one picture")
    if tags.one(254, 0) & _REDUCED:
        raise ImageError("a TIFF whose first picture is a thumbnail")
    if number in _NUMBERS or bits > 16:
        raise ImageError(
            f"pixels of type {_NUMBERS.get(number, 'uint')}{bits}: 8 or 16 bits a pixel, unsigned, can be inspected"
        )
    if bits not in (1, 8, 10, 12, 14, 16) or len(set(tags.values.get(258, ()))) > 1:
        raise ImageError(f"a TIFF of {bits} bits a sample: 8 or 16 can be inspected")
    if compression not in (strips.PLAIN, strips.LZW, strips.PACKBITS, *strips.DEFLATE):
        raise ImageError(f"a TIFF of compression {compression}: none, LZW, PackBits or Deflate can be inspected")
    if colours not in _COLOURS or samples < _COLOURS[colours] or samples > 8:
        raise ImageError(f"a TIFF of colour kind {colours} with {samples} samples: gray or RGB can be inspected")
    if bits > 8 and (strips.planes(tags) > 1 or samples == 2 or colours in (_PALETTE, _CMYK)):
        raise ImageError(f"a TIFF of {bits} bits with {samples} samples in this order: gray or plain RGB can be read")
