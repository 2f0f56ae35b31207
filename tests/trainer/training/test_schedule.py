"""The schedule of a recipe: rate by batch, mixup, how often is evaluated and saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision.preprocess import Preprocess
from tests.trainer.conftest import write_folders, write_recipe
from trainer.data import augment
from trainer.recipe.learning import Augment, Training
from trainer.training.train import learning_rate
from trainer.weights import checkpoint


def test_a_rate_for_one_batch_is_scaled_linearly_to_another() -> None:
    how = Training(learning_rate=0.1, learning_rate_for_batch=256, batch_images=64, warmup_epochs=0, epochs=50)
    assert learning_rate(how, 0) == pytest.approx(0.025)
    assert learning_rate(how, 25) == pytest.approx(0.0125)
    assert Training(learning_rate=0.1, batch_images=33).peak_learning_rate == 0.1


def test_mixup_lays_each_picture_over_another_by_one_share() -> None:
    batch = np.arange(8, dtype=np.float32).reshape(8, 1, 1, 1) * np.ones((1, 1, 4, 4), np.float32)
    targets = np.arange(8)
    mixed = augment.mix(batch, targets, 0.2, np.random.default_rng(5))

    assert mixed.batch.dtype == np.float32 and 0 <= mixed.share <= 1
    assert np.array_equal(mixed.targets, targets) and sorted(mixed.others) == list(range(8))
    expected = mixed.share * mixed.targets + (1 - mixed.share) * mixed.others
    assert mixed.batch[:, 0, 2, 3] == pytest.approx(expected, abs=1e-5)


def test_it_learns_with_mixup_and_otherwise_than_without(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    write_folders(tmp_path / "data")
    recipe = write_recipe(tmp_path)
    run_json("prepare", "-c", recipe)

    result = run_json("train", "-c", recipe, "-o", "training.mixup=0.2")
    assert result["val_right"] >= 12  # of 15
    mixed = checkpoint.load(tmp_path / "run/last.npz").weights

    run_json("train", "-c", recipe)
    plain = checkpoint.load(tmp_path / "run/last.npz").weights
    assert not np.array_equal(mixed["fc.weight"], plain["fc.weight"])


def test_it_evaluates_and_saves_by_interval_and_keeps_the_best_of_what_was_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_json: Callable[..., Any]
) -> None:
    write_folders(tmp_path / "data", per_class=12)
    options = ["-c", write_recipe(tmp_path), "-o", "training.epochs=5",
               "-o", "training.eval_every_epochs=2", "-o", "training.save_every_epochs=3"]  # fmt: skip
    run_json("prepare", *options)
    saved: list[tuple[str, int, int | None]] = []
    save = checkpoint.save

    def noted(path: Path, meta: checkpoint.Meta, weights: checkpoint.Weights, *state: checkpoint.Weights) -> None:
        saved.append((path.name, meta.epoch, meta.metrics["val_right"]))
        save(path, meta, weights, *state)

    monkeypatch.setattr(checkpoint, "save", noted)
    result = run_json("train", *options)

    assert [epoch for name, epoch, _ in saved if name == "last.npz"] == [3, 5]
    best = [(epoch, right) for name, epoch, right in saved if name == "best.npz"]
    assert best[0][0] == 2 and {epoch for epoch, _ in best} <= {2, 4, 5}
    rights = [right for _, right in best if right is not None]
    assert len(rights) == len(best) and rights == sorted(rights)
    assert [right for name, epoch, right in saved if epoch == 3] == [None]  # saved, but not evaluated
    assert [right for name, epoch, right in saved if (name, epoch) == ("last.npz", 5)] == [result["val_right"]]


@pytest.mark.parametrize(("flip", "allowed"), [("left_right", {0, 1}), ("up_down", {0, 2}), (True, {0, 1, 2, 3})])
def test_pictures_are_flipped_only_as_the_recipe_says(flip: Any, allowed: set[int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32)).astype(np.uint8)
    ways = [pixels, pixels[:, ::-1], pixels[::-1], pixels[::-1, ::-1]]
    how = Augment(crop_min_share=1, flip=flip, brightness=0, contrast=0, noise_share=0, blur_share=0)
    tiles = augment.batch([pixels] * 60, Preprocess(32, 1, (0.5,), (0.25,)), how, np.random.default_rng(1))

    assert {next(i for i, way in enumerate(ways) if np.array_equal(way, tile)) for tile in tiles} == allowed


def test_a_crop_keeps_its_proportions_unless_the_recipe_gives_way() -> None:
    pixels = np.zeros((100, 100), np.uint8)
    rng = np.random.default_rng(0)

    def ratios(how: Augment) -> list[float]:
        return [cut.shape[1] / cut.shape[0] for cut in (augment._cut(pixels, how, rng) for _ in range(200))]

    assert all(ratio == 1 for ratio in ratios(Augment(crop_min_share=0.3)))
    stretched = ratios(Augment(crop_min_share=0.3, crop_aspect=4 / 3))
    assert min(stretched) < 0.85 and max(stretched) > 1.2
    assert all(0.7 < ratio < 1.4 for ratio in stretched)
