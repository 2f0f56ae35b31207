"""Holds the contract of a predictor, one suite for the fake and for Paddle's, and the golden check."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.errors import BundleError
from inspector.vision import bundle, predictor
from inspector.vision.bundle import Bundle, Golden
from inspector.vision.predictor import FakePredictor, PaddlePredictor, Predictor
from tests import fakes
from tests.inspector.pictures import strip

#: A bundle that Paddle can run; without one its half of the suite is skipped by name.
REAL = Path(os.environ.get("STRIP_INSPECTOR_TEST_BUNDLE", bundle.DEFAULT))


@pytest.fixture(scope="module", params=["fake", "paddle"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle for each engine."""
    if request.param == "fake":
        return fakes.make_bundle(tmp_path_factory.mktemp("fake") / "model")
    if not REAL.exists():
        pytest.skip(f"no bundle for Paddle at {REAL}")
    return bundle.load(REAL)


@pytest.fixture(scope="module")
def engine(model: Bundle) -> Iterator[Predictor]:
    """The engine that runs it."""
    yield FakePredictor(model) if model.manifest.name == "fake" else PaddlePredictor(model)


def batch(model: Bundle, count: int) -> np.ndarray[Any, Any]:
    """Network input of `count` different tiles."""
    tiles = [model.preprocess.resize(strip(200, 200, seed)) for seed in range(count)]
    return model.preprocess.normalise(np.stack(tiles))


@pytest.mark.parametrize("count", [1, 3, 16])
def test_each_tile_gets_a_number_for_each_output(engine: Predictor, model: Bundle, count: int) -> None:
    logits = engine.run(batch(model, count))

    assert (logits.shape, logits.dtype) == ((count, model.outputs), np.float32)
    assert np.isfinite(logits).all()


def test_a_tile_scores_the_same_alone_among_others_and_above_padding(engine: Predictor, model: Bundle) -> None:
    tiles = batch(model, 5)
    together = engine.run(tiles)

    padded = np.concatenate([tiles, np.full_like(tiles[:3], 7)])
    scale = np.abs(together).max()
    assert np.abs(engine.run(padded)[:5] - together).max() <= 1e-4 * scale
    for number in range(5):
        assert np.abs(engine.run(tiles[number : number + 1])[0] - together[number]).max() <= 1e-4 * scale


def test_the_same_batch_gives_the_same_scores_again(engine: Predictor, model: Bundle) -> None:
    tiles = batch(model, 4)
    kept = engine.run(tiles).copy()
    engine.run(tiles[::-1].copy())

    assert (engine.run(tiles) == kept).all()


def test_scores_once_given_do_not_change_under_a_later_run(engine: Predictor, model: Bundle) -> None:
    first = engine.run(batch(model, 2))
    kept = first.copy()
    engine.run(np.zeros_like(batch(model, 2)))

    assert (first == kept).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda tiles: tiles[:, :, :-1],
        lambda tiles: tiles[:, :, :, :-8],
        lambda tiles: np.concatenate([tiles, tiles], axis=1),
        lambda tiles: tiles[:0],
        lambda tiles: tiles[0],
        lambda tiles: tiles.astype(np.float64),
        lambda tiles: (tiles * 50).astype(np.uint8),
    ],
)
def test_a_batch_of_another_shape_or_type_is_refused_and_the_next_one_served(
    engine: Predictor, model: Bundle, change: Any
) -> None:
    tiles = batch(model, 2)

    with pytest.raises(ValueError, match="is needed"):
        engine.run(change(tiles))

    assert len(engine.run(tiles)) == 2


def test_every_bucket_is_warmed(engine: Predictor, model: Bundle) -> None:
    predictor.warm(engine, model, 6)


def test_golden_images_score_what_the_bundle_promises(engine: Predictor, model: Bundle, tmp_path: Path) -> None:
    # Given a bundle whose golden logits are those of this engine, and one where a single logit is another
    images = np.stack([strip(200, 200, seed) for seed in (1, 2, 3)])
    logits = engine.run(model.preprocess.normalise(np.stack([model.preprocess.resize(image) for image in images])))
    program, parameters = model.path / bundle.PROGRAM, model.path / bundle.PARAMETERS
    changed = logits.copy()
    changed[1, 2] += 0.05 * np.abs(logits[1]).max()
    good = bundle.save(tmp_path / "good", model.manifest, program, parameters, Golden(images, logits))
    wrong = bundle.save(tmp_path / "wrong", model.manifest, program, parameters, Golden(images, changed))
    # When they are checked, then the first passes and the second is refused with its path
    assert predictor.check_golden(engine, good) < 1e-4
    with pytest.raises(BundleError, match=r"wrong: golden images score 0\.05\d* off"):
        predictor.check_golden(engine, wrong)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_golden_logits_that_are_no_numbers_are_never_right(
    engine: Predictor, model: Bundle, tmp_path: Path, bad: float
) -> None:
    images = np.stack([strip(200, 200)])
    program, parameters = model.path / bundle.PROGRAM, model.path / bundle.PARAMETERS
    golden = Golden(images, np.full((1, model.outputs), bad, np.float32))

    with pytest.raises(BundleError, match="golden images score"):
        predictor.check_golden(engine, bundle.save(tmp_path / "b", model.manifest, program, parameters, golden))


def test_golden_images_of_a_bundle_for_another_network_are_refused(model: Bundle, tmp_path: Path) -> None:
    engine = FakePredictor(model)
    golden = Golden(np.stack([strip(200, 200)]), np.ones((1, model.outputs + 1), np.float32))
    program, parameters = model.path / bundle.PROGRAM, model.path / bundle.PARAMETERS

    with pytest.raises(BundleError, match="golden"):
        predictor.check_golden(engine, bundle.save(tmp_path / "b", model.manifest, program, parameters, golden))


def test_a_program_with_fewer_outputs_than_labels_is_refused(engine: Predictor, model: Bundle) -> None:
    if isinstance(engine, FakePredictor):
        pytest.skip("the fake has as many outputs as the bundle has labels")
    fewer = model.manifest.model_copy(update={"labels": model.labels[:-1]})

    with pytest.raises(BundleError, match="outputs"):
        PaddlePredictor(replace(model, manifest=fewer)).run(batch(model, 1))


def test_a_program_paddle_cannot_open_is_a_bundle_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Paddle cannot open the program"):
        PaddlePredictor(fakes.make_bundle(tmp_path / "model"))


def test_padding_goes_to_the_next_power_of_two_or_the_limit() -> None:
    assert list(predictor.buckets(16)) == [1, 2, 4, 8, 16]
    assert list(predictor.buckets(12)) == [1, 2, 4, 8, 12]
    assert list(predictor.buckets(1)) == [1]
    assert [predictor.padded(count, 12) for count in (1, 2, 3, 5, 8, 9, 12)] == [1, 2, 4, 8, 8, 12, 12]
