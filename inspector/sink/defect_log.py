"""Owns the defect log: one JSON line a defect, and one for each alarm raised and each mark of a roll found.

Three followers of the record write it, one for each kind. A crash repeats a line at worst and never skips one. A file
that is moved away is begun anew: that is how it is rotated.
"""

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TextIO, TypeVar

from inspector.errors import ConfigError
from inspector.record import findings
from inspector.record.database import OpenRecord
from inspector.record.findings import Alarm, RollMark
from inspector.record.followers import Consumer, Delivered, Feed, Follower
from inspector.record.records import SELECTED, Record, from_row, to_json

#: Defects of one turn: each may have hundreds of regions.
_BATCH = 64
_DEFECTS = f"SELECT {SELECTED} FROM records NOT INDEXED WHERE id > ? AND id <= ? AND outcome = 'defect' ORDER BY id"

Row = TypeVar("Row", Record, Alarm, RollMark)


class LogFile:
    """The file, or stdout."""

    def __init__(self, target: Path | str) -> None:
        self._path = None if target == "stdout" else Path(target)
        self._file = sys.stdout if target == "stdout" else None

    def open(self) -> None:
        """Open the file, unless it is open in its place. Raise OSError if it cannot be opened."""
        if self._path is None:
            return
        with suppress(FileNotFoundError):
            if self._file and os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
                return
        self.close()
        self._file = _opened(self._path)

    def append(self, lines: Sequence[str]) -> None:
        """Write these lines. Raise OSError if not all of them are written."""
        self.open()
        if self._file:
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()

    def close(self) -> None:
        """Close the file; stdout is not ours to close."""
        if self._path is not None and self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None


class DefectLog(Consumer[Row], Generic[Row]):
    """Rows of one kind as lines of the log."""

    def __init__(self, file: LogFile, to_line: Callable[[Row], str], clock: Callable[[], float]) -> None:
        self._file = file
        self._to_line: Callable[[Row], str] = to_line
        self._clock = clock

    def deliver(self, rows: Sequence[Row], ends_at: float) -> Delivered:
        """Append a line a row. Raise OSError if they cannot be written."""
        lines: list[str] = []
        for row in rows:
            lines.append(self._to_line(row))
            if self._clock() >= ends_at:
                break
        self._file.append(lines)
        return Delivered(len(lines))

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        self._file.close()


def followers(
    target: Path | str | None, store: OpenRecord, clock: Callable[[], float] = time.monotonic
) -> tuple[Follower[Record], Follower[Alarm], Follower[RollMark]] | tuple[()]:
    """Return those that write the defect log, none where there is no `target`.

    Raise ConfigError if it cannot be opened.
    """
    if target is None:
        return ()
    file = LogFile(target)
    try:
        file.open()
    except OSError as error:
        raise ConfigError(f"record.defect_log: {target}: {error.strerror}") from None

    def one(name: str, feed: Feed[Row], to_line: Callable[[Row], str]) -> Follower[Row]:
        consumer = DefectLog(file, to_line, clock)
        return Follower(name, store, feed, consumer, meanwhile="its lines come as soon as they can", clock=clock)

    return (
        one("defect_log", Feed("records", _defects, _BATCH), to_json),
        one("defect_log_alarms", Feed("alarms", _alarms), findings.to_json),
        one("defect_log_roll_marks", Feed("roll_marks", _marks), findings.to_json),
    )


def _defects(store: OpenRecord, after: int, through: int) -> list[tuple[int, Record]]:
    rows = store.read(_DEFECTS, (after, through))
    return [(record.id, record) for record in (from_row(row, store.path.parent) for row in rows)]


def _alarms(store: OpenRecord, after: int, through: int) -> list[tuple[int, Alarm]]:
    return [(one.id, one) for one in findings.read(store, Alarm, after_id=after, last_id=through)]


def _marks(store: OpenRecord, after: int, through: int) -> list[tuple[int, RollMark]]:
    return [(one.id, one) for one in findings.read(store, RollMark, after_id=after, last_id=through)]


def _opened(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a", encoding="utf-8", errors="backslashreplace", opener=_private)  # noqa: SIM115
    if path.is_file() and _is_cut_off(path):
        file.write("\n")  # the line that a full disk or a kill cut off spoils no other
    return file


def _is_cut_off(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
    return False


def _private(path: str, flags: int) -> int:
    """Open a file for user and group alone, as the record is. Raise OSError for a pipe: one that is full blocks us."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK, 0o640)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            raise _no_pipe(path) from None
        raise
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_pipe(path)
    return descriptor


def _no_pipe(path: str) -> OSError:
    return OSError(errno.EINVAL, "a pipe or a socket can hold up the line: name a file, or stdout", path)
