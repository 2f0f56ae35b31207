"""Augmentation: pictures in, pictures out, repeatable, and off where the recipe says so."""

import numpy as np

from inspector.preprocess import Preprocess
from tests.trainer.conftest import picture
from trainer import augment
from trainer.config import Augment

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
