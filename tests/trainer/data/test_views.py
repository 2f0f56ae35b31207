"""What the network sees: smaller crops while it learns than when it is judged, and turned pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision import bundle
from tests.trainer.conftest import picture, tiny_recipe, write_folders, write_recipe
from trainer.data import augment
from trainer.data.dataset import Dataset, preprocess_of
from trainer.data.manifest import Row
from trainer.evaluation import evaluate
from trainer.recipe.learning import Augment
from trainer.recipe.recipe import Recipe
from trainer.training.batches import Feed
from trainer.training.distributed import Ranks

STILL = {"crop_min_share": 1, "flip": False, "brightness": 0, "contrast": 0, "noise_share": 0, "blur_share": 0}


def feed_of(folder: Path, **changes: Any) -> Feed:
    """Sixteen pictures of one size, half of them `scratches`, in batches of eight."""
    recipe = Recipe.model_validate(tiny_recipe(folder, **changes))
    images = tuple(picture("Sc", seed, 32) for seed in range(16))
    rows = tuple(Row(f"{seed}.png", ("ok", "scratches")[seed % 2], "train", "neu") for seed in range(16))
    data = Dataset(images, np.arange(16) % 2, rows, ())
    return Feed(data, recipe, preprocess_of(recipe.network), Ranks(0, 1))


def test_it_learns_from_crops_of_one_size_and_is_judged_at_another(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, training={"batch_images": 8, "size_px": 24})
    assert [part.batch.shape for batch in feed.epoch(0) for part in batch] == [(8, 1, 24, 24)] * 2


def test_only_the_pictures_of_labels_that_the_recipe_names_are_turned(tmp_path: Path) -> None:
    training = {"batch_images": 8}
    plain = list(feed_of(tmp_path, training=training, augment=STILL).epoch(0))
    turned = list(feed_of(tmp_path, training=training, augment=STILL | {"turn": {"scratches": 1}}).epoch(0))

    for (before,), (after,) in zip(plain, turned, strict=True):
        for was, now, label in zip(before.batch[:, 0], after.batch[:, 0], before.targets, strict=True):
            assert np.array_equal(now, np.rot90(was) if label else was)


def test_a_share_of_the_pictures_is_turned() -> None:
    pixels = picture("Sc", 1)
    turned = augment.turned([pixels] * 400, [0.25] * 400, np.random.default_rng(0))
    count = sum(not np.array_equal(view, pixels) for view in turned)
    assert 70 < count < 130


def test_a_crop_is_between_the_least_and_the_largest_share() -> None:
    rng, how = np.random.default_rng(0), Augment(crop_min_share=0.5, crop_max_share=0.7)
    sides = [augment._cut(np.zeros((100, 100), np.uint8), how, rng).shape[0] for _ in range(200)]
    assert min(sides) in range(50, 53) and max(sides) in range(68, 71)


def test_copies_for_the_reject_model_show_steel_as_large_as_training_does(tmp_path: Path) -> None:
    sizes = {"network": {"size_px": 160}, "training": {"size_px": 128}}
    how = Recipe.model_validate(tiny_recipe(tmp_path, **sizes, augment={"crop_min_share": 0.4, "crop_max_share": 0.9}))
    assert how.judged_augment.crop_min_share == pytest.approx(0.5)
    assert how.judged_augment.crop_max_share == 1.0  # no more than the whole picture
    assert how.judged_augment.contrast == how.augment.contrast


def test_the_bundle_of_such_a_network_scores_as_its_checkpoint(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    write_folders(tmp_path / "data")
    network = {"width": 0.125, "size_px": 40}
    training = {"epochs": 1, "batch_images": 8, "warmup_epochs": 0, "size_px": 32}
    recipe = write_recipe(tmp_path, network=network, training=training, novelty={"strangers": 32})
    for command in ("prepare", "train", "eval"):
        run_json(command, "-c", recipe)
    run_json("export", "-c", recipe, "--force")  # of one epoch: no better than guessing

    assert bundle.load(tmp_path / "run/bundle").manifest.input.size == 40
    runs, _ = evaluate.open_bundle(tmp_path / "run/bundle")
    trained = evaluate.open_checkpoint(tmp_path / "run/last.npz")
    pictures = [picture(kind, 7000 + seed) for kind in ("clean", "Sc", "patches") for seed in range(5)]
    scores = runs.scores(pictures)
    assert scores.shape == (15, 4)  # three labels and the novelty
    assert np.allclose(scores, trained.scores(pictures), atol=1e-4)
