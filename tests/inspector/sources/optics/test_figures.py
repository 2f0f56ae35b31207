"""Holds what a picture says of its optics: each figure answers to what it is about, and to nothing else."""

import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.sources.optics.figures import OpticsSample, cell, likeness, measure
from inspector.vision.renderer.strip import render_strip
from inspector.vision.renderer.surface import FINISHES
from inspector.vision.tiling import Tile
from tests.measure.lens import picture

Pixels = NDArray[np.uint8]


def looked(pixels: Pixels) -> OpticsSample:
    """At the whole picture."""
    height, width = pixels.shape
    return measure(pixels, Tile(0, 0, width, height))


def with_noise(pixels: Pixels, levels: float) -> Pixels:
    """A sensor that is as noisy as that."""
    noise = np.random.default_rng(1).normal(0, levels, pixels.shape)
    return (pixels + noise).round().clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def strip() -> Pixels:
    return render_strip(3, 1024, 256).pixels


def test_brightness_is_the_mean_gray_level(strip: Pixels) -> None:
    assert looked(strip).figures.brightness == pytest.approx(strip.mean(), abs=0.01)


@pytest.mark.parametrize("finish", FINISHES)
def test_sharpness_falls_with_defocus(finish: str) -> None:
    rng = np.random.default_rng(4)
    blurs = [
        np.mean([looked(picture(rng, finish, blur_px=px)).figures.sharpness for _ in range(10)]) for px in (0, 1.5, 3)
    ]

    assert blurs[0] > 1.6 * blurs[1] > 1.6 * 1.1 * blurs[2]


def test_sharpness_and_contrast_do_not_answer_to_light_nor_to_noise(strip: Pixels) -> None:
    calm = looked(strip).figures
    for changed in (with_noise(strip, 2), (strip * 0.6).astype(np.uint8)):
        figures = looked(changed).figures
        assert figures.sharpness == pytest.approx(calm.sharpness, rel=0.15)
        assert figures.contrast == pytest.approx(calm.contrast, rel=0.1)


def test_haze_takes_contrast(strip: Pixels) -> None:
    hazy = (strip * 0.3 + 100).astype(np.uint8)

    assert looked(hazy).figures.contrast < 0.5 * looked(strip).figures.contrast


def test_saturation_is_the_share_of_clipped_pixels(strip: Pixels) -> None:
    clipped = strip.copy()
    clipped[:, :256] = 255
    clipped[:, 256:384] = 0

    assert looked(clipped).figures.saturation - looked(strip[:, 384:]).figures.saturation == pytest.approx(
        0.375, abs=0.01
    )


@pytest.mark.parametrize(
    ("pixels", "blank"),
    [
        (np.zeros((64, 64), np.uint8), "black"),
        (np.full((64, 64), 255, np.uint8), "white"),
        (np.full((64, 64), 79, np.uint8), "without contrast"),
        (with_noise(np.full((64, 64), 3, np.uint8), 2), "black"),
    ],
)
def test_a_picture_that_shows_nothing_is_blank(pixels: Pixels, blank: str) -> None:
    assert looked(pixels).blank == blank


@pytest.mark.parametrize("finish", FINISHES)
def test_no_strip_is_blank(finish: str) -> None:
    rng = np.random.default_rng(5)
    assert [looked(picture(rng, finish, gain=gain)).blank for gain in (0.5, 1.0)] == ["", ""]


def test_only_what_is_inspected_counts(strip: Pixels) -> None:
    beside = np.hstack([np.zeros((256, 512), np.uint8), strip])

    assert measure(beside, Tile(512, 0, 1024, 256)).figures == looked(strip).figures


def test_the_same_strip_again_is_alike_through_noise_and_flicker_and_another_is_not(strip: Pixels) -> None:
    again, brighter = with_noise(strip, 2), (strip * 1.05).clip(0, 255).astype(np.uint8)
    moved, other = np.roll(strip, 40, axis=0), render_strip(4, 1024, 256).pixels

    assert likeness(looked(strip), looked(strip)) == 1
    assert likeness(looked(strip), looked(again)) > 0.8
    assert likeness(looked(strip), looked(brighter)) > 0.8
    assert likeness(looked(strip), looked(moved)) < 0.5
    assert likeness(looked(strip), looked(other)) < 0.5
    assert likeness(looked(strip), looked(strip[:, :512])) == 0


@pytest.mark.parametrize(
    ("height", "width"), [(32, 32), (200, 200), (64, 4096), (1024, 4096), (1024, 16_384), (16_384, 33)]
)
def test_cells_cover_pictures_of_any_size_and_are_their_mean(height: int, width: int) -> None:
    ramp = np.tile(np.linspace(10, 240, width).astype(np.uint8), (height, 1))
    cells = looked(ramp).cells
    along, across = cell(height, width)

    assert cells.shape[0] <= 64
    assert cells.shape[1] <= 256
    assert len(cells) * along <= height + along
    assert cells.shape[1] == width // across
    assert cells[:, 0] == pytest.approx(ramp[0, :across].mean(), abs=0.6)
    assert cells[:, -1] == pytest.approx(ramp[0, (width // across - 1) * across :][:across].mean(), abs=0.6)


@pytest.mark.parametrize(("height", "width"), [(200, 200), (1024, 4096), (1024, 16_384)])
def test_a_look_costs_a_millisecond_or_so_whatever_the_size(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    costs = []
    for _ in range(15):
        began = time.thread_time()
        likeness(looked(pixels), looked(pixels))
        costs.append((time.thread_time() - began) / 2)
    cv2.setNumThreads(threads)

    assert min(costs) < 0.003  # 1 ms on an idle core; a busy one takes longer for the same
