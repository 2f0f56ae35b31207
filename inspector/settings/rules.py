"""Owns the settings of the quality rules: alarms while the strip runs, the grade of a piece, the line's rolls."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from inspector.settings.decisions import RecipeSettings, unknown
from inspector.settings.section import NAME_PATTERN, Section
from inspector.settings.sources.types import SourceSettings
from inspector.vision.bundle import Label
from inspector.vocabulary import RANK

#: Grades of a piece, the worst last.
GRADES = ("prime", "second", "hold")
GradeName = Literal["prime", "second", "hold"]
Measure = Literal["count", "per_10m", "per_m2", "area_percent"]
#: Unit of a rule's window: mm along the piece, frames, or seconds.
Unit = Literal["mm", "frames", "s"]
#: Unit of each measure, as it follows a number.
UNITS: dict[Measure, str] = {"count": "", "per_10m": " per 10 m", "per_m2": " per m2", "area_percent": "% of the area"}
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class CountingRule(Section):
    """A rule that counts defects: which ones, by which measure, and from which limit on."""

    labels: Annotated[list[str], Field(max_length=64)] = []  # noqa: RUF012
    """Labels of the defects that the rule counts; an empty list counts every label."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Lowest score of a defect that the rule counts."""
    min_severity: Literal["none", "minor", "major", "critical"] = "none"
    """Lowest severity of a defect that the rule counts."""
    measure: Measure = "count"
    """Measure of the defects: count, per_10m (count per 10 m), per_m2 (count per m²) or area_percent (share of the
    strip's area)."""
    limit: Annotated[float, Field(gt=0, le=10_000)]
    """Value of the measure at which the rule takes effect."""
    recipes: Annotated[list[str], Field(max_length=64)] = []  # noqa: RUF012
    """Recipes of the pieces that the rule is for; an empty list is for all pieces, and "" names the pieces under no
    recipe."""

    def is_for(self, recipe: str) -> bool:
        """Return whether the rule is for a piece under this recipe; "" is no recipe."""
        return not self.recipes or recipe in self.recipes

    def takes(self, label: str, severity: str, score: float) -> bool:
        """Return whether the rule counts such a defect."""
        wanted = not self.labels or label in self.labels
        return wanted and score >= self.min_score and RANK.get(severity, 0) >= RANK[self.min_severity]

    @property
    def which(self) -> str:
        """The defects that the rule counts, as a phrase."""
        sure = f" of score {self.min_score:g} or more" if self.min_score else ""
        bad = f", {self.min_severity} or worse" if self.min_severity != "none" else ""
        return f"{', '.join(self.labels) or 'defects of any label'}{sure}{bad}"


class AlarmSettings(CountingRule):
    """An alarm: raised once when a window along the strip reaches the limit, and cleared after a time below it."""

    name: Name
    """Name of the alarm on the record and in metrics."""
    within_m: Annotated[float | None, Field(gt=0, le=10_000)] = None
    """Length of the window in metres along the piece; a rule has either within_m, within_frames or within_s."""
    within_frames: Annotated[int | None, Field(ge=1, le=100_000)] = None
    """Length of the window in frames; a rule has either within_m, within_frames or within_s."""
    within_s: Annotated[float | None, Field(gt=0, le=86_400)] = None
    """Length of the window in seconds of capture time; a rule has either within_m, within_frames or within_s."""
    clear_under: Annotated[float | None, Field(gt=0, le=10_000)] = None
    """Value of the measure under which the alarm can clear; half the limit if not set."""
    clear_windows: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Number of window lengths for which the measure must stay under clear_under before the alarm clears."""
    grade: GradeName = "prime"
    """Best grade of a piece on which the alarm was raised: prime, second or hold."""

    @property
    def unit(self) -> Unit:
        """The unit of `within`."""
        return "mm" if self.within_m is not None else "frames" if self.within_frames is not None else "s"

    @property
    def within(self) -> float:
        """The length of the window, in `unit`."""
        return float((self.within_m or 0.0) * 1000 or self.within_frames or self.within_s or 0.0)

    @property
    def text(self) -> str:
        """The alarm as a phrase: its defects, window, limit and recipes."""
        window = {"mm": f"{self.within / 1000:g} m", "frames": f"{self.within:g} frames", "s": f"{self.within:g} s"}
        under = f", recipe {' or '.join(one or 'none' for one in self.recipes)}" if self.recipes else ""
        return f"{self.which} within {window[self.unit]}, limit {self.limit:g}{UNITS[self.measure]}{under}"

    @property
    def cleared_under(self) -> float:
        """The value of the measure under which the alarm can clear."""
        return self.limit / 2 if self.clear_under is None else self.clear_under

    @model_validator(mode="after")
    def _has_one_window(self) -> "AlarmSettings":
        if sum(one is not None for one in (self.within_m, self.within_frames, self.within_s)) != 1:
            raise ValueError("one of within_m, within_frames and within_s is needed")
        if self.measure != "count" and self.unit != "mm":
            raise ValueError(f"measure {self.measure} needs within_m: frames and seconds have no area")
        if self.cleared_under > self.limit:
            raise ValueError("clear_under is above limit: it would be cleared as soon as it is raised")
        return self


class LimitSettings(CountingRule):
    """A limit on the defects of a piece, which then is not prime."""

    grade: Literal["second", "hold"]
    """Best grade of a piece that reaches the limit: second or hold."""


class GradingSettings(Section):
    """The grade of a finished piece: the worst one that any of these settings gives it."""

    limits: Annotated[list[LimitSettings], Field(max_length=64)] = []  # noqa: RUF012
    """List of limits on the defects of a piece; an empty list grades no piece."""
    roll_mark: GradeName = "second"
    """Best grade of a piece with a roll mark: prime, second or hold."""
    max_missing_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Largest part of a piece that may be uninspected, in percent; a piece with more is on hold."""
    max_unsure_percent: Annotated[float, Field(ge=0, le=100)] = 5.0
    """Largest part of what a source inspected that may be unsure, in percent; a piece with more is on hold."""


