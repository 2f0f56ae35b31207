"""Copies of whole pictures: found however they were saved, and strangers that look alike are not linked."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.vision import image
from inspector.vision.renderer.strip import render_image
from tests.trainer.conftest import NEU, needs_neu
from trainer.data.duplicates.near_duplicates import Copy, find_copies
from trainer.data.duplicates.overlapping_crops import find_overlaps
from trainer.data.groups import groups

Gray = NDArray[np.uint8]
KINDS = ("ok", "crazing", "scratches", "patches")


@pytest.fixture(scope="module")
def pictures() -> list[Gray]:
    return [render_image(kind, seed).pixels for kind in KINDS for seed in range(15)]


def jpeg(pixels: Gray) -> Gray:
    return cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_GRAYSCALE)


def half(pixels: Gray) -> Gray:
    return cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def flatter(pixels: Gray) -> Gray:
    return (pixels * 0.7 + 20).astype(np.uint8)


def noisier(pixels: Gray) -> Gray:
    return np.clip(pixels + np.random.default_rng(1).normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [jpeg, half, flatter, noisier])
def test_a_copy_is_found_however_it_was_saved(pictures: list[Gray], change: object) -> None:
    changed = [change(pixels) for pixels in pictures]  # type: ignore[operator]
    found = find_copies(pictures + changed)
    assert [(copy.first, copy.second) for copy in found] == [(n, n + len(pictures)) for n in range(len(pictures))]
    assert all(0.6 <= copy.similarity < 1 for copy in found)


def test_the_same_pixels_are_a_copy_of_similarity_1_and_near_copies_of_it_are_in_the_group(
    pictures: list[Gray],
) -> None:
    images = [*pictures[:3], pictures[1], jpeg(pictures[1]), pictures[1].copy()]

    found = find_copies(images)

    assert [copy for copy in found if copy.similarity == 1] == [Copy(1, 3, 1.0), Copy(3, 5, 1.0)]
    assert groups(6, found) == [0, 1, 2, 1, 1, 1]


def test_strangers_of_one_kind_and_one_lighting_are_no_copies(pictures: list[Gray]) -> None:
    shade = np.add.outer(np.linspace(0, 80, 200), np.linspace(0, 40, 200))
    lit = [np.clip(pixels * 0.5 + shade, 0, 255).astype(np.uint8) for pixels in pictures]
    assert find_copies(pictures) == []
    assert find_copies(lit) == []


def test_one_scratch_at_the_same_place_makes_no_copy() -> None:
    images = [np.random.default_rng(seed).normal(100, 12, (200, 200)).astype(np.uint8) for seed in range(5)]
    for pixels in images:
        pixels[:, 90:102] = 255
    assert find_copies(images) == []


def test_blank_pictures_are_copies_only_where_every_pixel_is_the_same() -> None:
    blank = [np.full((40, 40), level, np.uint8) for level in (0, 0, 255, 254)]
    assert find_copies(blank) == [Copy(0, 1, 1.0)]
    assert find_copies([]) == []


def test_many_near_copies_are_one_group_and_take_no_quadratic_time(pictures: list[Gray]) -> None:
    rng = np.random.default_rng(2)
    noise = [rng.integers(-3, 4, (200, 200)) for _ in range(10)]
    images = [np.clip(pictures[n % 2] + noise[n % 10] + n // 10 % 5, 0, 255).astype(np.uint8) for n in range(120)]

    found = find_copies(images)

    assert len(found) <= 120 * 17
    assert groups(120, found) == [0, 1] * 60


@needs_neu
def test_of_neu_the_one_exact_copy_is_found_and_hardly_a_near_one() -> None:
    names = [f"Pa/Pa_{n}.bmp" for n in range(90, 120)] + [f"Sc/Sc_{n}.bmp" for n in range(100, 125)]
    found = find_copies([image.read(NEU / name) for name in names])
    assert [(names[copy.first], names[copy.second]) for copy in found if copy.similarity == 1] == [
        ("Pa/Pa_101.bmp", "Pa/Pa_105.bmp")
    ]
    assert len(found) <= 2


@needs_neu
def test_of_neu_one_place_taken_twice_is_a_near_copy_that_shares_no_pixels() -> None:
    images = [image.read(NEU / f"ln/In_{n}.bmp") for n in (188, 210, 211)]
    assert [(copy.first, copy.second) for copy in find_copies(images)] == [(0, 1)]
    assert find_overlaps(images[:2]) == []
