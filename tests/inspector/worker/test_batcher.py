"""Holds batching: full or old enough, whole frames, oldest first, and suspects alone."""

import numpy as np

from inspector.protocol.frames import Frame
from inspector.vision.decision import DecisionRules
from inspector.worker.batcher import Batcher, views
from inspector.worker.recipes import Choice
from tests.inspector.pictures import strip
from tests.inspector.verdicts import frame_of

CHOICE = Choice("", DecisionRules((), 1.0, (), 0.0))


def frame(number: int, height: int = 200, width: int = 200, attempt: int = 1) -> Frame:
    """A frame of so many pixels."""
    name = f"{number}.bmp"
    return frame_of(frame=f"frame-{number}", name=name, sequence=number, height=height, width=width, attempt=attempt)


def filled(*frames: Frame, max_batch: int = 4, max_wait_ms: float = 10, now: float = 100.0) -> Batcher:
    """A batcher with these frames, all come at `now`."""
    batcher = Batcher(max_batch, max_wait_ms, tile_px=200)
    for one in frames:
        batcher.add(one, np.zeros((one.header.height, one.header.width), np.uint8), CHOICE, now)
    return batcher


def taken(batcher: Batcher) -> list[int]:
    """The numbers of the next batch."""
    return [job.frame.header.sequence for job in batcher.take()]


def test_nothing_is_due_while_nothing_waits() -> None:
    assert filled().due_ms(0.0) is None
    assert filled().take() == []


def test_a_full_batch_goes_at_once() -> None:
    assert filled(*map(frame, range(4))).due_ms(100.0) == 0


def test_a_batch_that_does_not_fill_waits_for_its_oldest_frame_only() -> None:
    batcher = filled(frame(0))
    batcher.add(frame(1), np.zeros((200, 200), np.uint8), CHOICE, 100.009)

    assert 0.9 < (batcher.due_ms(100.009) or 0) < 1.1
    assert (batcher.due_ms(100.0101) or 0) < 0
    assert taken(batcher) == [0, 1]
    assert batcher.due_ms(100.02) is None


def test_frames_beyond_the_batch_stay_for_the_next() -> None:
    batcher = filled(*map(frame, range(6)))

    assert (taken(batcher), len(batcher), taken(batcher), len(batcher)) == ([0, 1, 2, 3], 2, [4, 5], 0)


def test_a_frame_is_never_split_between_batches() -> None:
    # Tiles: 1, 3, 2, 1.
    batcher = filled(frame(0), frame(1, width=600), frame(2, width=400), frame(3))

    assert [taken(batcher) for _ in range(3)] == [[0, 1], [2, 3], []]


def test_a_frame_of_more_tiles_than_a_batch_goes_alone() -> None:
    batcher = filled(frame(0, width=2000), frame(1))

    assert batcher.due_ms(100.0) == 0
    assert [taken(batcher) for _ in range(2)] == [[0], [1]]


def test_a_frame_that_is_tried_again_goes_at_once_and_alone() -> None:
    batcher = filled(frame(0), frame(1, attempt=2), frame(2, attempt=3), frame(3))

    assert [taken(batcher) for _ in range(4)] == [[0], [1], [2], [3]]
    assert filled(frame(0, attempt=2), max_wait_ms=10_000).due_ms(100.0) == 0


def test_the_views_are_the_pixels_of_the_tiles_in_order_and_no_copies() -> None:
    batcher = Batcher(16, 10, tile_px=200)
    pixels = strip(200, 450)
    batcher.add(frame(0, width=450), pixels, CHOICE, 0.0)
    batcher.add(frame(1, height=100), pixels[:100, :200], CHOICE, 0.0)

    parts = list(views(batcher.take()))

    assert [part.shape for part in parts] == [(200, 200), (200, 200), (200, 200), (100, 200)]
    assert (parts[2] == pixels[:, 250:450]).all()
    assert all(np.shares_memory(part, pixels) for part in parts)


def test_every_frame_comes_out_once_whatever_their_sizes() -> None:
    random = np.random.default_rng(1)
    frames = [frame(n, width=int(random.integers(1, 1500)), attempt=int(random.integers(1, 3))) for n in range(200)]
    batcher = filled(*frames)

    out: list[int] = []
    while len(batcher):
        jobs = batcher.take()
        assert len(jobs) == 1 or sum(len(job.tiles) for job in jobs) <= 4
        assert len(jobs) == 1 or all(job.frame.header.attempt == 1 for job in jobs)
        out += [job.frame.header.sequence for job in jobs]

    assert out == list(range(200))
    assert batcher.due_ms(1e9) is None


def test_tiles_overlap_as_far_as_they_are_told_to() -> None:
    # Given a model that sees the middle 100 px of each 200 px view
    batcher = Batcher(64, 10, tile_px=200, overlap_px=100)
    batcher.add(frame(0, 300, 1000), np.zeros((300, 1000), np.uint8), CHOICE, 100.0)
    # When a frame is cut
    [job] = batcher.take()
    # Then every pixel but the frame's own border is in the middle of a tile
    seen = np.zeros((300, 1000), bool)
    for tile in job.tiles:
        seen[tile.y + 50 : tile.y + 150, tile.x + 50 : tile.x + 150] = True
    assert seen[50:250, 50:950].all()


def test_a_source_may_have_its_tiles_share_more_than_the_model_needs_but_never_more_than_half() -> None:
    for wanted, step in ((0, 160), (20, 160), (80, 120), (500, 100)):
        batcher = Batcher(64, 10, tile_px=200, overlap_px=40)
        batcher.add(frame(0, 200, 1000), np.zeros((200, 1000), np.uint8), CHOICE, 100.0, overlap_px=wanted)
        [job] = batcher.take()
        assert job.tiles[1].x == step
