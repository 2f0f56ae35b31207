"""Owns the guard against pictures that crash their source: one that ended it twice while it was read is not read again.

What is read now is kept in a small file of the data folder, because a source that is killed cannot report it.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from inspector.errors import ImageError
from inspector.protocol.frames import FrameOf
from inspector.protocol.heartbeat import LifeSign

log = logging.getLogger(__name__)

#: Folder in the data folder, with one file per source.
FOLDER = "in_hand"
#: Ends of the source while it read a picture after which that picture is not read again.
MAX_ENDS = 2
#: Pictures whose ends are remembered; the oldest makes room for another.
_MAX_SUSPECTS = 64
_MAX_NAME = 1024
#: Bytes read of the file: more than the longest text has.
_ROOM_BYTES = 16_384


class _Kept(msgspec.Struct):
    """The content of the file: key and name of what is read now ("": nothing), and the ends while each suspect was."""

    key: str = ""
    name: str = ""
    ends: dict[str, int] = {}


class CrashGuard:
    """Remembers what one source reads now. A key stands for one content and has at most 64 characters."""

    def __init__(self, source: str = "", sign: LifeSign | None = None) -> None:
        """`sign` shows the supervisor how long a picture has been read. Without `resume`, nothing is remembered."""
        self._source = source
        self._sign = sign
        self._kept = _Kept()
        self._file: int | None = None

    def resume(self, folder: Path) -> None:
        """Go on from what the former life left in the data folder. Log a warning if nothing can be kept there."""
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

    def refusal(self, key: str) -> str:
        """Return why this content is not to be read again; empty if it may be."""
        ends = self._kept.ends.get(key, 0)
        if ends < MAX_ENDS:
            return ""
        if self._sign is not None:
            self._sign.worked()  # a picture set aside is progress: the next one may crash the source, too
        return f"ended its source {ends} times while it was read: it is not read again"

    @contextmanager
    def reading(self, key: str, name: str) -> Iterator[None]:
        """Show this content as being read. An end of the process within counts; OSError and ImageError do not."""
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
        """Count an end: a former life that was reading something when it ended never let it go."""
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
