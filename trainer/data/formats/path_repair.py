"""Owns where the paths of a list start: found by looking which files are there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from trainer.data.formats.lists import Entry

_SAMPLE = 50  # paths that are looked for under each candidate, from all over the list
_ENOUGH = 0.5  # share of them that must be there: a list with gaps is still understood
_FOLDERS = 200  # below the root that are tried


@dataclass(frozen=True, slots=True)
class _Start:
    """A number of leading parts taken away; then a folder of the root put before, or the one of the label."""

    strip: int = 0
    folder: str = ""
    by_label: bool = False

    def apply(self, entry: Entry, folders: Mapping[str, str]) -> str:
        kept = PurePosixPath(*PurePosixPath(entry.path).parts[self.strip :])
        return str(PurePosixPath(folders.get(entry.label, "") if self.by_label else self.folder) / kept)


def located(root: Path, entries: Sequence[Entry], names: Mapping[str, str]) -> tuple[list[Entry], str]:
    """Return the entries with paths that exist under root, and a note of what was changed, "" if nothing was.

    Tried are backslashes for slashes, a prefix that all paths share and root does not have (an absolute one too), a
    folder of root that all lack, and the folder of the label. `names` maps what a folder may be called to the label.
    Where nothing helps the entries stay as they are.
    """
    step = max(1, len(entries) // _SAMPLE)
    turned = [replace(entry, path=entry.path.replace("\\", "/")) for entry in entries]
    backslashes = turned != list(entries)
    if not entries or _there(root, [entry.path for entry in entries[::step]]) >= _ENOUGH:
        return list(entries), ""
    folders = {names[path.name]: path.name for path in _folders(root) if path.name in names}
    shares = {
        start: _there(root, [start.apply(entry, folders) for entry in turned[::step]])
        for start in _starts(root, turned)
    }
    best = max(shares, key=lambda start: shares[start])
    if shares[best] < _ENOUGH:
        return list(entries), ""
    changed = [replace(entry, path=best.apply(entry, folders)) for entry in turned]
    slashes = " (its backslashes are slashes)" if backslashes else ""
    return changed, f"{entries[0].path} is looked for as {changed[0].path}, and so on{slashes}"


def _starts(root: Path, entries: Sequence[Entry]) -> Iterator[_Start]:
    parts = [PurePosixPath(entry.path).parts[:-1] for entry in entries]
    shared = 0
    for column in zip(*parts, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    below = [str(path.relative_to(root)) for path in _folders(root)]
    for strip in range(shared + 1):
        yield _Start(strip)
        yield _Start(strip, by_label=True)
        yield from (_Start(strip, folder) for folder in below)


def _folders(root: Path) -> list[Path]:
    """Return folders of the root and their folders, the nearest first."""
    found: list[Path] = []
    for pattern in ("*/", "*/*/"):
        found += sorted(path for path in root.glob(pattern) if path.is_dir() and not path.name.startswith("."))
    return found[:_FOLDERS]


def _there(root: Path, paths: Sequence[str]) -> float:
    return sum((root / path).is_file() for path in paths) / len(paths)
