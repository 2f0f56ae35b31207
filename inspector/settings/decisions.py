"""Owns the settings of decisions: the numbers of the line, and recipes with other numbers for some steel grades."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from inspector.errors import ConfigError
from inspector.protocol.fields import MAX_GRADE
from inspector.settings.mistakes import meant
from inspector.settings.section import NAME_PATTERN, Section
from inspector.vision.bundle import Label

#: Largest number of grades and numbers in all recipes. A reload sends them to each worker in one message, which must
#: fit into the pipe of a worker that does not read.
MAX_ENTRIES = 1000


def _refuse_number(grade: Any) -> Any:
    if isinstance(grade, int | float):
        raise ValueError("a grade of digits must stand in quotes: YAML would read 1.4310 as the number 1.431")
    return grade


Thresholds = dict[str, Annotated[float, Field(ge=0, le=1)]]
Severities = dict[str, Literal["minor", "major", "critical"]]
SteelGrade = Annotated[
    str, BeforeValidator(_refuse_number), Field(max_length=MAX_GRADE, pattern=r"^[!-~]([ -~]*[!-~])?$")
]


class DecisionSettings(Section):
    """Decision numbers of the line, in place of the bundle's."""

    thresholds: Thresholds = {}  # noqa: RUF012
    """Threshold by label, from 0 to 1, in place of the bundle's: a lower score is unsure. Where several tiles show a
    place, the scores of all defect labels count together."""
    novelty_margin: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    """Amount added to the novelty limits of the bundle; a higher one accepts images that are less like the training
    data."""
    severities: Severities = {}  # noqa: RUF012
    """Severity by label in place of the bundle's: minor, major or critical."""


class RecipeSettings(Section):
    """Decision numbers for pieces of some steel grades; what a recipe leaves out is as in `decision`."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    """Name of the recipe on the record."""
    grades: list[SteelGrade] = []  # noqa: RUF012
    """Steel grades that the recipe is for; each grade may be in one recipe only."""
    thresholds: Thresholds = {}  # noqa: RUF012
    """Threshold by label, from 0 to 1; a label that is left out has that of decision.thresholds."""
    novelty_margin: Annotated[float | None, Field(ge=-1000, le=1000)] = None
    """Amount added to the novelty limits of the bundle; decision.novelty_margin applies if not set."""
    severities: Severities = {}  # noqa: RUF012
    """Severity by label; a label that is left out has that of decision.severities."""


def check(recipes: Sequence[RecipeSettings]) -> None:
    """Raise ValueError if two recipes share a name or a grade, or if there are too many entries."""
    names = _twice(recipe.name for recipe in recipes)
    if names:
        raise ValueError(f"two recipes are called {names}: records tell recipes by name")
    grades = _twice(grade for recipe in recipes for grade in recipe.grades)
    if grades:
        raise ValueError(f"{grades} is in two recipes, or twice in one: which of them decides?")
    entries = sum(1 + len(one.grades) + len(one.thresholds) + len(one.severities) for one in recipes)
    if entries > MAX_ENTRIES:
        raise ValueError(f"{entries} names, grades, thresholds and severities: at most {MAX_ENTRIES} are kept in all")


def unknown_labels(
    decision: DecisionSettings, recipes: Sequence[RecipeSettings], labels: Sequence[Label]
) -> Iterator[str]:
    """Yield a line for each threshold of a label, and each severity of a defect, that the bundle does not have."""
    known = [label.name for label in labels]
    defects = [label.name for label in labels if label.kind == "defect"]
    sections: list[tuple[str, DecisionSettings | RecipeSettings]] = [("decision", decision)]
    sections += [(f"recipes.{recipe.name}", recipe) for recipe in recipes]
    for where, numbers in sections:
        yield from unknown(f"{where}.thresholds", numbers.thresholds, known, "label")
        yield from unknown(f"{where}.severities", numbers.severities, defects, "defect")


def recipe_of(recipes: Sequence[RecipeSettings], grade: str, name: str = "") -> str:
    """Return the name of a piece's recipe: the `name` given, else the recipe that lists its grade, else "".

    Raise ConfigError if no recipe has that name.
    """
    names = [recipe.name for recipe in recipes]
    if name and name not in names:
        raise ConfigError(f"recipe {name}: the config has no such recipe; it has {', '.join(names) or 'none'}")
    return name or next((recipe.name for recipe in recipes if grade in recipe.grades), "")


def unknown(key: str, given: Iterable[str], known: Sequence[str], what: str) -> Iterator[str]:
    """Yield a line for each of the names `given` under `key` that is not `known`; `what` is a label or a defect."""
    for name in given:
        if name not in known:
            yield f"{key}.{name}: the bundle has no such {what}{meant(name, known)}; it has {', '.join(known)}"


def _twice(names: Iterable[str]) -> str:
    """Return the names that occur more than once, sorted and joined by commas."""
    seen = list(names)
    return ", ".join(sorted({name for name in seen if seen.count(name) > 1}))
