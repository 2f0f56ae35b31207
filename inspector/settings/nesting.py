"""Owns which folders of a line may not lie in one another: files in a drop folder are moved out of it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.settings.sources.types import SourceSettings

#: Beginning of the names of the data folder's folders with images: the evidence, and evidence that was set aside.
_EVIDENCE = "evidence"
_PUT_AWAY = ("done", "failed", ".work")


def check(data: Path, sources: Sequence[SourceSettings]) -> None:
    """Check each drop folder against the others and against the data folder, all links followed.

    Raise ValueError if two are nested: which ones, and what would be right.
    """
    folders = [source for source in sources if isinstance(source, FolderSourceSettings)]
    replayed = {source.name: source.path for source in sources if isinstance(source, ReplaySourceSettings)}
    for source in folders:
        others = [other for other in folders if other is not source]
        if trouble := _leads_back(source) or _own(source, data) or _shared(source, others) or _eaten(source, replayed):
            raise ValueError(f"{source.name}: {trouble}")


def _own(source: FolderSourceSettings, data: Path) -> str:
    """Return why the drop folder conflicts with the data folder; "" if it does not."""
    evidence = {_real(data / _EVIDENCE), *(map(_real, data.glob(f"{_EVIDENCE}*")) if os.path.isdir(data) else ())}
    for place in _places(source):
        if own := next((one for one in (_real(data), *sorted(evidence)) if _holds(place, one)), None):
            return (
                f"{place} is or holds the line's own {own}, whose pictures it would take for new ones:"
                " the drop folder must lie outside"
            )
        if own := next((one for one in evidence if _holds(one, place)), None):
            return f"{place} lies in the line's evidence, {own}: the drop folder must lie outside"
    return ""


def _shared(source: FolderSourceSettings, others: Sequence[FolderSourceSettings]) -> str:
    """Return why the drop folder conflicts with other drop folders; "" if it does not."""
    root = _real(source.path)
    for other in others:
        if place := next((one for one in _places(other) if _holds(root, one) or _holds(one, root)), None):
            return (
                f"{place} is watched twice, or filled and watched, by {other.name} and through {root}:"
                " drop folders lie beside each other"
            )
    return ""


def _eaten(source: FolderSourceSettings, replayed: dict[str, Path]) -> str:
    """Return why the drop folder would take the images that another source replays; "" if it would not."""
    root = _real(source.path)
    name = next((name for name, path in replayed.items() if _holds(root, _real(path))), "")
    return f"{root} is or holds the data folder that {name} replays: it must lie outside" if name else ""


def _leads_back(source: FolderSourceSettings) -> str:
    """Return why files put away would be found again, as if done/ is a link into the drop folder; else ""."""
    root, *put_away = _places(source)
    for name, place in zip(_PUT_AWAY, put_away, strict=True):
        if place != root / name and (_holds(root, place) or _holds(place, root)):
            return f"{root / name} leads to {place}, where what is put away would be found again"
    return ""


def _places(source: FolderSourceSettings) -> Iterator[Path]:
    """Yield the drop folder and the folders it puts files into, with all links followed."""
    root = _real(source.path)
    yield root
    for name in _PUT_AWAY:
        yield _real(root / name)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _holds(folder: Path, other: Path) -> bool:
    """Return whether `other` is this folder or lies in it, also by another mount."""
    return any(one == folder or _same(one, folder) for one in (other, *other.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there yet
        return False
