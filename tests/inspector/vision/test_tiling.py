"""Holds the cutting of frames: no pixel is left out, no tile leaves the frame, no tile is cut in vain."""

from itertools import pairwise

import numpy as np
import pytest

from inspector.vision.tiling import Tile, cut, cut_area


def frames(count: int) -> list[tuple[int, int, int, int]]:
    """Random (height, width, size, overlap), seeded."""
    random = np.random.default_rng(4)
    drawn = []
    for _ in range(count):
        size = int(random.integers(1, 120))
        drawn.append((int(random.integers(1, 400)), int(random.integers(1, 400)), size, int(random.integers(0, size))))
    return drawn


@pytest.mark.parametrize(("height", "width", "size", "overlap"), frames(150))
def test_every_pixel_is_in_a_tile_and_every_tile_in_the_frame(height: int, width: int, size: int, overlap: int) -> None:
    seen = np.zeros((height, width), int)

    for tile in cut(height, width, size, overlap):
        assert (tile.width, tile.height) == (min(size, width), min(size, height))
        assert 0 <= tile.x <= width - tile.width
        assert 0 <= tile.y <= height - tile.height
        seen[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1

    assert seen.min() >= 1


@pytest.mark.parametrize(("height", "width", "size", "overlap"), frames(60))
def test_neighbours_share_at_least_the_overlap_and_no_tile_stands_twice(
    height: int, width: int, size: int, overlap: int
) -> None:
    tiles = cut(height, width, size, overlap)

    assert len(set(tiles)) == len(tiles)
    columns = sorted({tile.x for tile in tiles})
    assert all(right - left <= size - overlap for left, right in pairwise(columns))


@pytest.mark.parametrize(("height", "width"), [(200, 200), (1, 1), (200, 199), (50, 50)])
def test_a_frame_no_larger_than_a_tile_is_one_tile(height: int, width: int) -> None:
    assert cut(height, width, 200) == (Tile(0, 0, width, height),)


def test_the_last_column_and_row_are_moved_inward() -> None:
    assert [(tile.x, tile.y) for tile in cut(250, 450, 200)] == [
        (0, 0), (200, 0), (250, 0), (0, 50), (200, 50), (250, 50),
    ]  # fmt: skip


def test_a_wide_frame_that_fits_exactly_has_no_tile_too_many() -> None:
    assert len(cut(400, 2000, 200)) == 20


@pytest.mark.parametrize("overlap", [-1, 10, 11])
def test_an_overlap_that_is_not_less_than_the_tile_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match="0 to 9 fits tiles of 10 px"):
        cut(50, 50, 10, overlap)


SHARED = [(0, 0, 0, False), (24, 0, 24, False), (0, 60, 60, False), (24, 999, 100, True), (120, 0, 120, True)]


@pytest.mark.parametrize(("least", "wanted", "shared", "pooled"), SHARED)
def test_views_share_what_is_wanted_up_to_a_half_and_what_the_model_needs(
    least: int, wanted: int, shared: int, pooled: bool
) -> None:
    made = cut_area(Tile(7, 9, 400, 200), 200, least, wanted)
    assert made == (cut(200, 400, 200, shared, 7, 9), pooled)


def test_an_area_that_is_0_wide_has_no_tiles() -> None:
    assert cut_area(Tile(0, 0, 0, 200), 200, 0, 100) == ((), False)
