"""Owns lists that mark places in pictures, as COCO, VOC, YOLO and Severstal have them, and the views they become."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from trainer.data import crop
from trainer.data.crop import Box
from trainer.data.files import Files, walk
from trainer.data.formats import boxes, coco, lines, rle, tables, voc, yolo
from trainer.data.formats.boxes import Mark, Marked, Unusable
from trainer.data.formats.lists import Entry
from trainer.data.formats.tables import SIDES, Line
from trainer.data.manifest import DataError
from trainer.recipe.bundle import VIEW_PX

_SHOWN = 3  # names in a note
#: Ratio of the longer side to the shorter from which a picture is a strip of views.
_SQUARE = 1.5


def read(path: Path, files: Files) -> list[Marked] | None:
    """Return the marks of a list, or folder of lists, its pictures found under the root; None if it is a plain list.

    Raises:
        DataError: names the file, and where it can the line, that is not of its form.
    """
    if path.is_dir():
        found = _folder(path, files)
    elif path.suffix.lower() == ".json":
        found = coco.read(path)
    elif path.suffix.lower() in (".yaml", ".yml"):
        found = [one for part in yolo.parts(path, files).values() for one in part]
    elif (table := _table(path)) is not None:
        return _of_table(path, table, files)
    else:
        return None
    return [Marked(files.place(one.path), one.marks, one.line) for one in found]


def entries(
    found: Iterable[Marked], files: Files, known: Mapping[str, str], view_px: int | None, clean: str | None,
    notes: list[str], source: str,
) -> list[Entry]:  # fmt: skip
    """Return the views of marked pictures with the recipe's labels; `known` maps the names in the data to them.

    Without `view_px`, a picture that is about square is one view. `notes` gets how many views there are, and
    which pictures have none.

    Raises:
        DataError: names all labels that the recipe does not know.
    """
    marked = list(found)
    if unknown := sorted({mark.label for one in marked for mark in one.marks} - known.keys()):
        raise DataError(f"{source}: labels {', '.join(map(repr, unknown))}: none of {', '.join(known)}")
    views: list[Entry] = []
    left_out: defaultdict[str, list[str]] = defaultdict(list)
    for number, one in enumerate(marked, 1):
        files.progress("reading sizes", number, len(marked))
        marks = [Mark(known[mark.label], mark.box) for mark in one.marks]
        size = files.size(one.path)
        if size is None:  # whoever reads it says why it cannot be read
            views.append(Entry(one.path, marks[0].label if marks else clean or "", one.line))
            continue
        try:
            made = boxes.views(*size, marks, view_px or _view_px(*size), clean)
        except Unusable as error:
            left_out[str(error)].append(one.path)
            continue
        views += (Entry(crop.name(one.path, box) if box else one.path, label, one.line) for label, box in made)
    crops = sum(view.path.startswith(crop.PREFIX) for view in views)
    notes += [f"{source}: {crops} views of {view_px or VIEW_PX} px cut out of larger pictures"] if crops else []
    notes += [f"{source}: {len(paths)} of {len(marked)} left out, {reason}: {some(paths)}"
              for reason, paths in left_out.items()]  # fmt: skip
    return views


def _view_px(width: int, height: int) -> int:
    return max(width, height) if max(width, height) < _SQUARE * min(width, height) else VIEW_PX


def some(names: Sequence[str]) -> str:
    """Return the first of them, and how many more."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _folder(path: Path, files: Files) -> list[Marked]:
    inside = [path / name for name in walk(path)]
    if xml := [file for file in inside if file.suffix.lower() == ".xml"]:
        return voc.read(xml)
    if texts := [file for file in inside if file.suffix.lower() == ".txt"]:
        return yolo.read_texts(path, texts, files)
    raise DataError(f"{path}: a folder without the .xml of Pascal VOC or the .txt of YOLO")


def _table(path: Path) -> tables.Table | None:
    """Return the table in the file, if it marks places."""
    try:
        table = tables.read(lines.text(path, any_names=True))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; are data.root and the list's name right?") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    return table if table and table.marks_places else None


def _of_table(path: Path, table: tables.Table, files: Files) -> list[Marked]:
    """Gather the lines of each picture; one without rectangle and mask states that there is no such defect."""
    marks: dict[str, list[Mark]] = {}
    first: dict[str, int] = {}
    for number, line in enumerate(table.lines, 1):
        files.progress("reading marks", number, len(table.lines))
        picture = files.place(line.cells["path"])
        first.setdefault(picture, line.number)
        try:
            marks.setdefault(picture, []).extend(Mark(line.cells["label"], box) for box in _boxes(line, picture, files))
        except ValueError as error:
            raise DataError(f"{path}, line {line.number}: {error}") from None
    return [Marked(picture, tuple(found), first[picture]) for picture, found in marks.items()]


def _boxes(line: Line, picture: str, files: Files) -> list[Box]:
    if text := line.cells.get("mask", ""):
        size = files.size(picture)
        return rle.boxes(text, *size) if size else []
    sides = [line.cells.get(side, "") for side in SIDES]
    return [Box.around(*map(float, sides))] if all(sides) else []
