"""Holds what is concluded from counts against SciPy, and at the ends where formulas break."""

import pytest

from inspector.quality.proportions import chance_of_loss, chance_of_more, wilson

stats = pytest.importorskip("scipy.stats", reason="SciPy comes with the extra `train`")


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (1, 1), (0, 300), (3, 300), (150, 300), (299, 300), (7, 100_000)])
def test_the_interval_of_a_share_is_scipys(hits: int, of: int) -> None:
    expected = stats.binomtest(hits, of).proportion_ci(0.95, method="wilson")
    assert wilson(hits, of) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_of_nothing_counted_nothing_is_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_three_hundred_without_a_hit_bound_the_share_near_one_percent() -> None:
    assert wilson(0, 300)[1] == pytest.approx(0.0126, abs=1e-4)


@pytest.mark.parametrize(
    "counts", [(5, 200, 2, 200), (0, 10, 0, 10), (10, 10, 0, 10), (40, 400, 400, 5000), (0, 5, 9, 9)]
)
def test_the_chance_of_a_larger_share_is_fishers(counts: tuple[int, int, int, int]) -> None:
    hits, of, before, before_of = counts
    table = [[hits, of - hits], [before, before_of - before]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert chance_of_more(*counts) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (0, 7), (7, 0), (12, 5), (300, 260)])
def test_the_chance_of_a_loss_is_mcnemars(lost: int, gained: int) -> None:
    of = lost + gained
    expected = stats.binomtest(lost, of, alternative="greater").pvalue if of else 1.0
    assert chance_of_loss(lost, gained) == pytest.approx(expected, rel=1e-9)
