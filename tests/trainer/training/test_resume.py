"""Going on: a training that was killed ends with the weights of one that was not, or says why it cannot go on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import wait_until
from tests.trainer.conftest import REPOSITORY, run_apart, write_folders, write_recipe
from trainer.cli import main
from trainer.weights import checkpoint

EPOCHS = 8
#: Every part of the state: velocities, running average, mixup and augmentation, label weights, frozen layers.
TRAINING = {
    "epochs": EPOCHS, "batch_images": 8, "learning_rate": 0.02, "warmup_epochs": 1, "mixup": 0.2, "ema_decay": 0.9,
    "class_weights": "balanced", "accumulate": 2, "freeze": ["stem.0"],
}  # fmt: skip


def started(recipe: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trainer", "train", "-c", str(recipe), *more]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_folders(tmp_path / "data", per_class=20)
    path = write_recipe(tmp_path, training=TRAINING)
    assert main(["prepare", "-c", str(path)]) == 0
    return path


def test_a_training_killed_twice_and_resumed_gives_the_weights_of_one_never_interrupted(
    tmp_path: Path, recipe: Path
) -> None:
    run_apart("train", "-c", recipe)
    whole = {name: checkpoint.load(tmp_path / f"run/{name}.npz") for name in ("last", "best")}
    for name in whole:
        (tmp_path / f"run/{name}.npz").unlink()

    began = time.monotonic()
    for epoch in (1, 2):  # kill -9 as soon as so many epochs are saved
        process = started(recipe, "--resume")
        try:
            wait_until(lambda epoch=epoch: _epoch(tmp_path) >= epoch, lambda: f"epoch {_epoch(tmp_path)}", 60)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert _epoch(tmp_path) < EPOCHS
    killed_at = _epoch(tmp_path)
    result = run_apart("train", "-c", recipe, "--resume")
    assert result["seconds"] <= time.monotonic() - began  # of both killed trainings, too, each counted once

    assert result["notes"] == [f"{tmp_path / 'run/last.npz'}: went on after epoch {killed_at}"]
    for name, expected in whole.items():
        found = checkpoint.load(tmp_path / f"run/{name}.npz")
        assert found.weights.keys() == expected.weights.keys() and found.meta.epoch == expected.meta.epoch
        assert all(found.weights[key].tobytes() == expected.weights[key].tobytes() for key in expected.weights)
    assert {file.name for file in (tmp_path / "run").iterdir() if not file.name.startswith(".manifest")} == {
        "manifest.tsv", "contact", "best.npz", "last.npz"
    }  # fmt: skip


def _epoch(folder: Path) -> int:
    path = folder / "run/last.npz"
    return checkpoint.load(path).meta.epoch if path.exists() else 0


def test_a_training_of_other_settings_or_pictures_cannot_go_on(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run_json("train", "-c", recipe, "-o", "training.epochs=1")
    before = (tmp_path / "run/last.npz").read_bytes()

    assert main(["train", "-c", str(recipe), "--resume", "-o", "seed=4"]) == 2
    error = capsys.readouterr().err
    assert "last.npz: a training with other settings cannot go on: seed was 3, is 4; training.epochs was 1" in error
    assert error.endswith("Set them back, or leave out --resume to start anew\n")

    (tmp_path / "data/Sc/Sc_1.png").unlink()
    run_json("prepare", "-c", recipe)
    assert main(["train", "-c", str(recipe), "--resume", "-o", "training.epochs=1"]) == 2
    assert "last.npz: learned from other pictures or labels: leave out --resume" in capsys.readouterr().err
    assert (tmp_path / "run/last.npz").read_bytes() == before


def test_resuming_a_finished_training_changes_nothing_and_resuming_none_starts_one(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any]
) -> None:
    options = ["train", "-c", recipe, "--resume", "-o", "training.epochs=1"]
    assert run_json(*options)["notes"] == []
    before = (tmp_path / "run/last.npz").read_bytes()

    again = run_json(*options, "-o", "training.threads=1", "--from", "none.npz")  # which decide nothing any more

    assert again["notes"] == [f"{tmp_path / 'run/last.npz'}: was finished after epoch 1"]
    assert (again["epochs"], again["val_images"]) == (1, 9)
    assert (tmp_path / "run/last.npz").read_bytes() == before


def test_a_checkpoint_that_does_not_fit_the_disk_is_an_error_and_the_one_before_stays(
    tmp_path: Path, recipe: Path
) -> None:
    assert main(["train", "-c", str(recipe), "-o", "training.epochs=1"]) == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").glob("*.npz")}
    code = (
        "import resource, sys; from trainer.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "train", "-c", str(recipe), "-o", "seed=5"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)

    assert done.returncode == 2
    assert f"trainer: {tmp_path / 'run/best.npz'}: cannot be saved: File too large; the one before" in done.stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()
            if file.is_file() and not file.name.startswith(".manifest")} == {
        **before, "manifest.tsv": (tmp_path / "run/manifest.tsv").read_bytes()
    }  # fmt: skip


def test_more_epochs_than_a_finished_training_had_are_refused_with_the_way_that_works(
    tmp_path: Path, recipe: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["-o", "training.epochs=1"]
    run_json("train", "-c", recipe, *short)
    last = tmp_path / "run/last.npz"
    assert main(["train", "-c", str(recipe), "--resume", "-o", "training.epochs=2"]) == 2
    said = capsys.readouterr().err
    assert f"{last}: finished after 1 epoch," in said and f"`trainer train --from {last}`" in said
    # What it says works, in the same folder
    run_json("train", "-c", recipe, "--from", last, "-o", "training.epochs=2")
    assert checkpoint.load(last).meta.epoch == 2
