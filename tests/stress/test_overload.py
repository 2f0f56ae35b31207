"""The short form of `make overload`: a camera three times as fast as the workers, judged by what its film holds."""

from pathlib import Path

from tests.stress.overload import overload


def test_a_camera_three_times_too_fast_costs_counted_frames_and_neither_memory_nor_time(tmp_path: Path) -> None:
    outcome = overload(tmp_path, seconds=4)

    assert outcome.problems == [], outcome
    assert outcome.recorded + outcome.dropped == outcome.frames
