"""Owns reading Pascal VOC's XML: a file a picture, with an `object` for each rectangle."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from trainer.data.crop import Box
from trainer.data.formats.boxes import Mark, Marked
from trainer.data.manifest import DataError


def read(files: Sequence[Path]) -> list[Marked]:
    """Return the marked picture of each file, in order.

    Raise DataError, which names the file, if one is not as VOC has it.
    """
    return [_picture(path) for path in files]


def _picture(path: Path) -> Marked:
    try:
        top = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise DataError(f"{path}: not XML as Pascal VOC has it: {error}") from None
    name = (top.findtext("filename") or path.stem).strip().replace("\\", "/").rpartition("/")[2]
    if top.tag != "annotation":
        raise DataError(f"{path}: not as Pascal VOC has it: <annotation> is expected, got <{top.tag}>")
    # LabelImg writes the name without its suffix where the picture was opened so.
    return Marked(name if Path(name).suffix else path.stem, tuple(_mark(path, one) for one in top.iter("object")))


def _mark(path: Path, found: ElementTree.Element) -> Mark:
    label, box = (found.findtext("name") or "").strip(), found.find("bndbox")
    try:
        sides = [float((box.findtext(side) if box is not None else None) or "") for side in
                 ("xmin", "ymin", "xmax", "ymax")]  # fmt: skip
    except ValueError:
        raise DataError(f"{path}: object {label!r}: a bndbox with xmin, ymin, xmax and ymax is expected") from None
    try:
        return Mark(label, Box.around(*sides))
    except ValueError as error:
        raise DataError(f"{path}: object {label!r}: {error}") from None
