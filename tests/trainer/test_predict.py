"""predict: files and folders to verdicts, each bad file an error of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.trainer.conftest import picture
from trainer.cli import main

Run = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a line.png"), picture("Sc", 8001))
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((64, 64), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "clean.png"), picture("clean", 8002))
    cv2.imwrite(str(tmp_path / "wide.png"), picture("clean", 8003, 300))
    (tmp_path / "text.bmp").write_text("no picture")
    return tmp_path


def test_each_file_of_a_folder_gets_one_verdict(finished: Path, folder: Path, run_json: Run) -> None:
    verdicts = run_json("predict", "-c", finished / "recipe.yaml", folder)["verdicts"]

    by_name = {Path(verdict["path"]).name: verdict for verdict in verdicts}
    assert len(verdicts) == 5
    assert by_name["a line.png"]["outcome"] == "defect"
    assert by_name["a line.png"]["label"] == "scratches"
    assert by_name["a line.png"]["severity"] == "major"
    assert by_name["clean.png"]["outcome"] == "ok"
    assert by_name["blank.png"]["outcome"] == "unsure" and "blank" in by_name["blank.png"]["reason"]
    assert by_name["text.bmp"]["outcome"] == "error" and "not an image" in by_name["text.bmp"]["reason"]
    assert by_name["wide.png"]["outcome"] == "error" and "300x300" in by_name["wide.png"]["reason"]


def test_files_can_be_named_one_by_one_and_a_bundle_needs_no_recipe(
    finished: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(finished / "run/bundle")
    assert main(["predict", "--bundle", bundle, str(folder / "a line.png"), str(folder / "clean.png")]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "defect" in lines[0] and "scratches" in lines[0]


def test_a_path_that_is_not_there_is_an_error(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--bundle", str(finished / "run/bundle"), str(tmp_path / "none.png")]) == 2
    assert "none.png: no such file or folder" in capsys.readouterr().err
