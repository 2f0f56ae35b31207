"""Owns the picture files under a root: where they lie, by path or by name alone, and how large they are."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from inspector.errors import ImageError
from inspector.vision import image
from trainer.data.manifest import DataError
from trainer.progress.callback import Progress, silent

#: What systems put into folders that people keep pictures in.
_SYSTEM = frozenset({"@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "__macosx"})


class Files:
    """The picture files under `root`, looked for once, when first asked for. `bit_depth` as `dataset.pixels_of`.

    `progress` is for whoever asks for the sizes of many of them.
    """

    def __init__(self, root: Path, bit_depth: int | None = None, progress: Progress = silent) -> None:
        self.root = root
        self.progress = progress
        self._bit_depth = bit_depth
        self._sizes: dict[str, tuple[int, int] | None] = {}

    @cached_property
    def all(self) -> tuple[str, ...]:
        """Their paths relative to root, in order."""
        return tuple(path for path in walk(self.root) if Path(path).suffix.lower() in image.SUFFIXES)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        names = [name for path in self.all for name in {Path(path).name, Path(path).stem}]
        once = {name for name, count in Counter(names).items() if count == 1}
        return {name: path for path in self.all for name in (Path(path).stem, Path(path).name) if name in once}

    def place(self, name: str) -> str:
        """Return the path of a picture by its name: that path, or the only one with its file name; else the name.

        Raise DataError if no file can have such a name.
        """
        if "\0" in name or re.search("[\ud800-\udc7f\udd00-\udfff]", name):  # what no name on the disk becomes as text
            raise DataError(f"{name!r}: no file can have this name")
        if (self.root / name).is_file():
            return name
        last = name.replace("\\", "/").rpartition("/")[2]
        return self._by_name.get(last) or self._by_name.get(Path(last).stem, name)

    def size(self, path: str) -> tuple[int, int] | None:
        """Return width and height in pixels; None where the picture cannot be read."""
        if path not in self._sizes:
            try:
                self._sizes[path] = image.size((self.root / path).resolve())
            except (ImageError, OSError):
                self._sizes[path] = None
        return self._sizes[path]


def walk(root: Path, below: str = "") -> Iterator[str]:
    """Yield every file below a folder of root, relative to root, in order; follow links, pass over hidden things."""
    seen: set[tuple[int, int]] = set()
    for folder, inside, names in os.walk(root / below, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder above it
            inside.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inside[:] = sorted(name for name in inside if not is_hidden(name))
        for name in sorted(names):
            if not is_hidden(name):
                yield (Path(folder) / name).relative_to(root).as_posix()


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of the person's own."""
    return name.startswith((".", "~$")) or name.lower() in _SYSTEM
