"""Features of pictures: as the layer computes them, copies after the originals, the same for the same seed."""

import numpy as np
import pytest

from inspector.vision.preprocess import Preprocess
from tests.trainer import lite0_reference as reference
from tests.trainer.networks.test_efficientnet_lite0 import gray, scores
from trainer import paddle_runtime
from trainer.recipe.learning import Augment


@pytest.fixture(scope="module")
def parts() -> tuple[object, object, Preprocess]:
    """The layer, its extractor, and their preprocessing; weights that mean nothing."""
    paddle_runtime.start(0)
    from trainer.networks import efficientnet_lite0, feature_extractor

    layer = efficientnet_lite0.front(efficientnet_lite0.converted(reference.random_state(1)))
    preprocess = Preprocess(64, 1, (efficientnet_lite0.MEAN,), (efficientnet_lite0.STD,))
    return layer, feature_extractor.Extractor(layer, preprocess), preprocess


def test_the_engine_computes_what_the_layer_does(parts: tuple, capfd: pytest.CaptureFixture[str]) -> None:  # type: ignore[type-arg]
    layer, extractor, preprocess = parts
    pictures = list(gray(11, 100))
    capfd.readouterr()
    got = extractor.features(pictures)
    assert capfd.readouterr().out == ""
    expected = scores(layer, preprocess.normalise(np.stack([preprocess.resize(pixels) for pixels in pictures])))
    assert got.shape == expected.shape and got.dtype == np.float32
    assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


def test_originals_come_first_then_each_round_of_copies(parts: tuple) -> None:  # type: ignore[type-arg]
    extractor = parts[1]
    pictures = list(gray(10, 80))
    plain, copied = extractor.features(pictures), extractor.features(pictures, copies=2, seed=3)
    assert copied.shape == (30, plain.shape[1])
    assert (copied[:10] == plain).all()
    assert np.abs(copied[10:20] - copied[20:]).max() > 0


def test_the_seed_and_the_settings_make_the_copies(parts: tuple) -> None:  # type: ignore[type-arg]
    extractor, pictures = parts[1], list(gray(9, 80))
    first, again, other = (extractor.features(pictures, 1, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()
    still = Augment(crop_min_share=1, flip=False, brightness=0, contrast=0, noise_share=0, blur_share=0)
    unchanged = extractor.features(pictures, 1, how=still)
    assert np.abs(unchanged[9:] - unchanged[:9]).max() < 1e-4


def test_turned_pictures_come_after_the_originals(parts: tuple) -> None:  # type: ignore[type-arg]
    extractor, pictures = parts[1], list(gray(8, 64))
    turned = extractor.features([np.ascontiguousarray(np.rot90(pixels)) for pixels in pictures])
    still = Augment(crop_min_share=1, flip=False, brightness=0, contrast=0, noise_share=0, blur_share=0)
    rounds = extractor.features(pictures, 2, turns=True, how=still).reshape(4, 8, -1)
    for got, expected in zip(rounds, (rounds[0], turned, rounds[0], rounds[0]), strict=True):
        assert np.abs(got - expected).max() < 1e-4
