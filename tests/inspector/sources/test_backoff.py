"""Holds the pauses before a lost source is opened again."""

import pytest

from inspector.sources.backoff import FORGET_S, LAST_S, Backoff


def test_pauses_double_up_to_a_bound_and_begin_anew_after_a_good_while() -> None:
    pauses = Backoff(lambda: 0.0)

    assert [pauses.next(now) for now in (100, 101, 102, 103, 104, 105)] == [0.25, 0.5, 1, 2, 2, 2]
    assert pauses.next(105 + FORGET_S + 1) == 0.25


def test_chance_shortens_a_pause_by_up_to_half() -> None:
    assert Backoff(lambda: 1.0).next(100) == pytest.approx(0.125)
    assert all(0.1 < Backoff().next(100) <= LAST_S for _ in range(20))
