"""Owns reading YOLO's labels: a text a picture, a line `class x y width height` a rectangle, in shares of the picture.

The names of the classes are in data.yaml, or a line each in classes.txt or obj.names beside the labels or above them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from inspector import yaml_text
from trainer.data.crop import Box
from trainer.data.files import Files
from trainer.data.formats import lines
from trainer.data.formats.boxes import Mark, Marked
from trainer.data.manifest import DataError, Split

_NAMES = ("classes.txt", "obj.names", "labels.txt")
#: The keys of data.yaml that name pictures, and what they are for.
_PARTS: dict[str, Split] = {"train": "train", "val": "val", "valid": "val", "test": "eval"}


def parts(path: Path, files: Files) -> dict[Split, list[Marked]]:
    """Return what data.yaml says is for `train`, `val` and `eval`.

    Raise DataError if it, or a label, is not as YOLO has it.
    """
    top = _data_yaml(path)
    names = _names_of(path, top.get("names"))
    found: dict[Split, list[Marked]] = {}
    for key, part in _PARTS.items():
        places = top.get(key)
        for place in places if isinstance(places, list) else [places] if places else []:
            inside = _below(path, top, str(place), files)
            found.setdefault(part, []).extend(
                _marked(files, [(picture, _label_file(files.root, picture)) for picture in inside], names)
            )
    if not found:
        raise DataError(f"{path}: no train, val or test in it, folders of pictures")
    return found


def read_texts(folder: Path, texts: Iterable[Path], files: Files) -> list[Marked]:
    """Return the pictures whose labels lie in texts of a folder.

    Raise DataError if no classes.txt names the classes.
    """
    file = next((place / name for place in (folder, folder.parent, files.root) for name in _NAMES
                 if (place / name).is_file()), None)  # fmt: skip
    if file is None:
        raise DataError(f"{folder}: nothing names YOLO's classes: a data.yaml, or a classes.txt here, is expected")
    names = _lines(file)
    pictures = {path: files.place(path.stem) for path in texts if path.name not in _NAMES}
    return list(_marked(files, [(picture, path) for path, picture in pictures.items()], names))


def _marked(files: Files, pictures: Sequence[tuple[str, Path]], names: list[str]) -> Iterator[Marked]:
    """Yield the marks of pictures, each with its text."""
    for number, (picture, path) in enumerate(pictures, 1):
        files.progress("reading marks", number, len(pictures))
        yield _picture(files, picture, path, names)


def _label_file(root: Path, picture: str) -> Path:
    """Return the path of a picture's labels: beside it, or in `labels` if it is in `images`. Clean strip has none."""
    path = PurePosixPath(picture)
    folders = ["labels" if part == "images" else part for part in path.parts[:-1]]
    twin = root / PurePosixPath(*folders, f"{path.stem}.txt")
    return twin if twin.is_file() else root / path.with_suffix(".txt")


def _picture(files: Files, picture: str, path: Path, names: list[str]) -> Marked:
    marks = []
    size = files.size(picture) or (1, 1)
    for number, line in enumerate(_lines(path) if path.is_file() else [], 1):
        try:
            place, *sides = line.split()
            marks.append(Mark(names[_number(place)], _box([float(side) for side in sides], *size)))
        except (ValueError, IndexError):
            raise DataError(f"{path}, line {number}: `class x y width height` is expected, class 0 to {len(names) - 1} "
                            f"and the rest shares from 0 to 1, got {line[:80]!r}") from None  # fmt: skip
    return Marked(picture, tuple(marks))


def _number(place: str) -> int:
    if not re.fullmatch(r"[0-9]+", place):
        raise ValueError
    return int(place)


def _box(sides: list[float], width: int, height: int) -> Box:
    """Return the box of a rectangle, perhaps with a score, or of a polygon. Raise ValueError if it is neither."""
    if not all(0 <= side <= 1.001 for side in sides):
        raise ValueError
    if len(sides) in (4, 5):
        x, y, wide, high = sides[:4]
        left, right, top, bottom = x - wide / 2, x + wide / 2, y - high / 2, y + high / 2
    elif len(sides) >= 6 and len(sides) % 2 == 0:
        left, right, top, bottom = min(sides[::2]), max(sides[::2]), min(sides[1::2]), max(sides[1::2])
    else:
        raise ValueError
    return Box.around(left * width, top * height, min(right, 1) * width, min(bottom, 1) * height)


def _data_yaml(path: Path) -> dict[str, Any]:
    try:
        top = yaml_text.load(lines.text(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path}: {reason}") from None
    if not isinstance(top, dict):
        raise DataError(f"{path}: not a data.yaml of YOLO: names, train and val are expected")
    return top


def _names_of(path: Path, names: Any) -> list[str]:
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[place] for place in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DataError(f"{path}: names: a list of the classes' names is expected")
    return [str(name) for name in names]


def _below(path: Path, top: dict[str, Any], place: str, files: Files) -> list[str]:
    """Return the pictures of a folder, or of a list of paths, that data.yaml names from wherever it was written."""
    bases = [path.parent / str(top.get("path") or ""), path.parent]
    tried = [base / place for base in bases] + [path.parent / place.removeprefix("../")]
    found = next((one for one in tried if one.exists()), None)
    if found is None:
        raise DataError(f"{path}: {place}: no such folder or list beside it")
    if found.is_file():
        return [files.place(line) for line in _lines(found)]
    folder = found.resolve()
    return [one for one in files.all if (files.root / one).resolve().is_relative_to(folder)]


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in lines.text(path).split("\n") if line.strip()]
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error.strerror if isinstance(error, OSError) else error}") from None
