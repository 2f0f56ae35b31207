"""Owns a lane: what one source shows of one piece, frame by frame as they come, held against the rules. Pure, no I/O.

Workers decide frames side by side, so they come out of order, by up to REORDER of them: the strip is settled up to the
least place of the last REORDER frames. A later frame still counts where it lies, for what is judged from then on.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from inspector.quality.alarm_window import AlarmWindow, Raised
from inspector.quality.coverage import SLACK
from inspector.quality.defects import Part
from inspector.quality.periodic_defects import Finder, PeriodicDefect
from inspector.quality.stitching import Seams, Whole
from inspector.settings.rules import AlarmSettings, Unit

#: Number of frames by which a frame may come late.
REORDER = 64
#: Rows of the record without a defect after which what is settled is judged; a defect has it judged at once. Counted by
#: the rows' ids: a lane that is rebuilt from a later row on judges at the same frames.
_LOOK_EVERY = 8
#: Most defects of one frame for which marks behind are searched: a roll leaves no more.
_MAX_SEARCHES = 32
#: Number of its distances without a repeat after which a mark is over.
_OVER_AFTER = 20
_NOTHING = -float("inf")


class LaneFrame(NamedTuple):
    """A frame as the record has it: where it lies, how long it is, and how wide the strip in it, in mm where known."""

    record: int
    source: str
    piece: int | None
    sequence: int
    captured_at: float
    outcome: str
    at_mm: float | None
    length_mm: float | None
    strip_mm: float | None


class Lane:
    """One source's share of one piece."""

    def __init__(self, alarms: Iterable[AlarmSettings], finds_marks: bool, slack: float = SLACK) -> None:
        """`slack`: largest gap between a frame and the one before it that it follows, as a share of its length."""
        self.windows = [AlarmWindow(alarm) for alarm in alarms]
        self.finder = Finder() if finds_marks else None
        self._seams = Seams(slack)
        self._last: deque[LaneFrame] = deque(maxlen=REORDER)
        self._settled_mm = _NOTHING
        self._strip_mm = 1.0

    def take(self, frame: LaneFrame, parts: Sequence[Part], search: bool = True) -> Iterator[Raised | PeriodicDefect]:
        """Yield what the frame changed: alarms raised or cleared, marks of rolls that are new, go on or are over.

        Without `search` it is only kept for the frames to come, and finds no mark.
        """
        looks = not self._last or self._last[-1].record // _LOOK_EVERY != frame.record // _LOOK_EVERY
        self._last.append(frame)
        begun: Iterator[tuple[Part, Whole]] = ((part, Whole(part)) for part in parts)
        if frame.at_mm is not None and frame.length_mm is not None:
            begun = self._seams.add(frame.at_mm, frame.length_mm, parts)
        self._strip_mm = frame.strip_mm or self._strip_mm
        known = list(begun)
        if not known and not looks:
            return
        self._settled_mm = max(self._settled_mm, self.settled("mm"))
        known += self._seams.settle(self._settled_mm)
        yield from self._marks(known, _MAX_SEARCHES if search else 0)
        self._count(known)
        for window in self.windows:
            yield from window.judge(self.settled(window.rule.unit))
        yield from self._over(_OVER_AFTER)

    def settled(self, unit: Unit) -> float:
        """Return the place before which no frame is to come."""
        return min(self._places(unit), default=_NOTHING) if len(self._last) == REORDER else _NOTHING

    def begins_anew(self, frame: LaneFrame) -> bool:
        """Whether places along have begun again: this frame and the last ones all lie before what is settled."""
        if frame.at_mm is None or frame.at_mm >= self._settled_mm:
            return False
        return all(one.at_mm is None or one.at_mm < self._settled_mm for one in self._last)

    def close(self) -> Iterator[Raised | PeriodicDefect]:
        """Yield what ends with the piece: its alarms and marks of rolls."""
        self._count(self._seams.settle(float("inf")))
        for window in self.windows:
            yield from window.judge(_NOTHING)
            if alarm := window.close(max(self._places(window.rule.unit), default=_NOTHING)):
                yield alarm
        yield from self._over(_NOTHING)

    def _places(self, unit: Unit) -> list[float]:
        """Return where the last frames lie."""
        match unit:
            case "mm":
                return [one.at_mm for one in self._last if one.at_mm is not None]
            case "frames":
                return [one.sequence for one in self._last]
            case "s":
                return [one.captured_at for one in self._last]

    def _marks(self, parts: Sequence[tuple[Part, Whole]], searches: int) -> Iterator[PeriodicDefect]:
        if self.finder is None:
            return
        begin = (part for part, whole in parts if whole.first is part)
        for number, part in enumerate(begin):
            if part.x_mm is not None and part.width_mm is not None and part.y_mm is not None:
                place = (part.x_mm, part.width_mm, part.y_mm, part.length_mm)
                if mark := self.finder.add(part.label, *place, search=number < searches):
                    yield mark

    def _count(self, parts: Iterable[tuple[Part, Whole]]) -> None:
        """A defect counts where the first part lies that the rule takes, and again where it outlasts the window."""
        for part, whole in parts:
            for window in self.windows:
                rule, place = window.rule, _place(part, window.rule.unit)
                if place is None or not rule.takes(part.label, part.severity, part.score):
                    continue
                if rule.measure == "area_percent":
                    window.add(place, (part.width_mm or 0.0) * part.length_mm, self._strip_mm)
                elif place - whole.counted.get(rule.name, _NOTHING) > rule.within:
                    whole.counted[rule.name] = place
                    window.add(place, strip_mm=self._strip_mm)

    def _over(self, distances: float) -> Iterator[PeriodicDefect]:
        """Yield the marks that have not come again over that number of their distances."""
        if self.finder is None:
            return
        for mark in list(self.finder.found):
            if self._settled_mm - mark.last_mm > distances * mark.distance_mm:
                self.finder.end(mark)
                yield mark


def _place(part: Part, unit: Unit) -> float | None:
    """Return where a part lies; None where that is not known."""
    return {"mm": part.y_mm, "frames": part.sequence, "s": part.captured_at}[unit]
