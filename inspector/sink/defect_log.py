"""Owns the defect log: one JSON line a defect, and one for each alarm raised and each mark of a roll found.

It follows the record by row id, so a crash repeats a line at worst and never skips one. What cannot be written now is
written later: the record goes on without it. A file that is moved away is begun anew: that is how it is rotated.
"""

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from inspector.errors import ConfigError, StoreError
from inspector.protocol.messages import Verdict
from inspector.record import findings
from inspector.record.findings import Alarm, Mark
from inspector.record.queries import Query
from inspector.record.records import to_json
from inspector.record.store import Store

log = logging.getLogger(__name__)

_DEFECTS, _ALARMS, _MARKS = "defect_log", "defect_log_alarms", "defect_log_roll_marks"


class DefectLog:
    """The file, or stdout, or nothing at all."""

    def __init__(self, target: Path | str | None, store: Store) -> None:
        """ConfigError where the file cannot be opened."""
        self._store = store
        self._path = None if target in (None, "stdout") else Path(target)
        self._file = sys.stdout if target == "stdout" else None
        self._failed = False
        if self._path is not None:
            try:
                self._file = _opened(self._path)
            except OSError as error:
                raise ConfigError(f"record.defect_log: {target}: {error.strerror}") from None
        if self._file is not None:
            self._last = {name: store.mark(name) for name in (_DEFECTS, _ALARMS, _MARKS)}
            self.catch_up()

    def close(self) -> None:
        """Close the file; stdout is not ours to close."""
        if self._file is not None and self._file is not sys.stdout:
            with suppress(OSError):
                self._file.close()

    def follow(self, new: list[Verdict]) -> None:
        """Write the lines of the transaction just committed, if it held a defect."""
        if any(verdict.outcome == "defect" for verdict in new):
            self.catch_up()

    def catch_up(self) -> None:
        """Write a line for all that is on record since the last one."""
        if self._file is None:
            return
        try:
            self._reopen_if_moved()
            for name, lines in (
                (_DEFECTS, self._defects()),
                (_ALARMS, _lines(findings.read(self._store, Alarm, after_id=self._last[_ALARMS]))),
                (_MARKS, _lines(findings.read(self._store, Mark, after_id=self._last[_MARKS]))),
            ):
                self._write(name, lines)
        except (OSError, StoreError) as error:
            if not self._failed:
                log.error("record.defect_log: %s; its lines come as soon as they can", error)
            self._failed = True
        else:
            self._failed = False

    def _reopen_if_moved(self) -> None:
        if self._path is None or self._file is None:
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
                return
        moved, self._file = self._file, _opened(self._path)
        moved.close()

    def _defects(self) -> Iterator[tuple[int, str]]:
        query = Query(outcomes=("defect",), after_id=self._last[_DEFECTS], oldest_first=True)
        return ((record.id, to_json(record)) for record in self._store.records(query))

    def _write(self, name: str, lines: Iterator[tuple[int, str]]) -> None:
        written = self._last[name]
        for number, line in lines:
            print(line, file=self._file)
            written = number
        if written == self._last[name] or self._file is None:
            return
        self._file.flush()
        self._store.set_mark(name, written)
        self._last[name] = written


def _opened(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return open(path, "a", encoding="utf-8", errors="backslashreplace", opener=_private)


def _private(path: str, flags: int) -> int:
    """For user and group alone: it says what the record says."""
    return os.open(path, flags, 0o640)


def _lines(found: Sequence[Alarm | Mark]) -> Iterator[tuple[int, str]]:
    return ((one.id, findings.to_json(one)) for one in found)
