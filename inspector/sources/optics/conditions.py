"""Owns the conditions of a source's pictures: which trouble has lasted, since when, and where. Pure."""

import math

from inspector.protocol.optics import FIGURE_OF, KINDS, Figures, Kind, Trouble
from inspector.settings.settings import OpticsSettings
from inspector.sources.optics.baseline import Baseline, Scaled, scaled, towards, unscaled
from inspector.sources.optics.dirt import DirtPlace, DustDetector, Relief, StripCells
from inspector.sources.optics.figures import OpticsSample, cell

#: Likeness above which two pictures show the same strip, and below which it has certainly moved on.
SAME, MOVED = 0.8, 0.5
#: Share of its limit within which a figure is good again.
_GOOD = 0.7
_FROZEN = "the same strip again and again: the camera or the strip stands still"
#: Kinds of trouble that only a baseline shows.
JUDGED = frozenset[Kind](KINDS) - {"blank", "frozen"}
#: Multiple of `after_s` without a dirty place after which dust is gone: finding one anew takes as long.
_DUST_LEAVES = 3.0


class _Condition:
    """Bad or good, picture by picture. On when bad has outweighed good for `begins_s`, until good has for `ends_s`."""

    def __init__(self, begins_s: float, ends_s: float) -> None:
        self._begins_s = begins_s
        self._ends_s = ends_s
        self._weight = 0.0  # from 0 to 1
        self.began_at: float | None = None  # while it is on, seconds since 1970

    def turn(self, bad: bool, good: bool, seconds: float, at: float) -> None:
        """Take in one more picture, captured `at`, that stands for this many seconds."""
        more = 1.0 if seconds >= self._begins_s else seconds / self._begins_s
        change = more if bad else -seconds / self._ends_s if good else 0.0
        self._weight = min(1.0, max(0.0, self._weight + change))
        if self._weight <= 0:
            self.began_at = None
        elif self._weight >= 1 and self.began_at is None:
            self.began_at = at - self._begins_s

    def resume(self, began_at: float) -> None:
        """Switch it on, as it was in the former life."""
        self._weight, self.began_at = 1.0, began_at


class Conditions:
    """Judges one picture after the other; of strip against a baseline that is complete."""

    def __init__(self, settings: OpticsSettings) -> None:
        self._settings = settings
        after_s = settings.after_s
        self._conditions = {kind: _Condition(after_s, after_s) for kind in KINDS}
        self._conditions["dust"] = _Condition(0.0, _DUST_LEAVES * after_s)
        self._evidence: dict[Kind, tuple[float, str]] = {}  # figure and detail of when it was bad last
        self._looked: OpticsSample | None = None
        self._averaged = 0
        self._now: Scaled = ()
        self._dust: DustDetector | None = None

    @property
    def figures(self) -> Figures | None:
        """The average of the last pictures; those of the last one while that is blank. None before the first."""
        if self._looked and (self._conditions["blank"].began_at is not None or not self._now):
            return self._looked.figures
        return unscaled(self._now) if self._now else None

    def look(self, look: OpticsSample, alike: float, seconds: float, at: float) -> None:
        """Take in the next picture, captured `at`, `seconds` after the one before, with this likeness to it."""
        self._looked = look
        self._turn("blank", bool(look.blank), not look.blank, seconds, at, look.figures.brightness, look.blank)
        if not look.blank:
            self._turn("frozen", alike > SAME, alike < MOVED, seconds, at, alike, _FROZEN)

    def average(self, look: OpticsSample, seconds: float) -> None:
        """Take the figures of a picture of strip that has moved on into the average."""
        self._averaged += 1
        share = max(1 - math.exp(-seconds / self._settings.after_s), 1 / self._averaged)
        self._now = towards(self._now, scaled(look.figures), share) if self._now else scaled(look.figures)

    def judge(self, baseline: Baseline, relief: Relief, window: StripCells, seconds: float, at: float) -> None:
        """Compare the average and this picture's relief with the baseline."""
        figures, settings = unscaled(self._now), self._settings
        for kind, limits in baseline.limits(self._now, settings.tolerance).items():
            self._turn(kind, limits > 1, limits < _GOOD, seconds, at, getattr(figures, FIGURE_OF[kind]))
        if self._dust is None and baseline.relief is not None:
            self._dust = DustDetector(baseline.relief, settings.after_s, settings.streak_after_s, settings.tolerance)
        if self._dust is not None:
            self._dust.take(relief, window, seconds)
            places = self._dust.places()
            depth = places[0].depth if places else 0.0
            self._turn("dust", bool(places), not places, seconds, at, depth, _where(places, baseline.size or (0, 0)))

    def troubles(self, baseline: Baseline) -> list[Trouble]:
        """Return what is wrong, each with the figure that shows it and the baseline of that figure."""
        usual = unscaled(baseline.mean)._asdict() if baseline.pictures else {}
        return [
            Trouble(kind, max(0.0, one.began_at), figure, usual.get(FIGURE_OF.get(kind, ""), 0.0), detail)
            for kind, one in self._conditions.items()
            if one.began_at is not None
            for figure, detail in [self._evidence[kind]]
        ]

    def resume(self, troubles: list[Trouble]) -> None:
        """Take what was wrong in the former life for wrong until it is seen to be good."""
        for trouble in troubles:
            self._conditions[trouble.kind].resume(trouble.began_at)
            self._evidence[trouble.kind] = trouble.figure, trouble.detail

    def _turn(
        self, kind: Kind, bad: bool, good: bool, seconds: float, at: float, figure: float, detail: str = ""
    ) -> None:
        self._conditions[kind].turn(bad, good, seconds, at)
        if bad:
            self._evidence[kind] = figure, detail


def _where(places: list[DirtPlace], size: tuple[int, ...]) -> str:
    """Return the worst place in pixels of the picture, and how many more there are, as text."""
    if not places:
        return ""
    height, width = size
    along, across = cell(height, width)
    worst, more = places[0], len(places) - 1
    x, right = worst.x * across, (worst.x + worst.width) * across
    darker = f"{abs(worst.depth):.0%} {'darker' if worst.depth < 0 else 'brighter'}"
    where = f"x {x} to {right}"
    if worst.streak:
        text = f"a streak at {where} px, {darker}: dirt, or a streak of the strip itself"
    else:
        y, bottom = worst.y * along, (worst.y + worst.height) * along
        text = f"a spot at {where}, y {y} to {bottom} px, {darker}"
    return f"{text}; and {more} more" if more else text
