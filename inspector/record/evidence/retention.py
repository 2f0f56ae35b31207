"""Owns which pictures of the evidence are kept. The rule:

A picture older than `keep_days` is deleted. If pictures take more than `budget_mb`, the oldest `ok` is deleted first,
then the oldest `unsure`, and a `defect` only if no other is left. A picture that is pinned or labelled is kept, and
does not count against the budget.
"""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from inspector.record.evidence import evidence
from inspector.record.evidence.holds import Held, held
from inspector.record.gaps import NOT_RUNNING, RECORD_LOST, SILENT_S
from inspector.record.store import Store
from inspector.settings.settings import EvidenceSettings

log = logging.getLogger(__name__)

#: Tiers of pictures, in the order in which they are deleted.
TIERS = ("ok", "unsure", "defect")
PINNED = "pinned"
#: Folder, in the data folder, of pictures that belong to another record than the one there.
ASIDE = "evidence-without-record"
_DAY_S = 86_400.0
#: Number of pictures deleted in one transaction: the sink waits for it no longer than for one of its own.
_BATCH = 100
#: Shortest time from which the rate of new pictures is estimated, in seconds.
_LEAST_SPAN_S = 60.0


class _Picture(NamedTuple):
    record: int
    source: str
    frame: str
    name: str
    captured_at: float
    bytes: int

    @property
    def place(self) -> str:
        return evidence.place(self.captured_at, self.source, self.frame)


_COLUMNS = "record, source, frame, name, evidence.captured_at, bytes"


@dataclass(frozen=True, slots=True)
class Stock:
    """What is kept: bytes by tier, and the days that the budget still lasts at the rate of the last day.

    0 days: pictures are deleted to make room. inf: no new pictures come.
    """

    bytes: dict[str, int]
    days_left: float


