"""Holds preprocessing: gray pixels to network input by the bundle's numbers, the same for one tile and for many."""

import cv2
import numpy as np
import pytest

from inspector.vision.preprocess import Preprocess, contrast
from tests.inspector.pictures import strip

GRAY = Preprocess(112, 1, (0.5,), (0.25,))


def test_every_pixel_is_scaled_by_mean_and_deviation() -> None:
    stack = np.array([[[0, 51], [128, 255]]], np.uint8)

    batch = Preprocess(2, 1, (0.2,), (0.4,)).normalise(stack)

    assert (batch.shape, batch.dtype) == ((1, 1, 2, 2), np.float32)
    assert batch[0, 0] == pytest.approx((stack[0] / 255 - 0.2) / 0.4, abs=1e-5)


def test_gray_is_repeated_with_the_numbers_of_each_channel() -> None:
    batch = Preprocess(8, 3, (0.1, 0.2, 0.3), (0.5, 0.25, 1.0)).normalise(np.full((4, 8, 8), 51, np.uint8))

    assert batch.shape == (4, 3, 8, 8)
    assert [batch[0, channel, 0, 0] for channel in range(3)] == pytest.approx([0.2, 0.0, -0.1], abs=1e-6)


def test_a_tile_of_the_right_size_is_not_touched() -> None:
    tile = strip(112, 112)

    assert GRAY.resize(tile) is tile


@pytest.mark.parametrize(("height", "width"), [(200, 200), (40, 300), (1000, 32), (112, 111)])
def test_any_tile_becomes_the_square_the_network_takes(height: int, width: int) -> None:
    resized = GRAY.resize(strip(height, width))

    assert (resized.shape, resized.dtype) == ((112, 112), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(200, 200), (40, 300), (1000, 32), (128, 128), (131, 257)])
def test_a_centre_crop_keeps_the_ratio_of_the_sides_and_takes_the_middle(height: int, width: int) -> None:
    tile = strip(height, width)
    short = 128 / min(height, width)
    whole = cv2.resize(tile, (round(width * short), round(height * short)))
    top, left = (whole.shape[0] - 112) // 2, (whole.shape[1] - 112) // 2

    cropped = Preprocess(112, 1, (0.5,), (0.25,), resize_short=128).resize(tile)

    assert (cropped == whole[top : top + 112, left : left + 112]).all()


def test_a_cut_out_view_gives_what_its_copy_gives() -> None:
    frame = strip(500, 700)
    view = frame[100:300, 333:533]

    assert (GRAY.resize(view) == GRAY.resize(view.copy())).all()


def test_one_tile_gives_what_it_gives_among_others() -> None:
    stack = np.stack([strip(112, 112, seed) for seed in range(7)])

    together = GRAY.normalise(stack)

    for number in range(7):
        assert (GRAY.normalise(stack[number : number + 1])[0] == together[number]).all()


def test_input_is_finite_whatever_the_pixels() -> None:
    for level in (0, 255):
        assert np.isfinite(GRAY.normalise(np.full((1, 112, 112), level, np.uint8))).all()


def test_contrast_is_nought_for_a_blank_tile_and_the_deviation_of_any_other() -> None:
    assert contrast(np.full((50, 50), 77, np.uint8)) == 0
    assert contrast(strip()) == pytest.approx(strip().std(), rel=1e-6)
