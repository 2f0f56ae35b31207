"""Holds the precedence of decision numbers: a recipe's before the line's, the line's before the bundle's."""

import pytest

from inspector.protocol.control import DecideBy, Recipe
from inspector.vision.bundle import Decision, Label
from inspector.vision.decision import rules
from inspector.vision.precedence import effective

OK = Label(name="ok", kind="ok", severity="none")
DENTS = Label(name="dents", kind="defect", severity="minor")
DECISION = Decision(thresholds={"ok": 0.5, "dents": 0.5}, max_novelty={"ok": 10.0, "dents": 20.0}, place_threshold=0.8)
BUNDLE = {label.name: DECISION.of_label(label) for label in (OK, DENTS)}


def line(thresholds: dict[str, float] | None = None, margin: float = 0.0, **severities: str) -> DecideBy:
    return DecideBy(thresholds or {}, margin, severities, [])


def recipe(thresholds: dict[str, float] | None = None, margin: float | None = None, **severities: str) -> Recipe:
    return Recipe("exposed", ["DX56D"], thresholds or {}, margin, severities)


@pytest.mark.parametrize(
    ("by_line", "by_recipe", "threshold", "of_place", "set_by"),
    [
        (None, None, 0.5, 0.8, ("bundle",)),
        ({"dents": 0.6}, None, 0.6, 0.6, ("line",)),
        (None, {"dents": 0.7}, 0.7, 0.7, ("recipe",)),
        ({"dents": 0.6}, {"dents": 0.7}, 0.7, 0.7, ("recipe", "line")),
        ({"ok": 0.6}, {"ok": 0.7}, 0.5, 0.8, ("bundle",)),
        ({"dents": 0.6}, {"ok": 0.7}, 0.6, 0.6, ("line",)),
    ],
)
def test_a_threshold_is_the_recipes_else_the_lines_else_the_bundles(
    by_line: dict[str, float] | None,
    by_recipe: dict[str, float] | None,
    threshold: float,
    of_place: float,
    set_by: tuple[str, ...],
) -> None:
    dents = effective(BUNDLE, line(by_line), recipe(by_recipe)).labels["dents"]

    assert (dents.threshold, dents.place_threshold, dents.set_by) == (threshold, of_place, set_by)


@pytest.mark.parametrize(
    ("by_line", "by_recipe", "severity", "set_by"),
    [
        ({}, {}, "minor", ("bundle",)),
        ({"dents": "major"}, {}, "major", ("line",)),
        ({"dents": "major"}, {"dents": "critical"}, "critical", ("recipe", "line")),
    ],
)
def test_a_severity_is_the_recipes_else_the_lines_else_the_bundles(
    by_line: dict[str, str], by_recipe: dict[str, str], severity: str, set_by: tuple[str, ...]
) -> None:
    dents = effective(BUNDLE, line(**by_line), recipe(**by_recipe)).labels["dents"]

    assert (dents.severity, dents.set_by) == (severity, set_by)


@pytest.mark.parametrize(
    ("by_line", "by_recipe", "margin", "set_by"),
    [(1.5, None, 1.5, "line"), (1.5, 0.0, 0.0, "recipe"), (0.0, 2.0, 2.0, "recipe")],
)
def test_a_novelty_margin_is_the_recipes_even_where_it_is_0_else_the_lines(
    by_line: float, by_recipe: float | None, margin: float, set_by: str
) -> None:
    numbers = effective(BUNDLE, line(margin=by_line), recipe(margin=by_recipe))

    assert (numbers.novelty_margin, numbers.novelty_margin_set_by) == (margin, set_by)


def test_without_a_line_the_bundles_own_numbers_decide() -> None:
    numbers = effective(BUNDLE)

    assert (numbers.novelty_margin, numbers.novelty_margin_set_by) == (0.0, "bundle")
    assert [label.set_by for label in numbers.labels.values()] == [("bundle",), ("bundle",)]


def test_a_tile_is_decided_by_the_numbers_that_precedence_gives() -> None:
    decided = rules((OK, DENTS), DECISION, line({"ok": 0.6}, 1.5, dents="major"), recipe({"dents": 0.7}))

    assert [label.severity for label in decided.labels] == ["none", "major"]
    assert decided.thresholds == (0.6, 0.7)
    assert decided.of_places().thresholds == (0.6, 0.7)
    assert decided.max_novelty == (11.5, 21.5)
