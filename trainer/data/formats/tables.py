"""Owns lists with a header line, as Excel, Kaggle and detection tools write them: which column is what.

`image,label`, in any order, among other columns; rectangles as `xmin,ymin,xmax,ymax`; masks as Severstal has them,
`ImageId,ClassId,EncodedPixels` or `ImageId_ClassId,EncodedPixels`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from trainer.data.formats import lines

#: What each column may be called, the surest name first.
_PATHS = "filename file_name filepath file_path image_path img_path path image images img imageid image_id image_name"
_LABELS = "label labels class classid class_id class_name classname category defect defect_type klasse fehler target"
_COLUMNS: dict[str, list[str]] = {
    "path": [*_PATHS.split(), "file", "picture", "bild", "datei", "name"],
    "label": [*_LABELS.split(), "type"],
    "both": ["imageid_classid"],
    "mask": ["encodedpixels", "encoded_pixels", "rle"],
} | {side: [side] for side in ("xmin", "ymin", "xmax", "ymax")}
SIDES = ("xmin", "ymin", "xmax", "ymax")
#: The columns of a table, for the message about a list that is not understood.
WANTED = "a header line would be `image,label`"


class Line(NamedTuple):
    """A line's number, and its cells by what they are; those that it lacks are ""."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """What the columns are, and all lines below the header."""

    columns: frozenset[str]
    lines: tuple[Line, ...]

    @property
    def marks_places(self) -> bool:
        """Whether it has rectangles or masks."""
        return "mask" in self.columns or self.columns.issuperset(SIDES)


def read(content: str) -> Table | None:
    """Return the table; None where the first line is no header that names a picture's file and its label."""
    rows = lines.table(content)
    _, head = next(rows, (0, []))
    places = {cell.lower(): place for place, cell in reversed(list(enumerate(head)))}
    called = {column: next((name for name in names if name in places), None) for column, names in _COLUMNS.items()}
    columns = {column: places[name] for column, name in called.items() if name is not None}
    if "both" not in columns and not {"path", "label"} <= columns.keys():
        return None
    return Table(frozenset(columns), tuple(_lines(rows, columns)))


def is_header(line: str) -> bool:
    """Whether a line of two words names the columns of a list whose lines are two words."""
    words = line.lower().split()
    return len(words) == 2 and words[0] in _COLUMNS["path"] and words[1] in _COLUMNS["label"]


def _lines(rows: Iterator[tuple[int, list[str]]], columns: dict[str, int]) -> Iterator[Line]:
    for number, row in rows:
        cells = {column: row[place] if place < len(row) else "" for column, place in columns.items()}
        if "both" in cells:
            path, _, label = cells["both"].rpartition("_")
            cells |= {"path": path, "label": label}
        yield Line(number, cells)
