"""Owns pictures in folders: one a class, below train, val and test or not, with folders and masks inside, or YOLO's.

What is no picture of a class is left alone and named: masks, annotations, what systems write.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from inspector.errors import ImageError
from inspector.vision import image
from trainer import terminal
from trainer.data import dataset
from trainer.data.files import is_hidden, walk
from trainer.data.formats.annotations import some
from trainer.data.manifest import DataError, Split

#: What folders of a data set's parts are called.
PARTS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing", "eval"), "eval"),
}
_MASKS = frozenset({"mask", "masks", "ground_truth", "groundtruth", "gt", "annotations", "labels"})
_MASK_ENDS = ("_mask", "-mask", "_gt", "-gt", "_label", "_seg", "_groundtruth", "_ground_truth", "_annotation")
#: Files beside pictures that nobody takes for a damaged picture.
_NO_PICTURES = frozenset({".txt", ".xml", ".json", ".csv", ".tsv", ".yaml", ".yml", ".db", ".ini", ".md", ".names"})


def visible(folder: Path) -> list[Path]:
    """Return the folders in a folder that may be classes or parts. Raise DataError if it cannot be read."""
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name)]
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; data.root holds one folder a class") from None
    return sorted(found)


def parts(folders: Sequence[Path]) -> dict[Split, Path]:
    """Return those that are a data set's parts, if one of them is `train`: what is not trained on cannot be judged.

    Raise DataError if two folders are one part.
    """
    found: dict[Split, Path] = {}
    for path in folders:
        if (part := PARTS.get(path.name.lower())) is not None and found.setdefault(part, path) != path:
            raise DataError(f"{path}: {found[part].name} is there, too: which of the two is the {part} part?")
    return found if "train" in found else {}


def listed(root: Path) -> Path | None:
    """Return the folder, root or in it, whose files mark places in pictures as VOC or YOLO does; None without one."""
    if any(path.endswith(".xml") for path in walk(root)):
        return root
    labels = root / "labels"
    return labels if labels.is_dir() and any(path.endswith(".txt") for path in walk(labels)) else None


def holds_classes(folder: Path, names: Mapping[str, str]) -> bool:
    """Whether one of its folders is called like a label."""
    return any(path.name in names for path in visible(folder))


def classes(root: Path, below: Path, names: Mapping[str, str], notes: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield path below root, label, and folder of each picture in the class folders of a folder, at any depth.

    Raises:
        DataError: names all folders that are no label, and a label's folder within another's.
    """
    folders = [path for path in visible(below) if path.name.lower() not in _MASKS or path.name in names]
    if unknown := [path.name for path in folders if path.name not in names]:
        raise DataError(f"{below}: {', '.join(unknown)}: no label or alias of the recipe is called so "
                        f"({', '.join(names)})")  # fmt: skip
    for folder in folders:
        for path in _pictures(root, folder, names, notes):
            yield path, names[folder.name], folder.name


def _pictures(root: Path, folder: Path, names: Mapping[str, str], notes: list[str]) -> Iterator[str]:
    inside = list(walk(root, folder.relative_to(root).as_posix()))
    depth = len(folder.relative_to(root).parts)
    left_out: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    masks = _masks(root, inside)
    for path in inside:
        between = PurePosixPath(path).parts[depth:-1]
        if other := next((name for name in between if name in names), None):
            raise DataError(f"{root / path}: a picture in {other}, in {folder.name}: which of the two labels has it?")
        if path in masks or any(name.lower() in _MASKS for name in between):
            left_out["file is a mask", "files are masks"].append(path)
        elif PurePosixPath(path).suffix.lower() in _NO_PICTURES:
            left_out["file is no picture", "files are no pictures"].append(path)
        else:
            yield path
    for what, paths in left_out.items():
        files = terminal.counted(len(paths), *what)
        notes.append(f"{folder.relative_to(root)}: {files} and left out: {some(paths)}")


def _masks(root: Path, paths: Sequence[str]) -> set[str]:
    """Return the masks: `a_mask.png` beside `a.png`; and of two called `a`, the one of two gray levels."""
    found: set[str] = set()
    twins: Counter[str] = Counter()
    pictures = [path for path in paths if PurePosixPath(path).suffix.lower() in image.SUFFIXES]
    stems = {path: str(PurePosixPath(path).with_suffix("")) for path in pictures}
    known = set(stems.values())
    for path, stem in stems.items():
        twins[stem] += 1
        end = next((end for end in _MASK_ENDS if stem.lower().endswith(end)), "")
        if end and stem[: -len(end)] in known:
            found.add(path)
    return found | {path for path, stem in stems.items() if twins[stem] > 1 and _is_mask(root, path)}


def _is_mask(root: Path, path: str) -> bool:
    try:
        return len(np.unique(dataset.pixels_of(root, path))) <= 2
    except (ImageError, OSError):
        return False
