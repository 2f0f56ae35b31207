"""Owns one alarm rule at work on one run of strip: defects at their places in, raised and cleared out. Pure, no I/O.

It is raised once when a window along the strip holds the limit, wherever the window begins, as soon as the defect is
known that makes it so. It is cleared where the window has held less than the lower limit over the stretch that the rule
names. That is judged only as far as the strip is settled: frames come slightly out of order, and what comes late still
counts where it lies.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.settings.rules import AlarmSettings

#: Number of defects that a window holds one by one; the weight of further ones is added to their neighbours.
MAX_ITEMS = 50_000
#: Relative tolerance of sums of floats.
_ROUNDING = 1e-9


@dataclass(slots=True, eq=False)
class Raised:
    """An alarm, its places in the unit of the rule.

    `began`: the first defect in the window; `at`: the defect that reached the limit; `ended`: where it was cleared.
    `count`: the defects since it began; of an area, their parts.
    """

    rule: str
    began: float
    at: float
    count: int
    ended: float | None = None


class AlarmWindow:
    """The defects of one run of strip that a rule counts, and the alarm that they raise."""

    def __init__(self, rule: AlarmSettings) -> None:
        self.rule = rule
        self.raised: Raised | None = None
        self._places: list[float] = []
        self._weights: list[float] = []
        self._fresh: tuple[float, float] | None = None  # the first and last place of what was added since `judge`
        self._floor = -float("inf")  # a window that ends before was judged for good
        # While it is raised: the window that ends at `_swept` holds the items from `_tail` to before `_head`.
        self._swept = 0.0
        self._tail = self._head = 0
        self._total = 0.0
        self._low_since: float | None = None

    def __len__(self) -> int:
        """The number of defects that it holds."""
        return len(self._places)

    def add(self, place: float, area_mm2: float = 0.0, strip_mm: float = 1.0) -> None:
        """Add a defect of the rule at its place. `strip_mm`: the inspected width."""
        weight = self._weight(area_mm2, strip_mm)
        index = bisect_right(self._places, place)
        if len(self._places) < MAX_ITEMS:
            self._places.insert(index, place)
            self._weights.insert(index, weight)
        else:
            self._weights[max(0, index - 1)] += weight
        if self.raised:
            self.raised.count += 1
            if self.raised.began - self.rule.within <= place < self.raised.began:
                self.raised.began = place
            if place <= self._swept:  # it comes late: the window that ends there holds it, too
                self._look_again()
        first, last = self._fresh or (place, place)
        self._fresh = min(first, place), max(last, place)

    def judge(self, settled: float) -> Iterator[Raised]:
        """Yield the alarms raised or cleared since the last call, given that no defect before `settled` is to come."""
        while True:
            if self.raised is None:
                if not self._reached():
                    break
                yield self.raised_now
            if not self._cleared(settled):
                break
            yield self._clear()
        self._forget(settled)

    def close(self, end: float) -> Raised | None:
        """End the strip at that place; return the alarm that ends with it."""
        if self.raised is None:
            return None
        self._head = len(self._places)
        self._low_since = max(end, self.raised.at) - self._stretch
        return self._clear()

    def resume(self, alarm: Raised | None, settled: float) -> None:
        """Take over the alarm on record, after the defects before `settled` were added again."""
        self._fresh = None
        if alarm is None and self.raised is None:
            return
        if alarm is None or self.raised is None or self.raised.at < alarm.at:  # an older one was none of the record
            self.raised = alarm
            self._floor = max(self._floor, settled)
            self._swept = max(settled, alarm.at) if alarm else self._swept
            self._look_again()
            self._low_since = self._swept if self._is_low else None
        else:
            self.raised = alarm

    @property
    def raised_now(self) -> Raised:
        """The alarm. Raise ValueError where none is raised."""
        if self.raised is None:
            raise ValueError("the alarm is not raised")
        return self.raised

    @property
    def _stretch(self) -> float:
        return self.rule.clear_windows * self.rule.within

    @property
    def _is_low(self) -> bool:
        return self._total < self.rule.cleared_under * (1 - _ROUNDING)

    def _weight(self, area_mm2: float, strip_mm: float) -> float:
        rule = self.rule
        match rule.measure:
            case "per_10m":
                return 10_000 / rule.within
            case "per_m2":
                return 1e6 / (rule.within * strip_mm)
            case "area_percent":
                return 100 * area_mm2 / (rule.within * strip_mm)
            case _:
                return 1.0

    def _look_again(self) -> None:
        """Compute anew what the window that ends at `_swept` holds."""
        self._tail = bisect_left(self._places, self._swept - self.rule.within)
        self._head = bisect_right(self._places, self._swept)
        self._total = sum(self._weights[self._tail : self._head])
        if not self._is_low:
            self._low_since = None

    def _reached(self) -> bool:
        """Raise the alarm where a window with a new defect, ending after the floor, holds the limit; return whether."""
        if self._fresh is None:
            return False
        first, last = self._fresh
        self._fresh = None
        places, weights, within = self._places, self._weights, self.rule.within
        limit, total = self.rule.limit * (1 - _ROUNDING), 0.0
        tail = bisect_left(places, first - within)
        for head in range(tail, bisect_right(places, last + within)):
            total += weights[head]
            while places[head] - places[tail] > within:
                total -= weights[tail]
                tail += 1
            if total >= limit and places[head] > self._floor:
                self.raised = Raised(self.rule.name, places[tail], places[head], len(places) - tail)
                self._swept, self._tail, self._head, self._total = places[head], tail, head + 1, total
                self._low_since = None
                return True
        return False

    def _cleared(self, settled: float) -> bool:
        """Advance to `settled`, or to where the window was low over the whole stretch; return whether it was."""
        places, weights, within = self._places, self._weights, self.rule.within
        while True:
            enters = places[self._head] if self._head < len(places) else float("inf")
            leaves = places[self._tail] + within if self._tail < self._head else float("inf")
            change = min(enters, leaves)
            if self._low_since is not None and self._low_since + self._stretch <= min(change, settled):
                return True
            if change > settled:
                break
            if enters <= leaves:
                self._total += weights[self._head]
                self._head += 1
            else:
                self._total -= weights[self._tail]
                self._tail += 1
            if self._tail == self._head:
                self._total = 0.0
            if not self._is_low:
                self._low_since = None
            elif self._low_since is None:
                self._low_since = change
        self._swept = max(self._swept, settled)
        return False

    def _clear(self) -> Raised:
        alarm = self.raised_now
        alarm.ended = self._floor = (self._low_since or 0.0) + self._stretch
        later = len(self._places) - self._head
        alarm.count -= later
        self.raised = None
        self._fresh = (self._places[self._head], self._places[-1]) if later else None
        return alarm

    def _forget(self, settled: float) -> None:
        """Drop the defects that no window can hold any more."""
        gone = self._tail if self.raised else bisect_left(self._places, settled - self.rule.within)
        if gone:
            del self._places[:gone], self._weights[:gone]
            self._tail, self._head = max(0, self._tail - gone), max(0, self._head - gone)
