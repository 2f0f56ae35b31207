"""Owns the rules' way through the record: row by row into lanes, and what these find back onto the record.

A mark in the record says up to which row all that was found is on record; both are written in one transaction. After
any end, what lies before the mark is remembered, and what lies after it judged: nothing is found twice, nothing lost.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from inspector.quality import wording
from inspector.quality.coverage import JITTER, SLACK
from inspector.quality.defects import COLUMNS, Part
from inspector.quality.piece_stream import REORDER, Frame
from inspector.quality.recorded_stream import RecordedLane
from inspector.record import findings
from inspector.record.findings import BEGAN, MARK, Alarm, Mark
from inspector.record.store import Store
from inspector.settings.rules import RollSettings, repeats_seen, watched
from inspector.settings.settings import Settings
from inspector.sink.metrics import Metrics

log = logging.getLogger(__name__)

#: So many rows and regions before the mark are remembered. Rows are read so many at once.
_REMEMBERED, _READ = 10_000, 256
#: What merely goes on is written so often; the mark is moved so often while nothing is found, or after so many rows.
_WRITE_S, _MOVE_S, _MOVE_ROWS = 1.0, 5.0, 1000
#: What metrics call the roll of a mark that fits none.
_NO_ROLL = "none"

_FRAMES = (
    "SELECT id, source, piece, sequence, captured_at, outcome, at_mm, length_mm,"
    " COALESCE(json_extract(area, '$[2]'), width) FROM records NOT INDEXED WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
)
_PARTS = (
    f"SELECT {COLUMNS} FROM records JOIN regions INDEXED BY regions_by_record ON record = records.id"
    " WHERE records.id = ? ORDER BY regions.id"
)


class Follower:
    """The rules on their way. Whatever it raises, drop it: another one begins at the mark."""

    def __init__(
        self, settings: Settings, store: Store, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Remember what lies before the mark. `clock`: monotonic seconds. StoreError where it cannot be read."""
        self._store = store
        self._metrics = metrics
        self._clock = clock
        sources = settings.sources
        self._rules = {
            source.name: [alarm for alarm in settings.alarms if source.name in watched(alarm, sources)]
            for source in sources
        }
        self._rolls = {name: settings.rolls for name in repeats_seen(sources) if settings.rolls}
        self._mm_per_px = {source.name: source.place.mm_per_px for source in sources}
        self._slack = {source.name: SLACK if source.place.speed_m_min is None else JITTER for source in sources}
        self._known_mm = {source.name: source.known_mm for source in sources}
        self._lanes: dict[str, dict[int | None, RecordedLane]] = {source.name: {} for source in sources}
        self._seen: Counter[str] = Counter()
        self._changed: dict[int, tuple[Alarm | Mark, int | None]] = {}  # by identity, with the piece's number
        self._news: list[tuple[Alarm | Mark, bool]] = []
        self._unplaced: set[str] = set()
        self.found_something = False  # in the last `go_on`
        self._at = self._written = self._begin()
        self._wrote_at = clock()
        self._count_from_zero(settings)
        self._remember()

    def go_on(self, budget_s: float) -> bool:
        """Judge what is new on record, for so long, and write what was found. Whether there is more."""
        self.found_something = False
        ends_at = self._clock() + budget_s
        rows = [self._frame(row) for row in self._store.read(_FRAMES, (self._at, 2**62, _READ))]
        for frame in rows:
            self._judge(frame)
            self._at = frame.record
            if self._clock() >= ends_at:
                break
        goes_on = self._changed or any(lane.alarms for lane in self._all())
        rested = self._at != self._written and self._clock() - self._wrote_at >= (_WRITE_S if goes_on else _MOVE_S)
        if self._news or rested or self._at - self._written >= _MOVE_ROWS:
            self.write()
        return len(rows) == _READ or bool(rows and rows[-1].record != self._at)

    def write(self) -> None:
        """Put on record what was found, and how far we are. StoreError: nothing is."""
        for lane in self._all():
            self._changed |= {id(alarm): (alarm, lane.piece) for alarm in lane.grown()}
        with self._store.transaction() as cursor:
            for found, piece in self._changed.values():
                findings.save(cursor, found, piece)
            self._store.set_mark(MARK, self._at)
        self._written, self._wrote_at = self._at, self._clock()
        self._changed.clear()
        self._tell()

    @property
    def behind(self) -> int:
        """How many rows are not judged yet."""
        (newest,) = next(self._store.read("SELECT COALESCE(MAX(id), 0) FROM records"))
        return max(0, int(newest) - self._at)

    def _begin(self) -> int:
        """The mark; where there is none the rules are new, and begin with what comes."""
        row = next(self._store.read("SELECT value FROM marks WHERE name = ?", (MARK,)), None)
        if row is None:
            row = next(self._store.read("SELECT COALESCE(MAX(id), 0) FROM records"))
            with self._store.transaction():
                self._store.set_mark(BEGAN, row[0])
                self._store.set_mark(MARK, row[0])
        return int(row[0])

    def _remember(self) -> None:
        """Bring the lanes to where they were at the mark, with the alarms and marks that went on then."""
        statement = (
            "SELECT COALESCE(MIN(record), 0) FROM (SELECT record FROM regions INDEXED BY regions_by_record"
            " WHERE record <= ? ORDER BY record DESC LIMIT ?)"
        )
        (first,) = next(self._store.read(statement, (self._at, _REMEMBERED)))
        begins = max(self._at - _REMEMBERED, first - 1)
        for row in list(self._store.read(_FRAMES, (begins, self._at, _REMEMBERED))):
            frame = self._frame(row)
            lane, _ = self._lane(frame)
            if lane:
                lane.remember(frame, self._parts(frame))
        alarms = {(one.source, one.piece, one.rule): one for one in findings.read(self._store, Alarm, going_on=True)}
        marks = findings.read(self._store, Mark, going_on=True)
        for lane in self._all():
            lane.resume(alarms, marks)
        for alarm in alarms.values():  # their strip is over, or their rule is gone
            alarm.cleared_at = time.time()
            self._changed[id(alarm)] = alarm, None
        for mark in marks:
            mark.ended_at = time.time()
            self._changed[id(mark)] = mark, None
        self.write()

    def _judge(self, frame: Frame) -> None:
        lane, over = self._lane(frame)
        changes = [(one, one.close(frame.captured_at)) for one in over]
        if lane:
            changes.append((lane, lane.take(frame, self._parts(frame))))
        for of, found in changes:
            for one, is_news in found:
                self._changed[id(one)] = one, of.piece
                if is_news is not None:
                    self._news.append((one, is_news))

    def _lane(self, frame: Frame) -> tuple[RecordedLane | None, list[RecordedLane]]:
        """The lane of the frame, none where no rule asks for it; and those that are over with it."""
        lanes = self._lanes.get(frame.source)
        rules, rolls = self._rules.get(frame.source, []), self._rolls.get(frame.source, [])
        if lanes is None or not (rules or rolls):
            return None, []
        over = [lanes.pop(frame.piece)] if frame.piece in lanes and lanes[frame.piece].begins_anew(frame) else []
        if frame.piece not in lanes:
            lanes[frame.piece] = self._new_lane(frame)
        self._seen[frame.source] += 1
        lanes[frame.piece].seen = self._seen[frame.source]
        late = [one.piece for one in lanes.values() if self._seen[frame.source] - one.seen > REORDER]
        return lanes[frame.piece], over + [lanes.pop(piece) for piece in late]

    def _new_lane(self, frame: Frame) -> RecordedLane:
        """With the rules for its piece's recipe; what is no piece is under none."""
        statement = "SELECT name, recipe FROM pieces WHERE id = ?"
        name, recipe = next(self._store.read(statement, (frame.piece,)), ("", ""))
        rules = [rule for rule in self._rules.get(frame.source, []) if rule.is_for(recipe)]
        rolls, slack = self._rolls.get(frame.source, []), self._slack[frame.source]
        return RecordedLane(frame.source, frame.piece, name, rules, rolls, slack)

    def _frame(self, row: tuple[Any, ...]) -> Frame:
        *values, width_px = row
        mm_per_px = self._mm_per_px.get(values[1])
        return Frame._make([*values, None if mm_per_px is None else width_px * mm_per_px])

    def _parts(self, frame: Frame) -> list[Part]:
        if frame.outcome != "defect":
            return []
        if frame.at_mm is None and frame.source not in self._unplaced and "along" in self._known_mm[frame.source]:
            self._unplaced.add(frame.source)
            log.warning("rules: frames of %s come without a place along: no rule in metres sees them", frame.source)
        return [Part._make(row) for row in self._store.read(_PARTS, (frame.record,))]

    def _all(self) -> Iterator[RecordedLane]:
        return (lane for lanes in self._lanes.values() for lane in lanes.values())

    def _tell(self) -> None:
        """Log and count what is on record now."""
        for found, is_new in self._news:
            if not is_new:
                log.info("over: %s", wording.sentence(found))
                continue
            self.found_something = True
            log.warning("%s", wording.sentence(found))
            if isinstance(found, Alarm):
                self._metrics.alarm_raised(found.rule)
            else:
                self._metrics.mark_found(_roll(found))
        self._news.clear()
        alarms = {(source, rule.name): 0 for source, rules in self._rules.items() for rule in rules}
        marks = {(source, roll): 0 for source, rolls in self._rolls.items() for roll in _names(rolls)}
        for lane in self._all():
            for alarm in lane.alarms:
                alarms[alarm.source, alarm.rule] += 1
            for mark in lane.marks:
                marks[mark.source, _roll(mark)] += 1
        self._metrics.rules(alarms, marks)

    def _count_from_zero(self, settings: Settings) -> None:
        """Each series is there from the start: increase() does not see a first step."""
        for alarm in settings.alarms:
            self._metrics.alarm_raised(alarm.name, 0)
        for roll in _names(settings.rolls) if settings.rolls else []:
            self._metrics.mark_found(roll, 0)


def _names(rolls: Sequence[RollSettings]) -> list[str]:
    return [*(roll.name for roll in rolls), _NO_ROLL]


def _roll(mark: Mark) -> str:
    return mark.rolls[0] if mark.rolls else _NO_ROLL
