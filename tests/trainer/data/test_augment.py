"""Augmentation: pictures in, pictures out, repeatable, and off where the recipe says so."""

from typing import Any

import numpy as np
import pytest

from inspector.vision.preprocess import Preprocess
from tests.trainer.conftest import picture
from trainer.data import augment
from trainer.recipe.learning import Augment

PREPROCESS = Preprocess(32, 1, (0.5,), (0.25,))
OFF = Augment(crop_min_share=1, flip=False, brightness=0, contrast=0, noise_share=0, blur_share=0)


def test_the_same_generator_state_gives_the_same_batch_and_another_does_not() -> None:
    pictures = [picture("Sc", seed, side) for seed, side in enumerate((48, 64, 200))]
    first, again, other = (
        augment.batch(pictures, PREPROCESS, Augment(), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )

    assert first.shape == (3, 32, 32) and first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_switched_off_it_is_the_inspectors_resize() -> None:
    pixels = picture("Sc", 1, 64)
    (tile,) = augment.batch([pixels], PREPROCESS, OFF, np.random.default_rng(0))
    assert (tile == PREPROCESS.resize(pixels)).all()


def test_the_pictures_in_memory_are_left_as_they_are() -> None:
    for side in (32, 64):  # 32 is the network's own size: nothing is resized, so a view could be written through
        pixels = picture("Sc", 1, side)
        before = pixels.copy()
        augment.batch([pixels] * 8, PREPROCESS, Augment(blur_share=1, noise_share=1), np.random.default_rng(0))
        assert (pixels == before).all()


@pytest.mark.parametrize(
    "change",
    [
        {"blur_px": 9, "blur_share": 1},
        {"blur_px": 0, "defocus_px": 3, "blur_share": 1},
        {"exposure": 0.5},
        {"gradient": 0.4},
        {"noise_share": 1},
        {"noise_levels": 0, "noise_share": 1, "stripe_levels": 40},
        {"noise_levels": 0, "noise_share": 1, "specks": 20},
    ],
    ids=lambda change: " ".join(change),
)
def test_each_setting_changes_the_picture_by_itself(change: dict[str, Any]) -> None:
    how = Augment.model_validate(OFF.model_dump() | change)
    pixels = picture("Sc", 1, 64)
    (tile,) = augment.batch([pixels], PREPROCESS, how, np.random.default_rng(0))
    assert (tile != PREPROCESS.resize(pixels)).any()


def test_light_from_one_side_brightens_that_side_and_darkens_the_other() -> None:
    flat = np.full((64, 64), 120, np.uint8)
    how = Augment.model_validate(OFF.model_dump() | {"gradient": 0.4})
    for seed in range(8):
        (tile,) = augment.batch([flat], PREPROCESS, how, np.random.default_rng(seed))
        corners = tile[[0, 0, -1, -1], [0, -1, 0, -1]].astype(float)
        assert corners.max() >= 120 >= corners.min()
        assert abs(tile.mean() - 120) < 2
