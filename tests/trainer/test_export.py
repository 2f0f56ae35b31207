"""export: a bundle the inspector takes and that scores as the checkpoint does, or no bundle at all."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector import bundle
from inspector.predictor import PaddlePredictor, check_golden
from tests.trainer.conftest import picture
from trainer import evaluate
from trainer.cli import main


def test_the_bundle_loads_in_the_inspector_and_its_golden_images_score_as_written(finished: Path) -> None:
    loaded = bundle.load(finished / "run/bundle")

    assert check_golden(PaddlePredictor(loaded), loaded) < 1e-6
    assert [label.name for label in loaded.labels] == ["ok", "scratches", "patches"]
    assert loaded.golden().images.shape == (3, 64, 64)  # one a label, drawn


def test_the_bundle_scores_as_the_checkpoint(finished: Path) -> None:
    pictures = [picture(kind, 7000 + seed) for kind in ("clean", "Sc", "patches") for seed in range(5)]
    runs, _ = evaluate.open_bundle(finished / "run/bundle")
    trained = evaluate.open_checkpoint(finished / "run/last.npz")
    assert np.allclose(runs.logits(pictures), trained.logits(pictures), atol=1e-4)


def test_the_bundle_tells_how_it_was_made_and_not_where(finished: Path) -> None:
    manifest = bundle.load(finished / "run/bundle").manifest

    assert manifest.training["recipe"]["training"]["epochs"] == 8
    assert len(manifest.training["data_fingerprint"]) == 64
    assert manifest.evaluation["images"] == 18
    assert manifest.input.view_px == 64
    assert str(finished) not in (finished / "run/bundle/bundle.json").read_text()


def test_it_is_refused_when_the_program_scores_differently(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an engine that computes something else than training did
    run = PaddlePredictor.run
    monkeypatch.setattr(PaddlePredictor, "run", lambda self, batch: run(self, batch) + np.float32(0.1))

    # When
    code = main(["export", "-c", str(finished / "recipe.yaml"), "--to", str(tmp_path / "bundle")])

    # Then
    assert code == 2
    assert "refused: the exported program scores" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_it_is_refused_before_the_checkpoint_was_evaluated(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run/eval")
    recipe = str(finished / "recipe.yaml")
    assert main(["export", "-c", recipe, "-o", f"run_dir={tmp_path / 'run'}"]) == 2
    assert "run `trainer eval` on it first" in capsys.readouterr().err


def test_labels_the_renderer_cannot_draw_get_golden_images_from_the_data(
    finished: Path, tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    # Given a run whose label the renderer does not know
    shutil.copytree(finished, tmp_path / "copy")
    recipe = tmp_path / "copy/recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(text.replace("name: patches", "name: dents\n  aliases: [patches]"))
    overrides = ["-c", recipe, "-o", f"run_dir={tmp_path / 'run'}", "-o", "training.epochs=1"]

    # When
    for command in ("prepare", "train", "eval"):
        run_json(command, *overrides)
    result = run_json("export", *overrides)

    # Then
    assert result["largest_difference"] < 1e-3
    assert bundle.load(Path(result["bundle"])).golden().images.shape == (3, 32, 32)
