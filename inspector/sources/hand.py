"""Owns what a source has in hand, and what it ended with before: a picture that ended its source twice is not read.

Kept in a small file of the data folder: a source that is killed, alone or with the whole line, says nothing more.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from inspector.errors import ImageError
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.messages import FrameOf

log = logging.getLogger(__name__)

#: Kept below the data folder, one file a source.
FOLDER = "in_hand"
#: A picture that a source held at so many of its ends is not read again.
MAX_ENDS = 2
#: Pictures whose ends are remembered; the oldest is forgotten for one more.
_MAX_SUSPECTS = 64
_MAX_NAME = 1024
#: One write, whatever it says: longer than the longest text.
_ROOM_BYTES = 16_384


class _Kept(msgspec.Struct):
    """What the file says: the key and name of what is in hand ("": nothing), and the ends with each suspect in hand."""

    key: str = ""
    name: str = ""
    ends: dict[str, int] = {}


class Hand:
    """What one source reads now. A key stands for one content: at most 64 characters."""

    def __init__(self, source: str = "", sign: LifeSign | None = None) -> None:
        """`sign` shows the supervisor how long a picture has been in hand. Without `resume`, nothing outlives us."""
        self._source = source
        self._sign = sign
        self._kept = _Kept()
        self._file: int | None = None

    def resume(self, folder: Path) -> None:
        """Go on from what the source's former life left in the data folder. Where nothing can be kept, that is said."""
        path = folder / FOLDER / f"{self._source}.json"
        try:
            path.parent.mkdir(mode=0o750, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            text = os.pread(self._file, _ROOM_BYTES, 0)
            self._kept = msgspec.json.decode(text.partition(b"\n")[0], type=_Kept) if text else _Kept()
        except OSError as error:
            log.warning("%s: %s: a picture that ends this source twice will be read again", path, error.strerror)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s: %s: begun anew", path, error)
        self._count_end()

    def ended(self, key: str) -> str:
        """Why this content is not to be read again; empty where it may be."""
        ends = self._kept.ends.get(key, 0)
        if ends < MAX_ENDS:
            return ""
        if self._sign is not None:
            self._sign.worked()  # a picture set aside is progress: the next one may harm us, too
        return f"ended its source {ends} times while it was read: it is not read again"

    @contextmanager
    def holding(self, key: str, name: str) -> Iterator[None]:
        """Show this content as in hand. OSError and ImageError let it go; what else ends the process within, counts."""
        self._kept.key, self._kept.name = key, name[:_MAX_NAME]
        self._keep()
        if self._sign is not None:
            self._sign.begin([FrameOf(self._source, key)])
        try:
            yield
        except (OSError, ImageError):
            self._let_go()
            raise
        self._let_go()

    def _let_go(self) -> None:
        self._kept.ends.pop(self._kept.key, None)
        self._kept.key = self._kept.name = ""
        self._keep()
        if self._sign is not None:
            self._sign.let_go()

    def _count_end(self) -> None:
        """A former life that held something when it ended never let it go."""
        key, name, ends = self._kept.key, self._kept.name, self._kept.ends
        if not key:
            return
        ends[key] = ends.pop(key, 0) + 1
        while len(ends) > _MAX_SUSPECTS:
            del ends[next(iter(ends))]
        last = "it is tried once more" if ends[key] < MAX_ENDS else "it is not read again"
        log.warning("the source ended %d times while %s was read: %s", ends[key], name, last)
        self._kept.key = self._kept.name = ""
        self._keep()

    def _keep(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk: then a picture has more tries
                os.pwrite(self._file, msgspec.json.encode(self._kept) + b"\n", 0)
