"""Holds the search for marks of rolls: named soon, by the true distance, beside clutter; and clutter is no roll."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from inspector.quality import comb_test, periodic_defects
from inspector.quality.periodic_defects import Finder, PeriodicDefect, fitting
from inspector.settings.rules import RollSettings
from tests.inspector.spots import FRAME_MM, LABELS, MM_PER_PX, Spot, clutter, frames, of_roll

METRES = 1000.0
#: A roll of 600 mm.
TURN_MM = math.pi * 600


def search(spots: Iterable[Spot], length_mm: float) -> list[tuple[PeriodicDefect, float]]:
    """What is named on a coil, each as it is in the end, and where the strip was when it was named."""
    finder, named = Finder(), list[tuple[PeriodicDefect, float]]()
    for number, frame in enumerate(frames(spots, length_mm)):
        for region in sorted(frame.regions, key=lambda one: one.y):
            x, width, y, length = (side * MM_PER_PX for side in (region.x, region.width, region.y, region.height))
            mark = finder.add(region.label, x, width, number * FRAME_MM + y, length)
            if mark and all(mark is not one for one, _ in named):
                named.append((mark, (number + 1) * FRAME_MM))
    return named


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("missed", "jitter_mm", "within_m"), [(0.0, 0.0, 20), (0.0, 6.0, 20), (0.2, 2.0, 20), (0.3, 2.0, 30)]
)
def test_a_roll_is_named_soon_after_its_tenth_mark(seed: int, missed: float, jitter_mm: float, within_m: float) -> None:
    # Given 120 m of a coil with as many other defects a metre as 500 on 1,000 m, twice of them of the roll's own label
    draw = np.random.default_rng(seed)
    others = clutter(draw, 60, 120 * METRES) + clutter(draw, 20, 120 * METRES, ("scratches",))
    begins_mm = draw.uniform(1, 50) * METRES
    marks = of_roll(draw, TURN_MM, draw.uniform(30, 1170), begins_mm, 120 * METRES, missed, jitter_mm)
    tenth_mm = [mark.y_mm for mark in marks if mark.label == "scratches"][9]

    ((found, named_at_mm),) = search([*others, *marks], 120 * METRES)
    assert found.label == "scratches"
    assert found.distance_mm == pytest.approx(TURN_MM, rel=0.003)
    assert named_at_mm - tenth_mm < within_m * METRES
    assert found.first_mm == pytest.approx(begins_mm, abs=3 * TURN_MM if missed else 60)
    assert found.x_mm - 60 <= marks[0].x_mm <= found.x_mm + found.width_mm + 60
    assert found.confidence >= periodic_defects.CONFIDENT


def test_two_rolls_at_once_are_two_also_at_one_place_across() -> None:
    draw = np.random.default_rng(1)
    length_mm = 120 * METRES
    rolls = [(TURN_MM, 300.0), (1257.0, 305.0), (2500.0, 900.0)]
    marks = [mark for distance, x in rolls for mark in of_roll(draw, distance, x, 5 * METRES + x, length_mm)]

    found = [mark for mark, _ in search([*clutter(draw, 60, length_mm), *marks], length_mm)]
    assert sorted(mark.distance_mm for mark in found) == pytest.approx([1257.0, TURN_MM, 2500.0], rel=0.003)


@pytest.mark.parametrize("distance_mm", [400.0, 943.0, 3770.0, 5000.0])
@pytest.mark.parametrize("seed", range(3))
def test_neither_a_multiple_nor_a_fraction_of_the_distance_is_named(distance_mm: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    length_mm = 40 * distance_mm
    marks = of_roll(draw, distance_mm, 500.0, distance_mm, length_mm, missed=0.2, jitter_mm=2)
    halfway = [Spot("scratches", 500.0, (number + 0.5) * distance_mm) for number in (7, 12, 20, 31)]

    others = clutter(draw, int(length_mm / METRES), length_mm, ("scratches",))

    ((found, _),) = search([*others, *marks, *halfway], length_mm)
    assert found.distance_mm == pytest.approx(distance_mm, rel=0.005)


def test_when_the_repeats_between_are_seen_at_last_the_distance_is_put_right() -> None:
    every_other = [Spot("scratches", 500.0, number * TURN_MM) for number in range(1, 40, 2)]
    all_of_them = [Spot("scratches", 500.0, number * TURN_MM) for number in range(40, 75)]

    ((found, _),) = search([*every_other, *all_of_them], 75 * TURN_MM)
    assert found.distance_mm == pytest.approx(TURN_MM, rel=0.003)
    assert found.repeats >= 40


def test_of_200_coils_with_clutter_alone_one_at_most_has_a_roll_mark() -> None:
    # The defects lie on the corners of tiles of 60 mm, as on record; some seconds for so many coils.
    draw = np.random.default_rng(7)
    finders = [Finder() for _ in range(200)]
    for coil, finder in enumerate(finders):
        others = clutter(draw, int(draw.integers(50, 250)), 100 * METRES, LABELS[: 1 + coil % 3])
        for spot in sorted(others, key=lambda one: one.y_mm):
            finder.add(spot.label, spot.x_mm // 60 * 60, 60.0, spot.y_mm // 60 * 60, 60.0)
    assert sum(len(finder.found) for finder in finders) <= 1


def test_clumps_and_torn_scratches_are_no_roll_mark() -> None:
    draw = np.random.default_rng(3)
    clumps = [
        Spot("scratches", 600 + draw.normal(0, 40), centre + draw.normal(0, 700))
        for centre in draw.uniform(5_000, 95_000, 12) for _ in range(20)
    ]  # fmt: skip
    torn = [Spot("patches", 200.0, 30.0 + 60 * number) for number in range(1600) if draw.random() < 0.4]
    assert search([*clumps, *torn], 100 * METRES) == []


def test_memory_is_bounded_over_100_000_defects_of_more_labels_than_there_are() -> None:
    finder = Finder()
    for number in range(100_000):
        finder.add(f"label-{number % 80}", number % 1100, 60.0, number * 10.0, 60.0, search=False)
    kept = [series._ring for series in finder._series.values()]
    assert len(kept) == periodic_defects.MAX_LABELS
    assert sum(ring.nbytes for ring in kept) <= periodic_defects.MAX_LABELS * periodic_defects.MAX_MARKS * 32


def test_the_rolls_that_fit_a_distance_are_told_the_nearest_first() -> None:
    rolls = [
        RollSettings(name="work", diameter_mm=605), RollSettings(name="bridle", diameter_mm=600),
        RollSettings(name="stand-4", diameter_mm=300, elongation_percent=100, tolerance_percent=3),
        RollSettings(name="deflector", diameter_mm=900),
    ]  # fmt: skip
    assert [roll.name for roll in fitting(1885.5, rolls)] == ["bridle", "stand-4", "work"]
    assert fitting(1700, rolls) == []


def test_the_bound_on_chance_holds_against_chance_itself() -> None:
    draw = np.random.default_rng(0)
    for met, tested, p in ((3, 5, 0.2), (8, 10, 0.4), (5, 5, 0.5)):
        as_well = (draw.binomial(tested, p, 200_000) >= met).mean()
        assert as_well <= math.exp(comb_test._log_chance(met, tested, p)) * 1.05
    assert comb_test._log_chance(1, 10, 0.2) == 0.0
