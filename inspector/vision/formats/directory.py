"""Owns the directory of tags that TIFF, BigTIFF and EXIF share. TIFF 6.0, section 2."""

import struct
from dataclasses import dataclass

from inspector.errors import ImageError
from inspector.vision.formats.outline import Bytes, Truncated, need

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: A tag with more values is damage; of a list of strips or tiles, one with more than MAX_PARTS.
_MAX_VALUES = 16
#: One row of 65,536 a strip.
MAX_PARTS = 65_536
_LISTS = (273, 279, 324, 325)
_MAX_ENTRIES = 1000
_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
#: The tags that matter here: what the pixels are, where they lie, how they are packed and turned.
_READ = frozenset({254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 322, 323, 324, 325, 339})


@dataclass(frozen=True, slots=True)
class Directory:
    """The values of the tags that matter, and where a further directory begins (0: nowhere)."""

    values: dict[int, tuple[int, ...]]
    following: int

    def one(self, tag: int, otherwise: int) -> int:
        """Return the first value of a tag."""
        return (self.values.get(tag) or (otherwise,))[0]


def read(data: Bytes) -> Directory:
    """Return the first directory. BigTIFF has other widths and the same order."""
    need(data, 16, "a TIFF header")
    head = data[:16]
    order = "<" if head[:2] == b"II" else ">"
    big = head[:4] in MAGICS[2:]
    count_form, entry_form, link_form, inline = ("Q", "HHQ", "Q", 8) if big else ("H", "HHI", "I", 4)
    (first,) = struct.unpack(order + link_form, head[8:16] if big else head[4:8])
    if not first:
        raise Truncated("truncated: a TIFF whose directory is not yet written")
    count_bytes, entry_bytes = struct.calcsize("<" + count_form), struct.calcsize("<" + entry_form) + inline
    need(data, first + count_bytes, "a TIFF with its directory")
    (count,) = struct.unpack(order + count_form, data[first : first + count_bytes])
    if not count:
        raise Truncated("truncated: a TIFF whose directory is not yet written")
    if count > _MAX_ENTRIES:
        raise ImageError(f"damaged TIFF: a directory of {count:,} entries")
    link = first + count_bytes + count * entry_bytes
    need(data, link + inline, "a TIFF with its directory")
    tags = {}
    for at in range(first + count_bytes, link, entry_bytes):
        entry = data[at : at + entry_bytes]
        tag, kind, number = struct.unpack(order + entry_form, entry[:-inline])
        if tag in _READ and kind in _TYPES and tag not in tags:
            if number > (MAX_PARTS if tag in _LISTS else _MAX_VALUES):
                raise ImageError(f"damaged TIFF: {number:,} values of tag {tag}")
            tags[tag] = _values(data, order, link_form, _TYPES[kind], number, entry[-inline:])
    (following,) = struct.unpack(order + link_form, data[link : link + inline])
    return Directory(tags, following)


def _values(data: Bytes, order: str, link_form: str, form: str, number: int, inline: bytes) -> tuple[int, ...]:
    size = number * struct.calcsize(form)
    if size > len(inline):
        (at,) = struct.unpack(order + link_form, inline)
        need(data, at + size, "a TIFF with its directory")
        inline = data[at : at + size]
    return struct.unpack(f"{order}{number}{form}", inline[:size])


def orientation_of(exif: bytes) -> int:
    """Return the orientation (1 to 8) that EXIF data ask for; 1 if they ask for none."""
    try:
        value = read(exif).one(274, 1)
    except ImageError:
        return 1
    return value if 1 <= value <= 8 else 1
