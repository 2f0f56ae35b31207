"""`trainer train --from`: a checkpoint or a bundle goes in by its names; another head is replaced, the rest refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision import bundle
from tests.trainer.conftest import LABELS, write_recipe
from trainer.cli import main
from trainer.weights import checkpoint

#: So slow that an epoch leaves the weights, not the statistics of batch norm, where they were.
STILL = ["-o", "training.epochs=1", "-o", "training.learning_rate=1e-9"]


@pytest.fixture
def recipe(finished: Path, tmp_path: Path) -> Path:
    """The recipe of the finished run, for a run of its own."""
    (tmp_path / "run").mkdir()
    shutil.copy(finished / "run/manifest.tsv", tmp_path / "run")
    return write_recipe(tmp_path)


def learned(path: Path) -> dict[str, np.ndarray]:
    weights = checkpoint.load(path).weights
    return {name: array for name, array in weights.items() if not name.endswith(("._mean", "._variance"))}


@pytest.mark.parametrize("start", ["last.npz", "bundle"])
def test_training_starts_from_the_weights_of_a_checkpoint_or_a_bundle(
    finished: Path, tmp_path: Path, recipe: Path, run_json: Callable[..., Any], start: str
) -> None:
    result = run_json("train", "-c", recipe, "--from", finished / "run" / start, *STILL)

    assert result["notes"] == []
    before, after = learned(finished / "run/last.npz"), learned(tmp_path / "run/last.npz")
    assert all(np.abs(before[name] - after[name]).max() < 1e-5 for name in before)
    assert checkpoint.load(tmp_path / "run/last.npz").meta.recipe.training.pretrained == finished / "run" / start


@pytest.mark.parametrize("start", ["last.npz", "bundle"])
def test_a_head_for_other_labels_is_replaced_and_said(
    finished: Path, tmp_path: Path, recipe: Path, run_json: Callable[..., Any], start: str
) -> None:
    """As many labels in another order: a head by the old order would call every one of them by another's name."""
    turned = write_recipe(tmp_path, labels=LABELS[::-1], data={"root": str(finished / "data"), "val_share": 0.2})
    run_json("prepare", "-c", turned)
    result = run_json("train", "-c", turned, "--from", finished / "run" / start, *STILL)

    told = "its head for 3 classes is replaced by an untrained one for 3: ok, scratches, patches became patches, "
    assert result["notes"] == [f"{finished / 'run' / start}: {told}scratches, ok"]
    before, after = learned(finished / "run/last.npz"), learned(tmp_path / "run/last.npz")
    assert np.abs(before["blocks.7.conv1.conv.weight"] - after["blocks.7.conv1.conv.weight"]).max() < 1e-5
    assert np.abs(before["fc.weight"] - after["fc.weight"]).max() > 1e-2


@pytest.mark.parametrize(
    ("start", "named"),
    [
        ("run/last.npz", "of another shape: stem.0.conv.weight (8, 1, 3, 3) where (16, 1, 3, 3) is needed"),
        ("run/bundle", "of another shape: stem.0.conv.weight (8, 1, 3, 3) where (16, 1, 3, 3) is needed"),
        ("none.npz", "none.npz: No such file or directory"),
        ("none.pdparams", "none.pdparams: No such file or directory; a .pdparams file is expected"),
        ("data", "bundle.json: No such file or directory"),
        (bundle.DEFAULT, "missing: stem.0.conv.weight"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_written(
    finished: Path, tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str], start: str | Path, named: str
) -> None:
    arguments = ["train", "-c", str(recipe), "--from", str(finished / start), "-o", "network.width=0.5"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert named in error and error.startswith("trainer: ") and error.count("\n") == 1
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["manifest.tsv"]
