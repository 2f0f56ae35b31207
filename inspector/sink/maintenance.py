"""Owns what keeps the data folder within its bounds while the line runs: a thread of the sink's process.

It has its own connection, and small transactions with pauses: the sink waits for one no longer than for its own.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import datetime

from inspector.errors import StoreError
from inspector.host import disk
from inspector.host.age_clock import AgeClock, since_boot
from inspector.host.disk_reserve import Reserve
from inspector.record import findings, optics_history, pieces, settings_history
from inspector.record.evidence import evidence, retention
from inspector.record.evidence.holds import Held, held
from inspector.record.evidence.retention import Gallery
from inspector.record.storage import remains
from inspector.record.storage.log_bound import RecordLog
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import recovery
from inspector.sink.health import Health
from inspector.sink.metrics import Metrics

log = logging.getLogger(__name__)

#: Seconds between two looks at disk and evidence.
LOOK_S = 2.0
#: Seconds between two deletions of old records, and between two comparisons of evidence files with their records.
RETIRE_S, RECONCILE_S = pieces.CLOCK_NOTED_S, 86_400.0
#: Age in seconds under which a picture may belong to a verdict on its way.
GRACE_S = 30.0
#: Seconds of rest after each small transaction, so that the disk is never busy with this alone.
PAUSE_S = 0.02
#: Records in one small transaction.
_BATCH = 200
#: Batches of records from the future, of a clock that was ahead, that are passed over to find what is too old.
_MAX_PASSED = 500
_DAY_S = 86_400.0


class Maintenance:
    """Looks after disk, evidence and old records. Used by one thread."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        health: Health,
        stop: threading.Event,
        read_record: bool = False,
        grace_s: float = GRACE_S,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = since_boot,
    ) -> None:
        """`read_record`: read all of the record for damage. `grace_s`: see GRACE_S.

        `clock` gives seconds since 1970, `uptime` seconds that nobody can set. Raise StoreError if the record cannot
        be opened.
        """
        self._settings = settings
        self._metrics = metrics
        self._health = health
        self._stop = stop
        self._read_record = read_record
        self._grace_s = grace_s
        self._clock = clock
        self._store = Store(settings.data)
        evidence.keep_private(settings.data)
        self._log = RecordLog(self._store)
        self._gallery = Gallery(self._store, settings.evidence)
        self._reserve = Reserve(settings.data, settings.record.reserve_mb * 1_000_000)
        ages = {"records": settings.record.keep_days, "evidence": settings.evidence.keep_days}
        self._age_clocks = {
            kept: AgeClock(days * _DAY_S, self._known(kept), clock, uptime) for kept, days in ages.items()
        }
        self._failed = ""
        self._damaged = ""
        self._held: dict[str, bool] = {}  # what does not go by age because its clock is in doubt

    def run(self) -> None:
        """Work until `stop` is set; report what fails, and try it again."""
        steps = (
            (self.look, LOOK_S),
            (self.retire, RETIRE_S),
            (self.retire_evidence, RETIRE_S),
            (self.reconcile, RECONCILE_S),
        )
        started = time.monotonic()
        if self._read_record:
            self._try(self.read_record)
        # What a former life left is older than the grace once this one has lasted for it.
        next_at = dict.fromkeys((step for step, _ in steps), started) | {self.reconcile: started + self._grace_s}
        while not self._stop.is_set():
            for step, every_s in steps:
                if time.monotonic() >= next_at[step] and not self._stop.is_set():
                    self._try(step)
                    next_at[step] = time.monotonic() + every_s
            self._stop.wait(LOOK_S)
        self.close()

    def close(self) -> None:
        """Close the record."""
        self._store.close()

    def look(self) -> None:
        """Measure disk and evidence, and take away the evidence that is over its budget."""
        data, least_mb = self._settings.data, self._settings.disk.min_free_mb
        free = disk.free_bytes(data)
        self._metrics.disk_free(free)
        self._health.trouble("disk", disk.low(data, least_mb))
        self._look_at_record()
        self._health.trouble("piece", pieces.ahead(self._store, self._known_now))
        if swept := self._gallery.fit():
            log.debug("evidence: %d pictures went by budget", swept)
        stock = self._gallery.stock(self._clock(), max(0, free - least_mb * 1_000_000))
        self._metrics.stock(stock.bytes, stock.days_left)

    def read_record(self) -> None:
        """Read the whole record for damage, which a start has no time for."""
        started = time.monotonic()
        finding = recovery.examine(self._settings.data, stopped=self._stop.is_set)
        if finding.problem:
            recovery.mark(self._settings.data, finding.problem)
            log.error("the record is damaged: %s; the next start sets it aside", finding.problem)
            self._damaged = f"damaged: {finding.problem}; the next start sets it aside"
            self._health.trouble("record", self._damaged)
        elif finding.complete:
            log.info("the record was read in %.0f s and is good", time.monotonic() - started)

    def _look_at_record(self) -> None:
        self._metrics.record_log(self._log.look())
        self._health.trouble("record log", self._log.trouble)
        self._metrics.reserve(self._reserve.held)
        aside = recovery.set_aside(self._settings.data)
        self._metrics.set_aside(len(aside))
        pictures = self._settings.data / retention.ASIDE
        names = ", ".join(path.name for path in [*aside, *([pictures] if pictures.exists() else [])])
        self._health.trouble("set aside", f"{names}: take it out of the data folder" if names else "")
        self._health.trouble("record", remains.noted(self._settings.data) or self._damaged)
        self._reserve.hold(self._settings.disk.min_free_mb * 1_000_000)
        gone = (
            ""
            if self._reserve.whole
            else f"{self._reserve.held / 1e6:.0f} MB of {self._settings.record.reserve_mb} held"
        )
        self._health.trouble("record reserve", gone)

    def retire_evidence(self) -> int:
        """Take away pictures past their age, a share at a time; return how many."""
        too_old = self._too_old("evidence", self._gallery.older_than)
        gone = 0 if too_old is None else self._gallery.retire(too_old, lambda: self._stop.wait(PAUSE_S))
        if gone and too_old:
            log.info("evidence: %d pictures of before %s went by age", gone, _day(too_old))
        return gone

    def retire(self) -> int:
        """Delete records past their age or number, but none with evidence and none pinned; return how many."""
        now, too_old = self._clock(), self._too_old("records", self._oldest_record_is_older_than)
        before = -math.inf if too_old is None else too_old
        (newest,) = next(self._store.read("SELECT COALESCE(MAX(id), 0) FROM records"))
        surplus = newest - self._settings.record.keep_rows
        last, deleted, passed = 0, 0, 0
        while not self._stop.is_set() and passed < _MAX_PASSED:
            rows = list(
                self._store.read(
                    "SELECT id, source, frame, name, captured_at, recorded_at FROM records NOT INDEXED WHERE id > ?"
                    " AND id NOT IN (SELECT record FROM evidence) ORDER BY id LIMIT ?",
                    (last, _BATCH),
                )
            )
            if old := [row for row in rows if row[5] < before or row[0] <= surplus]:
                deleted += self._delete(old)
                self._stop.wait(PAUSE_S)
            # Only what is properly young ends it: rows of a clock that was ahead must not hold up those behind them.
            if len(rows) < _BATCH or any(before <= row[5] <= now and row[0] > surplus for row in rows):
                break
            last, passed = rows[-1][0], passed + (not old)
        with self._store.transaction() as cursor:
            pieces.forget(cursor, before)
            findings.forget(cursor, before)
            optics_history.forget(cursor, before)
            settings_history.forget(cursor, before)
        if deleted:
            log.info("%d records of before %s, or too many, went", deleted, _day(before))
        return deleted

    def _too_old(self, kept: str, any_older_than: Callable[[float], bool]) -> float | None:
        """Return before which moment records or evidence are too old; None where the clock is in doubt.

        Report that doubt while anything is kept because of it.
        """
        clock = self._age_clocks[kept]
        too_old = clock.too_old()
        held = bool(clock.doubt) and any_older_than(self._clock() - clock.age_s)
        self._health.trouble(f"clock, {kept}", clock.doubt if held else "")
        if held != self._held.get(kept, False):
            log.warning("clock, %s: %s", kept, clock.doubt or "believed again")
        self._held[kept] = held
        self._store.set_mark(f"clock {kept}", int(clock.trusted))
        return too_old

    @property
    def _known_now(self) -> float:
        """The latest moment that it can be now, seconds since 1970: by the clock, unless that is in doubt."""
        clock = self._age_clocks["records"]
        return clock.trusted + 2 * RETIRE_S if clock.doubt else self._clock()

    def _known(self, kept: str) -> float | None:
        """Return a moment that has certainly passed: where that clock stood, else when the newest record was made."""
        row = next(self._store.read("SELECT recorded_at FROM records ORDER BY id DESC LIMIT 1"), None)
        return self._store.mark(f"clock {kept}") or (row[0] if row else None)

    def _oldest_record_is_older_than(self, moment: float) -> bool:
        row = next(self._store.read("SELECT recorded_at FROM records ORDER BY id LIMIT 1"), None)
        return row is not None and row[0] < moment

    def reconcile(self) -> None:
        """Compare the files of evidence with their records."""
        # The record of the pictures may be put back; and by a clock that is ahead all of them are old.
        unsure = remains.noted(self._settings.data) or self._age_clocks["evidence"].doubt
        before = -math.inf if unsure else self._clock() - self._grace_s
        lost, swept = self._gallery.reconcile(before, lambda: self._stop.wait(PAUSE_S))
        if lost:
            log.warning("evidence: %d pictures are gone or cut short (power loss?): their records say so now", lost)
        if swept:
            log.info("evidence: %d pictures without a record swept, or set aside", swept)

    def _delete(self, rows: list[tuple[int, str, str, str, float, float]]) -> int:
        frames = {row[0]: Held(*row[1:5]) for row in rows}
        stay = held(self._store, list(frames.values()))
        going = [(number,) for number, frame in frames.items() if frame not in stay]
        with self._store.transaction() as cursor:
            cursor.executemany("DELETE FROM records WHERE id = ?", going)
        return len(going)

    def _try(self, step: Callable[[], object]) -> None:
        failed = ""
        try:
            step()
        except (StoreError, OSError) as error:
            failed = str(error)
            if failed != self._failed:
                log.error("maintenance: %s; it is tried again", failed)
        if failed or step == self.look:
            self._failed = failed
            self._health.trouble("maintenance", failed)


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M}" if math.isfinite(moment) else "any age"


def serve(settings: Settings, metrics: Metrics, health: Health, stop: threading.Event, read_record: bool) -> None:
    """Keep the data folder within its bounds until `stop` is set, once the record can be opened beside the sink."""
    while not stop.is_set():
        try:
            maintenance = Maintenance(settings, metrics, health, stop, read_record)
        except StoreError as error:
            health.trouble("maintenance", str(error))
            stop.wait(LOOK_S)
        else:
            health.trouble("maintenance", "")
            maintenance.run()
