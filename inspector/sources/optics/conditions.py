"""Owns what is wrong with the pictures of a source now: which trouble has lasted, since when, and where. Pure."""

import math

from inspector.protocol.messages import Trouble
from inspector.protocol.optics import FIGURE_OF, KINDS, Figures, Kind
from inspector.settings.settings import OpticsSettings
from inspector.sources.optics.baseline import Baseline, Scaled, scaled, towards, unscaled
from inspector.sources.optics.dirt import Dust, Place, Relief, Window
from inspector.sources.optics.figures import Look, cell

#: More alike than this, two pictures show the same strip; with less than that, it has certainly moved on.
SAME, MOVED = 0.8, 0.5
#: What was too far is good again within this share of its limit.
_GOOD = 0.7
_FROZEN = "the same strip again and again: the camera or the strip stands still"
#: Trouble that only a baseline can tell.
JUDGED = frozenset[Kind](KINDS) - {"blank", "frozen"}
#: Dust is gone when no place has been found for so many times `after_s`: how long it takes to find one anew.
_DUST_LEAVES = 3.0


class _Condition:
    """Bad or good, picture by picture. On when bad has outweighed good for `begins_s`, until good has for `ends_s`."""

    def __init__(self, begins_s: float, ends_s: float) -> None:
        self._begins_s = begins_s
        self._ends_s = ends_s
        self._weight = 0.0  # from 0 to 1
        self.began_at: float | None = None  # while it is on, seconds since 1970

    def turn(self, bad: bool, good: bool, seconds: float, at: float) -> None:
        """One more picture, seen `at`, that stands for so many seconds."""
        more = 1.0 if seconds >= self._begins_s else seconds / self._begins_s
        change = more if bad else -seconds / self._ends_s if good else 0.0
        self._weight = min(1.0, max(0.0, self._weight + change))
        if self._weight <= 0:
            self.began_at = None
        elif self._weight >= 1 and self.began_at is None:
            self.began_at = at - self._begins_s

    def resume(self, began_at: float) -> None:
        """It was on in a former life."""
        self._weight, self.began_at = 1.0, began_at


class Troubles:
    """Judges one picture after the other; of strip against a baseline that is complete."""

    def __init__(self, settings: OpticsSettings) -> None:
        self._settings = settings
        after_s = settings.after_s
        self._conditions = {kind: _Condition(after_s, after_s) for kind in KINDS}
        self._conditions["dust"] = _Condition(0.0, _DUST_LEAVES * after_s)
        self._evidence: dict[Kind, tuple[float, str]] = {}  # figure and detail of when it was bad last
        self._looked: Look | None = None
        self._averaged = 0
        self._now: Scaled = ()
        self._dust: Dust | None = None

    @property
    def figures(self) -> Figures | None:
        """On average of late; those of the last picture while that shows nothing. None before the first."""
        if self._looked and (self._conditions["blank"].began_at is not None or not self._now):
            return self._looked.figures
        return unscaled(self._now) if self._now else None

    def look(self, look: Look, alike: float, seconds: float, at: float) -> None:
        """The next picture, seen `at`, `seconds` after the one before and so much alike."""
        self._looked = look
        self._turn("blank", bool(look.blank), not look.blank, seconds, at, look.figures.brightness, look.blank)
        if not look.blank:
            self._turn("frozen", alike > SAME, alike < MOVED, seconds, at, alike, _FROZEN)

    def average(self, look: Look, seconds: float) -> None:
        """It shows strip that has moved on."""
        self._averaged += 1
        share = max(1 - math.exp(-seconds / self._settings.after_s), 1 / self._averaged)
        self._now = towards(self._now, scaled(look.figures), share) if self._now else scaled(look.figures)

    def judge(self, baseline: Baseline, relief: Relief, window: Window, seconds: float, at: float) -> None:
        """Hold the average and this picture's relief against the baseline."""
        figures, settings = unscaled(self._now), self._settings
        for kind, limits in baseline.limits(self._now, settings.tolerance).items():
            self._turn(kind, limits > 1, limits < _GOOD, seconds, at, getattr(figures, FIGURE_OF[kind]))
        if self._dust is None and baseline.relief is not None:
            self._dust = Dust(baseline.relief, settings.after_s, settings.streak_after_s, settings.tolerance)
        if self._dust is not None:
            self._dust.take(relief, window, seconds)
            places = self._dust.places()
            depth = places[0].depth if places else 0.0
            self._turn("dust", bool(places), not places, seconds, at, depth, _where(places, baseline.size or (0, 0)))

    def told(self, baseline: Baseline) -> list[Trouble]:
        """What is wrong, each with the figure that says so and what that is usually."""
        usual = unscaled(baseline.mean)._asdict() if baseline.pictures else {}
        return [
            Trouble(kind, max(0.0, one.began_at), figure, usual.get(FIGURE_OF.get(kind, ""), 0.0), detail)
            for kind, one in self._conditions.items()
            if one.began_at is not None
            for figure, detail in [self._evidence[kind]]
        ]

    def resume(self, troubles: list[Trouble]) -> None:
        """What was wrong in a former life is, until it is seen to be good."""
        for trouble in troubles:
            self._conditions[trouble.kind].resume(trouble.began_at)
            self._evidence[trouble.kind] = trouble.figure, trouble.detail

    def _turn(
        self, kind: Kind, bad: bool, good: bool, seconds: float, at: float, figure: float, detail: str = ""
    ) -> None:
        self._conditions[kind].turn(bad, good, seconds, at)
        if bad:
            self._evidence[kind] = figure, detail


def _where(places: list[Place], size: tuple[int, ...]) -> str:
    """The worst place in pixels of the picture, and how many more there are."""
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
