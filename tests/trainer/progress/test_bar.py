"""What long work shows: on a terminal each step with its count, rate and time left; elsewhere a line every 10 s."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.conftest import REPOSITORY, write_folders, write_recipe
from tests.trainer.training.test_fit import needs_weights
from trainer.progress.bar import ProgressBar
from trainer.progress.epochs import EpochProgress


class Clock:
    """Seconds that only a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_shows_each_step_with_count_and_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with ProgressBar() as bar:
        for step in ("reading", "comparing"):
            for done in range(1, 8):
                bar(step, done, 7)

    shown = capsys.readouterr().err
    assert "reading" in shown and "comparing" in shown
    assert "7/7" in shown and "images/s" in shown


def test_anywhere_else_a_line_every_ten_seconds_tells_count_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    clock = Clock()
    with ProgressBar(clock) as bar:
        for done in range(0, 9001, 100):  # a second each
            bar("reading", done, 9000)
            clock.now += 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 9
    assert lines[0] == "reading: 1,000 of 9,000 images, 100 images/s, 1.3 min left"
    assert lines[-1] == "reading: 9,000 of 9,000 images, 100 images/s, 0.0 min left"


def test_what_is_done_within_ten_seconds_is_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    clock = Clock()
    with ProgressBar(clock) as bar:
        bar("reading", 1, 7)
        clock.now = 9.9
        bar("comparing", 7, 7)
    assert capsys.readouterr() == ("", "")


def test_training_tells_within_an_epoch_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    clock = Clock()
    with EpochProgress(2, clock=clock) as progress:
        progress.begin(300)
        for _ in range(25):  # a batch of 10 in a second
            clock.now += 1
            progress.step(10)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "epoch 1/2: 100 of 600 images, 10 images/s, 0.8 min left",
        "epoch 1/2: 200 of 600 images, 10 images/s, 0.7 min left",
    ]


@needs_weights
def test_every_long_command_tells_how_far_it_is_without_a_terminal(tmp_path: Path) -> None:
    write_folders(tmp_path / "data", per_class=6)
    quick = {"epochs": 1, "batch_images": 8}
    recipes = {"train": write_recipe(tmp_path, training=quick)}
    (tmp_path / "fit").mkdir()
    recipes["fit"] = write_recipe(
        tmp_path / "fit", network={"backbone": "lite0"}, fit={"hidden": 8}, data={"root": str(tmp_path / "data")}
    )
    code = (
        "import sys; from trainer.progress import pace; pace.EVERY_S = 0;"
        " from trainer.cli import main; sys.exit(main())"
    )
    plan = [("prepare", "train"), ("train", "train"), ("eval", "train"), ("export", "train"), ("prepare", "fit"),
            ("fit", "fit"), ("folds", "fit")]  # fmt: skip
    for command, recipe in plan:
        options = ["--force"] if command == "export" else ["-o", "data.folds=2"] if command == "folds" else []
        done = subprocess.run([sys.executable, "-c", code, command, "-c", str(recipes[recipe]), *options],
                              cwd=REPOSITORY, capture_output=True, text=True, timeout=100)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert " images/s" in done.stderr and " min left" in done.stderr, (command, done.stderr)
