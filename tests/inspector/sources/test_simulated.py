"""Holds the simulated camera: the same seed the same strip, at its rate, and nothing to do once it is finished."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from inspector.settings.sources.simulated import SimulatedSourceSettings
from inspector.sources.connector import Capture
from inspector.sources.simulated import Simulated
from inspector.vision.renderer.strip import DEFECTS


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def camera(clock: Clock, **changes: Any) -> Simulated:
    """A camera that is connected."""
    connector = Simulated(SimulatedSourceSettings(name="camera", type="simulated", **changes), clock)
    assert connector.open() == []
    return connector


def frames(count: int, **changes: Any) -> list[Capture]:
    """The first frames of a camera that is asked when each is due."""
    clock = Clock()
    connector = camera(clock, **changes)
    captures = []
    for _ in range(count):
        clock.now += connector.due_ms() / 1000 + 1e-9
        captures.append(connector.read())
    return [capture for capture in captures if capture is not None]


def test_frames_come_at_the_rate_and_not_before() -> None:
    clock = Clock()
    connector = camera(clock, rate_fps=10)

    assert connector.read() is not None
    assert connector.read() is None
    assert connector.due_ms() == pytest.approx(100)
    clock.now += 0.0999
    assert connector.read() is None
    clock.now += 0.0002
    assert connector.read() is not None


def test_a_camera_asked_late_has_missed_nothing() -> None:
    clock = Clock()
    connector = camera(clock, rate_fps=10)
    clock.now += 0.55

    assert sum(connector.read() is not None for _ in range(10)) == 6


def test_the_same_seed_gives_the_same_strip_and_another_another() -> None:
    one, same, other = (frames(5, seed=seed, defect_rate=0.5) for seed in (3, 3, 4))

    for first, second, third in zip(one, same, other, strict=True):
        assert first.name == second.name
        assert (first.pixels == second.pixels).all()
        assert (first.pixels != third.pixels).any()


def test_every_frame_has_an_id_of_its_own_also_after_a_restart() -> None:
    captures = frames(20) + frames(20)

    assert len({capture.frame for capture in captures}) == 40


def test_names_tell_what_is_shown_and_defects_come_as_often_as_asked() -> None:
    names = [capture.name.partition("-") for capture in frames(200, defect_rate=0.3, width_px=64, height_px=64)]

    assert [int(number) for number, _, _ in names] == list(range(200))
    labels = [label for _, _, label in names]
    assert 30 <= sum(label in DEFECTS for label in labels) <= 90
    assert set(labels) == {"ok", *DEFECTS}
    assert all(name.endswith("-ok") for name in (capture.name for capture in frames(20, defect_rate=0)))


@pytest.mark.parametrize(("width", "height"), [(200, 200), (800, 300)])
def test_frames_have_the_size_asked_for(width: int, height: int) -> None:
    (capture,) = frames(1, width_px=width, height_px=height)

    assert capture.pixels is not None
    assert (capture.pixels.shape, capture.pixels.dtype) == ((height, width), np.uint8)


def test_times_never_go_back() -> None:
    captures = frames(10)

    assert all(one.captured_mono <= two.captured_mono for one, two in pairwise(captures))


def test_a_finished_camera_gives_nothing_and_keeps_nobody_awake() -> None:
    clock = Clock()
    connector = camera(clock, rate_fps=100, frames=3)
    clock.now += 10

    assert sum(connector.read() is not None for _ in range(10)) == 3
    assert connector.due_ms() > 1000
