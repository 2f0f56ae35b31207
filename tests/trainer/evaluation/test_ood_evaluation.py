"""A model with a reject model, of fit and of train: into the bundle, eval --unknown, and the verdict."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision import bundle
from inspector.vision.predictor import PaddlePredictor, check_golden
from tests.trainer.conftest import picture, write_folders, write_recipe
from tests.trainer.training.test_fit import needs_weights
from trainer.cli import main
from trainer.evaluation import ood_evaluation
from trainer.evaluation.evaluate import decide, open_bundle, open_checkpoint
from trainer.synthetic import outliers
from trainer.weights import checkpoint

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unknown")
    write_folders(folder / "data", per_class=20)
    recipe = write_recipe(folder, network={"backbone": "lite0"}, novelty={"strangers": 240})
    for command in ("prepare", "fit", "eval", "export"):
        assert main([command, "-c", str(recipe)]) == 0
    return folder


@needs_weights
def test_a_bundle_calls_what_is_not_strip_unsure_and_says_why(fitted: Path) -> None:
    model, opened = open_bundle(fitted / "run/bundle")
    assert set(opened.manifest.decision.max_novelty or ()) == {"ok", "scratches", "patches"}
    assert check_golden(PaddlePredictor(opened), opened) < 1e-5  # the novelty is among the scores it compares
    material = outliers.KINDS[0]
    pictures = [material.picture(90_000 + seed, picture("ok", 1)) for seed in range(24)]
    tiles = decide(model, opened.manifest.decision, pictures, model.scores(pictures))
    flagged = [tile for tile in tiles if tile.outcome == "unsure"]
    assert len(flagged) >= 20
    assert any(tile.reason.code == "novel" for tile in flagged)


@needs_weights
def test_a_bundle_scores_as_its_checkpoint_the_novelty_included(fitted: Path) -> None:
    images = [picture(kind, seed) for kind in ("ok", "Sc") for seed in range(900, 904)]
    scores = [
        open_checkpoint(fitted / "run/last.npz").scores(images),
        open_checkpoint(fitted / "run/last.npz", fast=True).scores(images),
        open_bundle(fitted / "run/bundle")[0].scores(images),
    ]
    assert scores[0].shape == (8, 4)
    assert all(np.abs(other - scores[0]).max() < 1e-3 * np.abs(scores[0]).max() for other in scores[1:])


@needs_weights
def test_eval_shows_each_kind_and_what_strip_is_lost(
    fitted: Path, run_json: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ood_evaluation, "PICTURES", 20)
    arguments = ["eval", "-c", str(fitted / "recipe.yaml"), "--bundle", str(fitted / "run/bundle"), "--unknown"]
    report = run_json(*arguments)

    kinds = report["unknown"]["kinds"]
    assert [row["kind"] for row in kinds] == [kind.name for kind in outliers.KINDS]
    for row in kinds:
        assert row["unsure"] + row["passed_ok"] + row["called_defect"] == row["pictures"] == 20
    assert sum(row["unsure"] for row in report["unknown"]["lost"]) == report["outcomes"]["unsure"]
    assert main(arguments) == 0
    assert "half covered" in capsys.readouterr().out
    assert "half covered" in (fitted / f"run/eval-{report['model']['bundle']}/report.html").read_text()


def test_a_trained_network_gets_its_reject_model_after_the_last_epoch(tmp_path: Path) -> None:
    write_folders(tmp_path / "data", per_class=12)
    short = {"epochs": 2, "batch_images": 8, "learning_rate": 0.02, "warmup_epochs": 1}
    recipe = str(write_recipe(tmp_path, training=short, novelty={"strangers": 48}))
    for command in ("prepare", "train", "eval"):
        assert main([command, "-c", recipe]) == 0
    assert main(["export", "-c", recipe, "--force"]) == 0  # of two epochs: unsure of all

    for name in ("last.npz", "best.npz"):
        assert set(checkpoint.load(tmp_path / "run" / name).meta.max_novelty or ()) == {"ok", "scratches", "patches"}
    manifest = json.loads((tmp_path / "run/bundle/bundle.json").read_text())
    assert set(manifest["decision"]["max_novelty"]) == {"ok", "scratches", "patches"}
    assert bundle.load(tmp_path / "run/bundle").outputs == 4

    # and a further training starts from its network
    assert main(["train", "-c", recipe, "--from", str(tmp_path / "run/bundle"), "-o", "training.epochs=1"]) == 0


def test_a_recipe_without_strangers_makes_a_bundle_that_does_not_tell(finished: Path) -> None:
    opened = bundle.load(finished / "run/bundle")
    assert opened.manifest.decision.max_novelty is None
    assert opened.outputs == 3
    assert "max_novelty" not in (finished / "run/bundle/bundle.json").read_text()
