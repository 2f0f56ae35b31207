"""The curves for VisualDL: read back by VisualDL's own reader, and a clear message where it is not installed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import write_folders, write_recipe
from trainer.cli import main


def test_visualdl_reads_loss_and_rate_of_each_step_and_validation_of_each_epoch(
    tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    from visualdl import LogReader

    write_folders(tmp_path / "data", per_class=12)
    options = ["-c", write_recipe(tmp_path), "-o", "training.epochs=2"]
    run_json("prepare", *options)
    result = run_json("train", *options, "--visualdl", tmp_path / "curves")

    (log,) = (tmp_path / "curves").iterdir()
    reader = LogReader(file_path=str(log))
    loss, rate, right = (
        reader.get_data("scalar", tag) for tag in ("train/loss", "train/learning_rate", "validation/right")
    )
    assert [point.id for point in loss] == [point.id for point in rate] == [1, 2, 3, 4, 5, 6]  # 24 images in eights
    assert all(point.value > 0 for point in (*loss, *rate))
    assert [point.id for point in right] == [1, 2]
    assert right[-1].value == pytest.approx(result["val_right"] / result["val_images"])


def test_without_visualdl_one_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "visualdl", None)
    assert main(["train", "-c", str(write_recipe(tmp_path)), "--visualdl", str(tmp_path / "curves")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("trainer: --visualdl: VisualDL cannot be imported")
    assert error.endswith("pip install 'strip-inspector[visualdl]'\n")
