"""Owns which regions are one defect while the strip still runs: parts that frame borders cut are joined as they come.

defects.py joins what is on record by the same rule, `meet`. An alarm cannot wait for that: here a defect is reported at
once where it begins, and stays the one it was reported as. A part at the first line of its frame waits for the frame
before it, in case it continues one there, but no longer than frames may come late. Pure, no I/O.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from inspector.quality.coverage import SLACK
from inspector.quality.defects import Part, meet


@dataclass(slots=True, eq=False)
class Whole:
    """What the parts of one defect share: the first of them, and by rule the place where it was counted last."""

    first: Part
    counted: dict[str, float] = field(default_factory=dict)


#: Parts, each with the defect that it is of.
Joined = Iterator[tuple[Part, Whole]]


@dataclass(slots=True, eq=False)
class _SeamFrame:
    """A frame: its parts whose defect is known, and those that wait for the frame before it."""

    at_mm: float
    end_mm: float
    slack_mm: float
    known: list[tuple[Part, Whole]] = field(default_factory=list)
    waiting: list[Part] = field(default_factory=list)


class Seams:
    """The frames of one run of strip, as far back as another may still come between them."""

    def __init__(self, slack: float = SLACK) -> None:
        """`slack`: largest gap or overlap between a frame and the one that it follows, a share of its length."""
        self._slack = slack
        self._frames: list[_SeamFrame] = []

    def add(self, at_mm: float, length_mm: float, parts: Sequence[Part]) -> Joined:
        """Add a frame. Yield each of its parts once, now or later, with the defect that it is of."""
        frame = _SeamFrame(at_mm, at_mm + length_mm, self._slack * length_mm)
        index = bisect_right(self._frames, at_mm, key=lambda one: one.at_mm)
        self._frames.insert(index, frame)
        before = self._before(index)
        if before is None or before.waiting:
            frame.waiting = [part for part in parts if not part.y]
            parts = [part for part in parts if part.y]
        yield from self._join(parts, before, frame)
        yield from self._go_on(index)

    def settle(self, settled_mm: float) -> Joined:
        """Take it that no frame before this place is to come: parts that waited for one begin a defect."""
        gone = 0
        for index, frame in enumerate(self._frames):
            if frame.at_mm >= settled_mm:
                break
            if frame.waiting:
                yield from self._take_waiting(self._before(index), frame)
                yield from self._go_on(index)
            if frame.end_mm < settled_mm - frame.slack_mm:
                gone = index + 1
        del self._frames[:gone]

    def _before(self, index: int) -> _SeamFrame | None:
        """Return the frame that this one follows without a gap."""
        if not index:
            return None
        before, frame = self._frames[index - 1], self._frames[index]
        return before if frame.at_mm - before.end_mm <= frame.slack_mm else None

    def _go_on(self, index: int) -> Joined:
        """Resolve the frames that follow one whose parts are known."""
        while not self._frames[index].waiting and index + 1 < len(self._frames):
            index += 1
            before = self._before(index)
            if before is None or not self._frames[index].waiting:
                break
            yield from self._take_waiting(before, self._frames[index])

    def _take_waiting(self, before: _SeamFrame | None, frame: _SeamFrame) -> Joined:
        parts, frame.waiting = frame.waiting, []
        return self._join(parts, before, frame)

    def _join(self, parts: Sequence[Part], before: _SeamFrame | None, frame: _SeamFrame) -> Joined:
        """Yield those parts of the frame, each with the defect that it continues or begins."""
        tails = [tail for tail in before.known if tail[0].end_mm >= frame.at_mm - frame.slack_mm] if before else []
        for part in parts:
            whole = next((whole for tail, whole in tails if meet(tail, part, self._slack)), None) or Whole(part)
            frame.known.append((part, whole))
            yield part, whole
