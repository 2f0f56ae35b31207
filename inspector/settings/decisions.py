"""Owns the settings of decisions: the line's own numbers, and recipes: other numbers for some steel grades."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from inspector.errors import ConfigError
from inspector.protocol.messages import MAX_GRADE
from inspector.settings.mistakes import meant
from inspector.settings.section import NAME_PATTERN, Section
from inspector.vision.bundle import Label

#: So many grades and numbers all recipes have at most: a reload brings them to the workers in one message, and so much
#: of it the kernel holds for a worker that reads nothing.
MAX_ENTRIES = 1000


def _spelled(grade: Any) -> Any:
    if isinstance(grade, int | float):
        raise ValueError("a grade of digits must stand in quotes: YAML would read 1.4310 as the number 1.431")
    return grade


Thresholds = dict[str, Annotated[float, Field(ge=0, le=1)]]
Severities = dict[str, Literal["minor", "major", "critical"]]
Grade = Annotated[str, BeforeValidator(_spelled), Field(max_length=MAX_GRADE, pattern=r"^[!-~]([ -~]*[!-~])?$")]


class DecisionSettings(Section):
    """Decision numbers of the line that replace the bundle's."""

    thresholds: Thresholds = {}  # noqa: RUF012
    """Threshold by label, from 0 to 1, in place of the bundle's: a lower score is unsure. Where several tiles show a
    place, the scores of all defect labels count together."""
    novelty_margin: Annotated[float, Field(ge=-1000, le=1000)] = 0.0
    """Amount added to the novelty limits of the bundle; a higher one accepts images that are less like the training
    data."""
    severities: Severities = {}  # noqa: RUF012
    """Severity by label in place of the bundle's: minor, major or critical."""


class RecipeSettings(Section):
    """Decision numbers for pieces of some steel grades. What it leaves out is as in `decision`."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    """Name of the recipe on the record."""
    grades: list[Grade] = []  # noqa: RUF012
    """Steel grades that the recipe is for; each grade may be in one recipe only."""
    thresholds: Thresholds = {}  # noqa: RUF012
    """Threshold by label, from 0 to 1; a label that is left out has that of decision.thresholds."""
    novelty_margin: Annotated[float | None, Field(ge=-1000, le=1000)] = None
    """Amount added to the novelty limits of the bundle; decision.novelty_margin applies if not set."""
    severities: Severities = {}  # noqa: RUF012
    """Severity by label; a label that is left out has that of decision.severities."""


def check(recipes: Sequence[RecipeSettings]) -> None:
    """ValueError where a name or a grade stands twice, or where they are too many."""
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
    """Yield, in a line each, the thresholds and severities for labels that the bundle does not have as such."""
    known = [label.name for label in labels]
    defects = [label.name for label in labels if label.kind == "defect"]
    sections: list[tuple[str, DecisionSettings | RecipeSettings]] = [("decision", decision)]
    sections += [(f"recipes.{recipe.name}", recipe) for recipe in recipes]
    for where, numbers in sections:
        yield from unknown(f"{where}.thresholds", numbers.thresholds, known, "label")
        yield from unknown(f"{where}.severities", numbers.severities, defects, "defect")


def recipe_of(recipes: Sequence[RecipeSettings], grade: str, name: str = "") -> str:
    """The recipe of a piece: the one of that name, else the one that lists its grade, else "".

    ConfigError for a name that no recipe has.
    """
    there_are = [recipe.name for recipe in recipes]
    if name and name not in there_are:
        raise ConfigError(f"recipe {name}: the config has no such recipe; it has {', '.join(there_are) or 'none'}")
    return name or next((recipe.name for recipe in recipes if grade in recipe.grades), "")


def unknown(key: str, given: Iterable[str], known: Sequence[str], what: str) -> Iterator[str]:
    """Yield a line for each name given that is none of the known ones."""
    for name in given:
        if name not in known:
            yield f"{key}.{name}: the bundle has no such {what}{meant(name, known)}; it has {', '.join(known)}"


def _twice(names: Iterable[str]) -> str:
    """Those that stand more than once, for people."""
    seen = list(names)
    return ", ".join(sorted({name for name in seen if seen.count(name) > 1}))
