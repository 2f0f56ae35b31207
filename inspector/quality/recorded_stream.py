"""Owns a lane and what is on record of it: each finding becomes a row that is new, changed or over. Pure, no I/O."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence

from inspector.quality.alarm_window import Raised
from inspector.quality.defects import Part
from inspector.quality.periodic_defects import PeriodicDefect, fitting
from inspector.quality.piece_stream import Lane, LaneFrame
from inspector.record.findings import Alarm, RollMark
from inspector.settings.rules import AlarmSettings, RollSettings

_SHARED = ("label", "distance_mm", "x_mm", "width_mm", "first_mm", "last_mm", "repeats", "confidence")
#: A finding, and whether it is new (True), over (False) or goes on (None).
Change = tuple[Alarm | RollMark, bool | None]


class RecordedLane:
    """A lane of a source and a piece."""

    def __init__(
        self,
        source: str,
        piece: int | None,
        name: str,
        rules: Sequence[AlarmSettings],
        rolls: Sequence[RollSettings],
        slack: float,
    ) -> None:
        """`piece` is its number on record, `name` its name. Without `rolls` no marks are searched.

        `slack`: see Lane.
        """
        self.source, self.piece, self.name = source, piece, name
        #: Number of frames of the source when the last of this lane came.
        self.seen = 0
        self._rules: Mapping[str, AlarmSettings] = {rule.name: rule for rule in rules}
        self._rolls = rolls
        self._lane = Lane(rules, bool(rolls), slack)
        self._alarms: dict[str, tuple[Raised, Alarm]] = {}
        self._marks: list[tuple[PeriodicDefect, RollMark]] = []

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms that go on."""
        return [alarm for _, alarm in self._alarms.values()]

    @property
    def marks(self) -> list[RollMark]:
        """The marks of rolls that go on."""
        return [mark for _, mark in self._marks]

    def begins_anew(self, frame: LaneFrame) -> bool:
        """Return whether places along begin again with this frame and those before."""
        return self._lane.begins_anew(frame)

    def remember(self, frame: LaneFrame, parts: Sequence[Part]) -> None:
        """Add a frame that was judged before: what it changed is on record."""
        for _ in self._lane.take(frame, parts, search=False):
            continue

    def resume(self, alarms: MutableMapping[tuple[str, str, str], Alarm], marks: list[RollMark]) -> None:
        """Take over, and out of those on record, what goes on here; call it after `remember` of all judged frames."""
        for window in self._lane.windows:
            rule, raised = window.rule, None
            if alarm := alarms.pop((self.source, self.name, rule.name), None):
                began = alarm.at if alarm.from_mm is None else alarm.from_mm
                raised = Raised(rule.name, began, alarm.at, alarm.count)
                self._alarms[rule.name] = raised, alarm
            window.resume(raised, self._lane.settled(rule.unit))
        if self._lane.finder is None:
            return
        for mark in [one for one in marks if (one.source, one.piece) == (self.source, self.name)]:
            marks.remove(mark)
            found = PeriodicDefect(*(getattr(mark, name) for name in _SHARED))
            self._lane.finder.found.append(found)
            self._marks.append((found, mark))

    def take(self, frame: LaneFrame, parts: Sequence[Part]) -> Iterator[Change]:
        """Judge a frame; yield what it changed."""
        for event in self._lane.take(frame, parts):
            yield self._change(event, frame.captured_at)

    def close(self, at: float) -> Iterator[Change]:
        """End the piece, after a frame that was captured `at`; yield what ends with it."""
        for event in self._lane.close():
            yield self._change(event, at)

    def grown(self) -> Iterator[Alarm]:
        """Yield the alarms that go on and have counted more defects since the last call."""
        for raised, alarm in self._alarms.values():
            if alarm.count != raised.count:
                alarm.count = raised.count
                alarm.from_mm = None if alarm.from_mm is None else raised.began
                yield alarm

    def _change(self, event: Raised | PeriodicDefect, at: float) -> Change:
        return self._alarm(event, at) if isinstance(event, Raised) else self._mark(event, at)

    def _alarm(self, event: Raised, at: float) -> Change:
        rule = self._rules[event.rule]
        from_mm, at_mm, end_mm = (event.began, event.at, event.ended) if rule.unit == "mm" else (None, None, None)
        if event.ended is None:
            alarm = Alarm(
                id=0,
                source=self.source,
                piece=self.name,
                rule=rule.name,
                raised_at=at,
                cleared_at=None,
                from_mm=from_mm,
                to_mm=at_mm,
                count=event.count,
                detail=rule.text,
                at=event.at,
            )
            self._alarms[rule.name] = event, alarm
            return alarm, True
        _, alarm = self._alarms.pop(rule.name)
        alarm.cleared_at, alarm.from_mm, alarm.to_mm, alarm.count = at, from_mm, end_mm, event.count
        return alarm, False

    def _mark(self, event: PeriodicDefect, at: float) -> Change:
        mark = next((mark for found, mark in self._marks if found is event), None)
        is_new = mark is None
        if mark is None:
            mark = RollMark(
                id=0, source=self.source, piece=self.name, label=event.label, found_at=at, ended_at=None, rolls=[]
            )
            self._marks.append((event, mark))
        for name in _SHARED:
            setattr(mark, name, getattr(event, name))
        mark.rolls = [roll.name for roll in fitting(event.distance_mm, self._rolls)]
        if not event.over:
            return mark, True if is_new else None
        mark.ended_at = at
        self._marks.remove((event, mark))
        return mark, False