class Gallery:
    """The pictures of one data folder, on a connection of its own."""

    def __init__(self, store: Store, settings: EvidenceSettings) -> None:
        self._store = store
        self._settings = settings
        self._budget = settings.budget_mb * 1_000_000
        self._folder = store.path.parent / evidence.FOLDER

    def stock(self, now: float, room: float) -> Stock:
        """Return what is kept now; `room` is how many bytes the disk has left for pictures."""
        sizes = dict.fromkeys((*TIERS, PINNED), 0)
        latest, oldest = 0, now
        for tier, size, of_last_day, first in self._store.read(
            "SELECT tier, SUM(bytes), SUM(CASE WHEN captured_at > ? THEN bytes ELSE 0 END), MIN(captured_at)"
            " FROM evidence INDEXED BY evidence_by_tier GROUP BY tier",
            (now - _DAY_S,),
        ):
            sizes[tier], latest, oldest = size, latest + of_last_day, min(oldest, first)
        left = max(0.0, min(self._budget - sum(sizes[tier] for tier in TIERS), room))
        days = min(max(now - oldest, _LEAST_SPAN_S), _DAY_S) / _DAY_S
        return Stock(sizes, left / (latest / days) if latest else float("inf"))

    def fit(self) -> int:
        """Delete the pictures beyond the budget, and return how many."""
        removed = 0
        excess = self._unpinned() - self._budget
        for tier in TIERS:
            while excess > 0 and (batch := self._pictures("WHERE tier = ? ORDER BY record LIMIT ?", tier, _BATCH)):
                going = []
                for picture in batch:
                    if excess > 0:
                        going.append(picture)
                        excess -= picture.bytes
                removed += self._let_go(going)
        return removed

    def retire(self, too_old: float, pause: Callable[[], object] = lambda: None) -> int:
        """Delete the pictures captured before `too_old`, in seconds since 1970, and return how many.

        All pictures are examined: one captured while the clock was ahead must not hide those after it.
        """
        removed = 0
        for tier in TIERS:
            which = "WHERE tier = ? AND evidence.captured_at < ? ORDER BY record LIMIT ?"
            while batch := self._pictures(which, tier, too_old, _BATCH):
                removed += self._let_go(batch)
                pause()
        return removed

    def older_than(self, moment: float) -> bool:
        """Return whether there is a picture, not pinned, that was captured before `moment`, in seconds since 1970."""
        statement = "SELECT 1 FROM evidence INDEXED BY evidence_by_tier WHERE tier != ? AND captured_at < ? LIMIT 1"
        return next(self._store.read(statement, (PINNED, moment)), None) is not None

    def reconcile(self, written_before: float, pause: Callable[[], object] = lambda: None) -> tuple[int, int]:
        """Make record and disk agree after a kill or a power cut.

        Return how many notes of lost pictures, and how many pictures without a note, were deleted. Pictures of a record
        that an older one has replaced are moved to ASIDE.

        A picture written after `written_before`, in seconds since 1970, is left: its verdict may be on its way. `pause`
        is called regularly: the first pass over a full gallery reads all of it.
        """
        return self._forget_lost(pause), self._sweep_unknown(written_before, pause)

    def _unpinned(self) -> int:
        statement = "SELECT COALESCE(SUM(bytes), 0) FROM evidence INDEXED BY evidence_by_tier WHERE tier != ?"
        return int(next(self._store.read(statement, (PINNED,)))[0])

    def _pictures(self, which: str, *values: object) -> list[_Picture]:
        statement = f"SELECT {_COLUMNS} FROM evidence JOIN records ON id = record {which}"
        return [_Picture(*row) for row in self._store.read(statement, values)]

    def _let_go(self, pictures: Sequence[_Picture]) -> int:
        """Delete pictures, first from the record, then from the disk. Mark those that are pinned, and keep them."""
        if not pictures:
            return 0
        frames = {one: Held(one.source, one.frame, one.name, one.captured_at) for one in pictures}
        stay = held(self._store, list(frames.values()))
        pinned = {one for one, frame in frames.items() if frame in stay}
        going = [one for one in pictures if one not in pinned]
        with self._store.transaction() as cursor:
            cursor.executemany(
                f"UPDATE evidence SET tier = '{PINNED}' WHERE record = ?", [(one.record,) for one in pinned]
            )
            cursor.executemany("DELETE FROM evidence WHERE record = ?", [(one.record,) for one in going])
        for one in going:
            self._unlink(self._folder / one.place)
        return len(going)

    def _forget_lost(self, pause: Callable[[], object]) -> int:
        last, lost = 0, 0
        while batch := self._pictures(f"WHERE record > ? ORDER BY record LIMIT {_BATCH}", last):
            last = batch[-1].record
            gone = [(one.record,) for one in batch if not evidence.is_whole(self._folder / one.place, one.bytes)]
            if gone:
                with self._store.transaction() as cursor:
                    cursor.executemany("DELETE FROM evidence WHERE record = ?", gone)
            lost += len(gone)
            pause()
        return lost

    def _sweep_unknown(self, written_before: float, pause: Callable[[], object]) -> int:
        swept = 0
        for folder, _, files in os.walk(self._folder, topdown=False):
            for number, name in enumerate(files):
                path = Path(folder, name)
                if not number % _BATCH:
                    pause()
                if self._is_known(path):
                    continue
                with self._store.transaction():  # so nothing is recorded between this check and the deletion
                    if _mtime(path) < written_before and not self._is_known(path):
                        if self._is_of_another_record(path):
                            self._keep_aside(path)
                        else:
                            self._unlink(path)
                        swept += 1
            if Path(folder) != self._folder and _mtime(Path(folder)) < written_before:
                with suppress(OSError):  # not empty
                    os.rmdir(folder)
        return swept

    def _is_known(self, path: Path) -> bool:
        """Return whether a record points to the file."""
        relative = path.relative_to(self._folder)
        if len(relative.parts) != 3 or relative.suffix != ".bmp":
            return False
        source, frame = unquote(relative.parts[1]), unquote(relative.stem)
        pictures = self._pictures("WHERE source = ? AND frame = ?", source, frame)
        return any(picture.place == str(relative) for picture in pictures)

    def _is_of_another_record(self, path: Path) -> bool:
        """Return whether the picture was written while, by this record, nothing ran: its own record was replaced."""
        if path.suffix != ".bmp":
            return False
        at, source = _mtime(path), unquote(path.parent.name)
        which = "source = ? AND reason IN (?, ?) AND detail = '' AND began_at < ? AND ended_at > ?"
        values = (source, NOT_RUNNING, RECORD_LOST, at - SILENT_S, at)
        return next(self._store.read(f"SELECT 1 FROM gaps WHERE {which}", values), None) is not None

    def _keep_aside(self, path: Path) -> None:
        aside = self._store.path.parent / ASIDE / path.relative_to(self._folder)
        try:
            aside.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            path.rename(aside)  # not synced: after a power cut it is found and moved again
        except OSError as error:
            log.warning("evidence: %s: %s; it is tried again tomorrow", path, error.strerror)

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("evidence: %s: %s; it is tried again tomorrow", path, error.strerror)


def _mtime(path: Path) -> float:
    """Return when a file was last written, in seconds since 1970; infinity if another process deleted it."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return float("inf")
