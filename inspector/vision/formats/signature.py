"""Owns signatures: which format a file is, by its first bytes, and whether a second picture follows the first.

Each format is a module with NAME, MAGICS, `outline` (by the first bytes), `end` (by a bounded walk) and `pixels`.
"""

from types import ModuleType

from inspector.errors import ImageError
from inspector.vision.formats import bmp, jpeg, pgm, png, tiff, webp
from inspector.vision.formats.outline import Bytes, Outline, Truncated

_FORMATS: tuple[ModuleType, ...] = (bmp, png, jpeg, tiff, webp, pgm)
#: Formats that cannot be inspected, known so that the reason names them.
_OTHERS = (
    ((b"P2",), "a PGM in text (P2)"),
    ((b"P1", b"P3", b"P4", b"P6", b"P7"), "a PBM, PPM or PAM"),
    ((b"GIF8",), "a GIF"),
    ((b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51"), "a JPEG 2000"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL"), "a JPEG XL"),
    ((b"SIMPLE  =",), "a FITS file"),
)
#: False beginnings of a picture in a trailer after which it is searched no further.
_MAX_LOOKS = 1000


def of(head: bytes) -> ModuleType:
    """Return the format of a file with this head. Raise Truncated if it is too short to tell, ImageError for none."""
    for form in _FORMATS:
        if head.startswith(form.MAGICS):
            return form
    if not head:
        raise Truncated("empty file")
    if any(magic.startswith(head) for form in _FORMATS for magic in form.MAGICS):
        raise Truncated(f"truncated: {len(head)} bytes are no picture yet")
    name = next((name for magics, name in _OTHERS if head.startswith(magics)), None)
    what = name or f"first bytes {head[:8]!r}"
    raise ImageError(f"not an image we inspect ({what}); BMP, PNG, JPEG, TIFF, WebP or binary PGM (P5) is")


def refuse_second(data: bytes, end: int, name: str) -> None:
    """Raise ImageError if another picture begins behind `end`. Padding and other trailers pass."""
    if end >= len(data):
        return
    for form in _FORMATS:
        for magic in form.MAGICS:
            at = data.find(magic, end)
            for _ in range(_MAX_LOOKS):
                if at < 0:
                    break
                if _is_picture(form, _Rest(data, at)):
                    raise ImageError(f"several pictures in one {name} file: a frame is one picture")
                at = data.find(magic, at + 1)


class _Rest:
    """The data from a byte on, without a copy of them."""

    def __init__(self, data: bytes, first: int) -> None:
        self._data, self._first = data, first

    def __len__(self) -> int:
        return len(self._data) - self._first

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        return self._data[self._first + start : self._first + stop]


def _is_picture(form: ModuleType, data: Bytes) -> bool:
    try:
        shape: Outline = form.outline(data)
        shape.refuse_implausible(0)
    except ImageError:
        return False
    return True
