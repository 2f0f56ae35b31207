"""Training: learns an easy task, repeatably, and leaves whole checkpoints that explain themselves."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.conftest import LABELS, write_folders, write_recipe
from trainer.cli import main
from trainer.data import manifest
from trainer.recipe.learning import Training
from trainer.training.train import learning_rate
from trainer.weights import checkpoint


def test_an_easy_task_is_learned_within_seconds(finished: Path) -> None:
    saved = checkpoint.load(finished / "run" / "last.npz")

    assert saved.meta.metrics["val_right"] >= 14  # of 15
    assert saved.meta.metrics["val_images"] == 15


def test_a_checkpoint_explains_itself(finished: Path) -> None:
    meta = checkpoint.load(finished / "run" / "last.npz").meta

    assert meta.epoch == 8
    assert [label.name for label in meta.labels] == ["ok", "scratches", "patches"]
    assert meta.recipe.network.width == 0.125
    assert len(meta.data_fingerprint) == 64
    assert meta.versions["paddle"].startswith("3.")


def test_the_best_checkpoint_is_not_worse_on_validation_than_the_last(finished: Path) -> None:
    best, last = (checkpoint.load(finished / "run" / f"{name}.npz").meta for name in ("best", "last"))
    assert best.metrics["val_right"] >= last.metrics["val_right"]
    assert best.epoch <= last.epoch


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    write_folders(tmp_path / "data", per_class=12)
    recipe = str(write_recipe(tmp_path))
    assert main(["prepare", "-c", recipe]) == 0

    def weights(seed: int) -> checkpoint.Weights:
        assert main(["train", "-c", recipe, "-o", "training.epochs=1", "-o", f"seed={seed}"]) == 0
        return checkpoint.load(tmp_path / "run" / "last.npz").weights

    first, again, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_it_trains_without_a_validation_part(tmp_path: Path, run_json: Callable[..., Any]) -> None:
    write_folders(tmp_path / "data", per_class=12)
    options = ["-c", write_recipe(tmp_path), "-o", "data.val_share=0", "-o", "training.epochs=1"]
    run_json("prepare", *options)
    assert run_json("train", *options)["val_images"] == 0
    assert set(run_json("eval", *options)["decision"]["thresholds"].values()) == {0.5}


def test_real_pictures_may_count_several_times_in_an_epoch(
    finished: Path, tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    """57 training pictures do not fill a batch of 64; twice 57 do."""
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    options = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}", "-o", "training.batch_images=64"]
    assert run_json("train", *options, "-o", "training.real_repeat=2", "-o", "training.epochs=1")["epochs"] == 1


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("labels=[{name: ok, kind: ok}, {name: scratches, aliases: [Sc]}]", "its labels are not the recipe's"),
        ("training.batch_images=64", "are fewer than training.batch_images, 64"),
    ],
)
def test_a_manifest_that_does_not_fit_the_recipe_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], override: str, named: str
) -> None:
    before = (finished / "run/last.npz").read_bytes()
    assert main(["train", "-c", str(finished / "recipe.yaml"), "-o", override]) == 2
    assert named in capsys.readouterr().err
    assert (finished / "run/last.npz").read_bytes() == before


def test_pictures_damaged_after_prepare_are_skipped_counted_and_named(
    tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / "data", per_class=12)
    recipe = write_recipe(tmp_path)
    run_json("prepare", "-c", recipe)
    rows = manifest.read(tmp_path / "run/manifest.tsv")
    damaged = {split: rows.split(split)[0].path for split in ("train", "val", "eval")}
    for path in damaged.values():
        (tmp_path / "data" / path).write_bytes(b"BM")

    assert main(["train", "-c", str(recipe), "-o", "training.epochs=1"]) == 0
    told = capsys.readouterr()
    assert all(f"trainer: skipped {damaged[split]}: " in told.err for split in ("train", "val"))
    assert "validation " in told.out and told.out.endswith(" of 5 right, 2 pictures skipped\n")

    assert main(["eval", "-c", str(recipe)]) == 0
    told = capsys.readouterr()
    assert all(f"trainer: skipped {damaged[split]}: " in told.err for split in ("val", "eval"))
    assert told.out.endswith("report.json written, 2 pictures skipped\n")


@pytest.mark.parametrize("command", [["train"], ["fit", "-o", "network={backbone: lite0}"]])
def test_a_label_of_which_no_training_picture_can_be_read_is_named(
    tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    write_folders(tmp_path / "data", per_class=12)
    recipe = write_recipe(tmp_path)
    run_json("prepare", "-c", recipe)
    for file in (tmp_path / "data/patches").iterdir():
        file.write_bytes(b"")

    assert main([command[0], "-c", str(recipe), *command[1:]]) == 2
    found = f"trainer: {tmp_path / 'run/manifest.tsv'}: no training image, or none that can be read, of patches\n"
    assert capsys.readouterr().err.endswith(found)
    assert [file.name for file in (tmp_path / "run").glob("[!.]*.*")] == ["manifest.tsv"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"labels": LABELS[:1]}, "recipe.yaml: labels: Tuple should have at least 2 items"),
        ({"labels": [*LABELS, {"name": "rust"}]}, "label 'rust' has no training image: add some, or take it out of"),
        ({"labels": LABELS[:2]}, "data: patches: no label or alias of the recipe is called so (ok, clean, "),
        ({"data": {"root": "nowhere"}}, "nowhere: No such file or directory; data.root holds one folder a class"),
    ],
)
def test_labels_that_are_not_those_of_the_pictures_are_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], named: str
) -> None:
    write_folders(tmp_path / "data", per_class=4)
    assert main(["prepare", "-c", str(write_recipe(tmp_path, **changes))]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_pictures_of_one_label_only_are_refused_with_the_others_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_folders(tmp_path / "data", per_class=4)
    for kind in ("Sc", "patches"):
        shutil.rmtree(root / kind)
    assert main(["prepare", "-c", str(write_recipe(tmp_path))]) == 2
    assert "label 'patches' has no training image" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    kept = tmp_path / "copy/run/last.npz"
    explosive = {"epochs": 30, "batch_images": 8, "learning_rate": 10, "l2": 1, "warmup_epochs": 25}

    assert main(["train", "-c", str(write_recipe(tmp_path / "copy", training=explosive))]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    found = re.search(r"epoch (\d+), (step \d+ of 7: the loss is (nan|inf)|after 7 steps: \S+ holds)", error)
    assert found, error
    assert "Lower training.learning_rate, which is 10, or lengthen training.warmup_epochs" in error
    assert f"{kept} is as it was" in error
    saved = checkpoint.load(kept)
    assert saved.meta.epoch == int(found[1]) - 1 >= 1
    assert all(np.isfinite(array).all() for array in saved.weights.values())


def test_the_learning_rate_warms_up_then_falls_to_nothing() -> None:
    how = Training(epochs=10, learning_rate=0.1, warmup_epochs=2)
    assert 0 < learning_rate(how, 0) < 0.001
    assert learning_rate(how, 2) == pytest.approx(0.1)
    assert learning_rate(how, 6) == pytest.approx(0.05)
    assert learning_rate(how, 9.99) < 1e-5
