"""Owns the rules at work: rows of the record into lanes, and what these find back onto the record.

What is found is written in the transaction that moves the cursor of the rules. After any end, the rows up to the cursor
are remembered, and those after it are judged: nothing is found twice, and nothing is lost.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from inspector.quality import wording
from inspector.quality.coverage import JITTER, SLACK
from inspector.quality.defects import COLUMNS, Part
from inspector.quality.piece_stream import REORDER, LaneFrame
from inspector.quality.recorded_stream import RecordedLane
from inspector.record import findings, followers
from inspector.record.database import Cursor, OpenRecord
from inspector.record.findings import Alarm, RollMark
from inspector.record.followers import Delivered
from inspector.settings.rules import RollSettings, repeats_seen, watched
from inspector.settings.settings import Settings
from inspector.sink.metrics import Metrics

log = logging.getLogger(__name__)

#: Rows and regions up to the cursor that are remembered.
_REMEMBERED = 10_000
#: Seconds between two writes of alarms and marks that merely go on.
_WRITE_S = 1.0
#: What metrics call the roll of a mark that fits none.
_NO_ROLL = "none"

#: A row of the record as the engine takes it.
Row = tuple[Any, ...]
_FRAMES = (
    "SELECT id, source, piece, sequence, captured_at, outcome, at_mm, length_mm,"
    " COALESCE(json_extract(area, '$[2]'), width) FROM records NOT INDEXED WHERE id > ? AND id <= ? ORDER BY id"
)
_PARTS = (
    f"SELECT {COLUMNS} FROM records JOIN regions INDEXED BY regions_by_record ON record = records.id"
    " WHERE records.id = ? ORDER BY regions.id"
)


def rows(store: OpenRecord, after: int, through: int) -> list[tuple[int, Row]]:
    """Return the rows with an id after the first number and up to the second, each with its id, in their order."""
    return [(row[0], row) for row in store.read(_FRAMES, (after, through))]


class RuleEngine:
    """The rules at work. Whatever a method raises, drop the engine: the next one begins at the cursor."""

    def __init__(
        self,
        settings: Settings,
        store: OpenRecord,
        metrics: Metrics,
        position: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember the rows up to `position`. `clock`: monotonic seconds. Raise StoreError if they cannot be read."""
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
        self._changed: dict[int, tuple[Alarm | RollMark, int | None]] = {}  # by identity, with the piece's number
        self._news: list[tuple[Alarm | RollMark, bool]] = []
        self._unplaced: set[str] = set()
        self._wrote_at = clock()
        self._count_from_zero(settings)
        self._remember(position)

    def judge(self, rows: Sequence[Row], ends_at: float) -> Delivered:
        """Judge these rows, and stop when the clock passes `ends_at`. What is new is to be written at once."""
        judged = 0
        for row in rows:
            self._judge(self._frame(row))
            judged += 1
            if self._clock() >= ends_at:
                break
        goes_on = self._changed or any(lane.alarms for lane in self._all())
        due = bool(goes_on) and self._clock() - self._wrote_at >= _WRITE_S
        return Delivered(judged, bool(self._news) or due)

    def save(self, cursor: Cursor) -> None:
        """Put on record what was found, and what has changed of it."""
        for lane in self._all():
            self._changed |= {id(alarm): (alarm, lane.piece) for alarm in lane.grown()}
        for found, piece in self._changed.values():
            findings.save(cursor, found, piece)

    def saved(self) -> None:
        """Log and count what is on record now."""
        self._wrote_at = self._clock()
        self._changed.clear()
        self._tell()

    def _remember(self, position: int) -> None:
        """Bring the lanes to where they were at `position`, with the alarms and marks that went on then."""
        statement = (
            "SELECT record FROM regions INDEXED BY regions_by_record WHERE record <= ?"
            " ORDER BY record DESC LIMIT 1 OFFSET ?"
        )
        (before,) = next(self._store.read(statement, (position, _REMEMBERED)), (0,))  # none: there are no more regions
        began = followers.position(self._store, findings.RULES_BEGAN)
        for _, row in rows(self._store, max(position - _REMEMBERED, before), position):
            frame = self._frame(row)
            if began is not None and frame.record > began:  # what went on before the rules began is no alarm of theirs
                began = None
                for one in self._all():
                    one.resume({}, [])
            lane, _ = self._lane(frame)
            if lane:
                lane.remember(frame, self._parts(frame))
        alarms = {(one.source, one.piece, one.rule): one for one in findings.read(self._store, Alarm, going_on=True)}
        marks = findings.read(self._store, RollMark, going_on=True)
        for lane in self._all():
            lane.resume(alarms, marks)
        for alarm in alarms.values():  # their strip is over, or their rule is gone
            alarm.cleared_at = time.time()
            self._changed[id(alarm)] = alarm, None
        for mark in marks:
            mark.ended_at = time.time()
            self._changed[id(mark)] = mark, None
        with self._store.transaction() as cursor:
            self.save(cursor)
        self.saved()

    def _judge(self, frame: LaneFrame) -> None:
        lane, over = self._lane(frame)
        changes = [(one, one.close(frame.captured_at)) for one in over]
        if lane:
            changes.append((lane, lane.take(frame, self._parts(frame))))
        for of, found in changes:
            for one, is_news in found:
                self._changed[id(one)] = one, of.piece
                if is_news is not None:
                    self._news.append((one, is_news))

    def _lane(self, frame: LaneFrame) -> tuple[RecordedLane | None, list[RecordedLane]]:
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

    def _new_lane(self, frame: LaneFrame) -> RecordedLane:
        """With the rules for its piece's recipe; what is no piece is under none."""
        statement = "SELECT name, recipe FROM pieces WHERE id = ?"
        name, recipe = next(self._store.read(statement, (frame.piece,)), ("", ""))
        rules = [rule for rule in self._rules.get(frame.source, []) if rule.is_for(recipe)]
        rolls, slack = self._rolls.get(frame.source, []), self._slack[frame.source]
        return RecordedLane(frame.source, frame.piece, name, rules, rolls, slack)

    def _frame(self, row: Row) -> LaneFrame:
        *values, width_px = row
        mm_per_px = self._mm_per_px.get(values[1])
        return LaneFrame._make([*values, None if mm_per_px is None else width_px * mm_per_px])

    def _parts(self, frame: LaneFrame) -> list[Part]:
        if frame.outcome != "defect":
            return []
        if frame.at_mm is None and frame.source not in self._unplaced and "along" in self._known_mm[frame.source]:
            self._unplaced.add(frame.source)
            log.warning("rules: frames of %s come without a place along: no rule in metres sees them", frame.source)
        return [Part._make(row) for row in self._store.read(_PARTS, (frame.record,))]

    def _all(self) -> Iterator[RecordedLane]:
        return (lane for lanes in self._lanes.values() for lane in lanes.values())

    def _tell(self) -> None:
        for found, is_new in self._news:
            if not is_new:
                log.info("over: %s", wording.sentence(found))
                continue
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


def _roll(mark: RollMark) -> str:
    return mark.rolls[0] if mark.rolls else _NO_ROLL
