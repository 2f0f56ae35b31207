"""The ONNX file of a bundle: another runtime scores as the inspector does, or there is no file."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inspector.vision import bundle
from tests.trainer.conftest import picture
from trainer.bundles import onnx
from trainer.cli import main
from trainer.evaluation import evaluate

needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("paddle2onnx", "onnx", "onnxruntime")),
    reason="the extra `onnx` is not installed",
)


@needs_onnx
def test_another_runtime_scores_a_picture_by_what_the_file_itself_says(
    finished: Path, tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    import onnxruntime

    # Given an export with its ONNX file
    file = tmp_path / "out" / "model.onnx"
    told = run_json("export", "-c", finished / "recipe.yaml", "--to", tmp_path / "bundle", "--onnx", file)
    assert told["onnx_difference"] < 1e-4
    # When somebody scores pictures with nothing but that file and OpenCV
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    shape, numbers = json.loads(told["input"]), json.loads(told["preprocessing"])
    pictures = [picture(kind, 9000 + seed) for kind in ("clean", "Sc", "patches") for seed in range(3)]
    tiles = np.stack([cv2.resize(pixels, (shape["size"], shape["size"])) for pixels in pictures])[:, np.newaxis]
    batch = ((tiles / 255 - numbers["mean"][0]) / numbers["std"][0]).astype(np.float32)
    scores = session.run(None, {session.get_inputs()[0].name: batch})[0]
    # Then the scores are the bundle's, and the labels stand in the file
    runs, opened = evaluate.open_bundle(tmp_path / "bundle")
    assert np.abs(scores - runs.scores(pictures)).max() < 1e-3 * np.abs(scores).max()
    assert [label["name"] for label in json.loads(told["labels"])] == [label.name for label in opened.labels]
    assert (told["bundle"], json.loads(told["output"])) == (opened.id, "logits")
    assert json.loads(told["decision"])["thresholds"] == dict(opened.manifest.decision.thresholds)


@needs_onnx
def test_a_file_that_scores_otherwise_is_not_written(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = bundle.load(finished / "run/bundle")
    run = onnx.PaddlePredictor.run
    monkeypatch.setattr(onnx.PaddlePredictor, "run", lambda self, batch: run(self, batch) + np.float32(0.1))

    with pytest.raises(onnx.OnnxError, match="refused: ONNX Runtime scores"):
        onnx.save(opened, tmp_path / "model.onnx")

    assert not list(tmp_path.iterdir())


@needs_onnx
def test_a_program_that_cannot_be_converted_is_named(tmp_path: Path) -> None:
    from tests import fakes

    broken = fakes.make_bundle(tmp_path / "bundle")

    with pytest.raises(onnx.OnnxError, match=r"inference.json: paddle2onnx cannot convert it: \S"):
        onnx.save(broken, tmp_path / "model.onnx")

    assert not (tmp_path / "model.onnx").exists()


def test_without_the_extra_it_says_what_to_install_before_anything_is_written(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "paddle2onnx", None)
    options = ["--to", str(tmp_path / "bundle"), "--onnx", str(tmp_path / "model.onnx")]

    assert main(["export", "-c", str(finished / "recipe.yaml"), *options]) == 2

    expected = "trainer: --onnx needs paddle2onnx: pip install 'strip-inspector[onnx]'\n"
    assert capsys.readouterr().err == expected
    assert not list(tmp_path.iterdir())
