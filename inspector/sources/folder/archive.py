"""Owns where a drop folder's files go once they are on record: done/ and failed/, and what cannot go there yet."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from inspector.sources.folder.ownership import OwnedFolder, joined, split

log = logging.getLogger(__name__)

DONE, FAILED = "done", "failed"
_DONE, _FAILED = DONE.encode(), FAILED.encode()
#: Names that came several times and are remembered; then they start anew.
_MAX_NAMES = 1000
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class _Errand:
    """A file on record, by its path while claimed, and the two places it may go to, all below the drop folder."""

    claimed: bytes
    target: bytes
    spare: bytes  # where a file has the name of one of the target's folders

    def places(self) -> tuple[bytes, bytes]:
        return self.target, self.spare


class Archive:
    """Puts files away, never replacing one. What cannot be moved now is kept and tried again."""

    def __init__(self, owned: OwnedFolder, moved: Callable[[bytes], None] = lambda _: None) -> None:
        """Nothing is moved while another folder is where ours was.

        `moved` is called with the path of each file that is no longer where it was claimed.
        """
        self._owned = owned
        self._moved = moved
        self._waiting: dict[bytes, _Errand] = {}
        self._numbers: dict[bytes, int] = {}
        self._trouble: OSError | None = None

    def put(self, claimed: bytes, relative: bytes, frame: str, failed: bool) -> None:
        """Move a claimed file below done/ or failed/; `relative` is where it was dropped."""
        place = _FAILED if failed else _DONE
        spare = b"%s/%s/%s" % (place, frame.encode(), split(relative)[1])
        self._waiting[claimed] = _Errand(claimed, joined(place, relative), spare)
        self.clear()

    def clear(self) -> bool:
        """Try to move what waits; return whether nothing is left waiting."""
        for errand in list(self._waiting.values()):
            try:
                self._owned.check()
                self._move(errand)
            except OSError as error:
                if self._trouble is None:
                    log.error("%r is on record but cannot be moved to %r: %s", errand.claimed, errand.target, error)
                self._trouble = error
                return False
            del self._waiting[errand.claimed]
            self._moved(errand.claimed)
        self._trouble = None
        return True

    @property
    def problem(self) -> str:
        """Why files wait to be moved; empty if none does."""
        return f"what is on record cannot be moved away: {self._trouble.strerror}" if self._trouble else ""

    def _move(self, errand: _Errand) -> None:
        for place in errand.places():
            try:
                number = self._rename(errand.claimed, place)
            except NotADirectoryError:
                if place == errand.spare:
                    raise
                continue
            except FileNotFoundError:
                log.warning("%r is on record, but someone took it out of .work/", errand.claimed)
                return
            if number > 1:
                self._remember(place, number + 1)
            return

    def _rename(self, claimed: bytes, place: bytes) -> int:
        """Rename to the first free name of this place; return the number in that name."""
        number = self._numbers.get(place, 1)
        while True:
            try:
                self._owned.rename(claimed, _numbered(place, number))
            except FileExistsError:
                number += 1
            else:
                return number

    def _remember(self, target: bytes, number: int) -> None:
        """Remember the next free number of a name that comes again and again: a search from 1 costs more each time."""
        if len(self._numbers) >= _MAX_NAMES:
            self._numbers.clear()
        self._numbers[target] = number


def _numbered(target: bytes, number: int) -> bytes:
    """Return the name itself for 1, then `a.2.bmp` and on, cut to what a name may have."""
    if number < 2:
        return target
    folder, name = split(target)
    stem, suffix = os.path.splitext(name)
    tail = b".%d%s" % (number, suffix)
    return joined(folder, stem[: _MAX_NAME_BYTES - len(tail)] + tail)
