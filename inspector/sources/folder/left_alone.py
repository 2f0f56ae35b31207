"""Owns what is left alone in a drop folder: by which names, and how many files by reason, with an example of each."""

import fnmatch
import os
import re
from collections.abc import Sequence

from inspector.protocol.messages import Left
from inspector.sources.folder.ownership import text
from inspector.vision import image

#: Reasons why a file or a whole folder stays where it is, beside REFUSED.
SYSTEM, IGNORED, HIDDEN, SUFFIX = "system", "ignored", "hidden", "suffix"
#: Names, in lower case, of what file servers, operating systems and office programs put into a shared folder.
_SYSTEM_NAMES = frozenset({
    b"@eadir", b"@tmp", b"@recycle", b"@recently-snapshot", b"@sharesnap", b"#recycle", b"#snapshot", b"~snapshot",
    b"$recycle.bin", b"recycler", b"recycled", b"system volume information", b"found.000", b"lost+found",
    b"network trash folder", b"temporary items", b"thevolumesettingsfolder", b"thumbs.db", b"ehthumbs.db",
    b"desktop.ini",
})  # fmt: skip
#: Prefix of a document that an office program has open.
_OPEN_DOCUMENT = b"~$"
_SUFFIXES = frozenset(suffix.encode() for suffix in image.SUFFIXES)
_MAX_EXAMPLE = 1024


class NameFilter:
    """Decides which names in a drop folder are taken."""

    def __init__(self, ignore: Sequence[str]) -> None:
        """`ignore`: shell patterns, of names at any depth, or with a / in them of paths below the drop folder."""
        self._names = _any_of([pattern for pattern in ignore if "/" not in pattern])
        self._paths = _any_of([pattern for pattern in ignore if "/" in pattern])

    def left(self, name: bytes, path: bytes) -> str:
        """Return why a file or folder of this name is left alone, whatever it is; empty if it is not."""
        if name.startswith(b"."):
            return HIDDEN
        if name.lower() in _SYSTEM_NAMES or name.startswith(_OPEN_DOCUMENT):
            return SYSTEM
        if (self._names and self._names.match(os.fsdecode(name))) or (
            self._paths and self._paths.match(os.fsdecode(path))
        ):
            return IGNORED
        return ""

    def is_picture(self, name: bytes) -> bool:
        """Return whether a file has the suffix of a picture."""
        return os.path.splitext(name)[1].lower() in _SUFFIXES


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """Return an expression that matches where one of the shell patterns does; None without patterns."""
    return re.compile("|".join(map(fnmatch.translate, patterns))) if patterns else None


class LeftAlone:
    """What one scan of the folder left alone."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}

    def add(self, reason: str, path: bytes, why: str = "") -> None:
        """Count one file, or one folder with all that is in it, by its path below the drop folder."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        if reason not in self._examples:
            self._examples[reason] = (f"{text(path)}: {why}" if why else text(path))[:_MAX_EXAMPLE]

    def all(self) -> list[Left]:
        """Return the counts by reason, with one example each."""
        return [Left(reason, count, self._examples[reason]) for reason, count in self._counts.items()]