class RollSettings(Section):
    """A roll of the line: its mark repeats with each of its turns."""

    name: Name
    """Name of the roll on the record and in metrics."""
    diameter_mm: Annotated[float, Field(gt=0, le=5000)]
    """Diameter of the roll in millimetres; marks of the roll are pi times the diameter apart."""
    elongation_percent: Annotated[float, Field(gt=-100, le=10_000)] = 0.0
    """Elongation of the strip between the roll and the camera, in percent; it moves marks of the roll apart."""
    tolerance_percent: Annotated[float, Field(gt=0, le=20)] = 1.0
    """Tolerance on the distance of marks in percent, for wear, regrinding and encoder errors."""


def watched(alarm: AlarmSettings, sources: Sequence[SourceSettings]) -> list[str]:
    """Return the sources on which the alarm can be raised: metres need a place along, areas need one across as well."""
    needed = {"along"} if alarm.unit == "mm" else set[str]()
    if alarm.measure in ("per_m2", "area_percent"):
        needed.add("across")
    return [source.name for source in sources if needed <= source.known_mm]


def repeats_seen(sources: Sequence[SourceSettings]) -> list[str]:
    """Return the sources on which roll marks can be found."""
    return [source.name for source in sources if source.known_mm >= {"along", "across"}]


def check(
    alarms: Sequence[AlarmSettings],
    grading: GradingSettings,
    rolls: Sequence[RollSettings],
    sources: Sequence[SourceSettings],
    recipes: Sequence[RecipeSettings],
) -> None:
    """Raise ValueError for rules that no frame could ever meet, or that metrics could not tell apart."""
    names_of_recipes = [recipe.name for recipe in recipes]
    for where, rule in _rules(alarms, grading):
        if unknown := [name for name in rule.recipes if name and name not in names_of_recipes]:
            known = ", ".join(names_of_recipes) or "none"
            raise ValueError(f'{where}.recipes: no recipe is called {unknown[0]}; there are {known} ("" is no recipe)')
    for kind, names in (("alarms", [one.name for one in alarms]), ("rolls", [one.name for one in rolls])):
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{kind}: two are called {', '.join(sorted(twice))}: metrics tell them by name")
    for alarm in alarms:
        if not watched(alarm, sources):
            raise ValueError(
                f"alarms: {alarm.name}: no source knows where along the piece its frames lie, and how large a pixel is:"
                " see sources.<any>.place, or give within_frames or within_s"
            )
    if rolls and not repeats_seen(sources):
        raise ValueError(
            "rolls: no source knows where on the piece its frames lie: see mm_per_px and pattern or speed_m_min of"
            " sources.<any>.place"
        )


def unknown_labels(alarms: Sequence[AlarmSettings], grading: GradingSettings, labels: Sequence[Label]) -> Iterator[str]:
    """Yield a line for each label of a rule that the bundle does not have."""
    known = [label.name for label in labels]
    for where, rule in _rules(alarms, grading):
        yield from unknown(f"{where}.labels", rule.labels, known, "label")


def _rules(
    alarms: Sequence[AlarmSettings], grading: GradingSettings
) -> Iterator[tuple[str, AlarmSettings | LimitSettings]]:
    """Yield each rule with its key in the config."""
    yield from ((f"alarms.{alarm.name}", alarm) for alarm in alarms)
    yield from ((f"grading.limits.{number}", limit) for number, limit in enumerate(grading.limits))
