"""The short form of tests/measure/wide_memory.py: what a wide frame costs while it is in flight."""

from pathlib import Path

import pytest

from tests.measure.wide_memory import MOST, measure


@pytest.mark.slow
def test_a_wide_frame_in_flight_costs_no_more_than_two_and_a_half_times_its_pixels(tmp_path: Path) -> None:
    cost = measure(tmp_path, in_flight=16)

    assert 1 < cost.times_pixels <= MOST, cost  # less than its pixels: frames were not in flight, or not measured
