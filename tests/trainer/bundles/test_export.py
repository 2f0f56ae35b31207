"""export: a bundle the inspector takes and that scores as the checkpoint does, or no bundle at all."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision import bundle, model_copies
from inspector.vision.bundle import Decision, Label
from inspector.vision.predictor import PaddlePredictor, check_golden, has_bf16
from inspector.vision.preprocess import Preprocess
from tests.fakes import make_bundle
from tests.trainer.conftest import picture
from trainer.bundles import export
from trainer.bundles.agreement import agreement
from trainer.cli import main
from trainer.evaluation import evaluate
from trainer.evaluation.evaluate import Model

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this CPU has no bf16")


def test_the_bundle_loads_in_the_inspector_and_its_golden_images_score_as_written(finished: Path) -> None:
    loaded = bundle.load(finished / "run/bundle")

    assert check_golden(PaddlePredictor(loaded), loaded) < 1e-6
    assert [label.name for label in loaded.labels] == ["ok", "scratches", "patches"]
    assert loaded.golden().images.shape == (3, 64, 64)  # one a label, drawn


def test_the_bundle_scores_as_the_checkpoint(finished: Path) -> None:
    pictures = [picture(kind, 7000 + seed) for kind in ("clean", "Sc", "patches") for seed in range(5)]
    runs, _ = evaluate.open_bundle(finished / "run/bundle")
    trained = evaluate.open_checkpoint(finished / "run/last.npz")
    assert np.allclose(runs.scores(pictures), trained.scores(pictures), atol=1e-4)


def test_the_bundle_tells_how_it_was_made_and_not_where(finished: Path) -> None:
    manifest = bundle.load(finished / "run/bundle").manifest

    assert manifest.training["recipe"]["training"]["epochs"] == 8
    assert len(manifest.training["data_fingerprint"]) == 64
    assert manifest.evaluation["images"] == 18
    assert manifest.input.view_px == 64
    assert str(finished) not in (finished / "run/bundle/bundle.json").read_text()


def test_it_is_refused_into_a_bundle_that_a_running_line_uses(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = make_bundle(tmp_path / "bundle")
    (tmp_path / "data").mkdir()
    with model_copies.adopted(tmp_path / "data", used):
        assert main(["export", "-c", str(finished / "recipe.yaml"), "--to", str(used.path)]) == 2
        assert f"{used.path}: a running line uses this bundle; write to another folder" in capsys.readouterr().err
    assert bundle.load(used.path).id == used.id


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
    result = run_json("export", *overrides, "--force")  # of one epoch: unsure of most

    # Then
    assert result["largest_difference"] < 1e-3
    assert bundle.load(Path(result["bundle"])).golden().images.shape == (3, 32, 32)


@needs_bf16
def test_bf16_is_in_the_bundle_with_what_it_costs(finished: Path, tmp_path: Path, run_json: Callable[..., Any]) -> None:
    made = tmp_path / "bundle"
    told = run_json("export", "-c", finished / "recipe.yaml", "-o", "export.precision=bf16", "--to", made)

    assert (told["precision"], told["images_compared"]) == ("bf16", 21)
    assert 1e-4 < told["largest_difference"] < 0.25  # it is not float32 that ran
    assert told["decisions_changed"] == 0
    opened = bundle.load(made)
    assert opened.manifest.training["export"]["precision"] == "bf16"
    assert opened.manifest.golden_tolerance is not None and opened.manifest.golden_tolerance >= 0.01
    assert check_golden(PaddlePredictor(opened), opened) < 1e-6
    # A CPU without bf16 runs it in float32, and its golden images are within what the bundle states
    plain = replace(opened, manifest=opened.manifest.model_copy(update={"precision": None}))
    assert 1e-4 < check_golden(PaddlePredictor(plain), plain) <= opened.manifest.golden_tolerance


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("has_bf16", lambda: False, "this CPU has neither avx512_bf16 nor amx_bf16"),
        pytest.param("MOST_CHANGED", -1, "refused: bf16 changes the decision on 0 of 21 pictures", marks=needs_bf16),
        pytest.param("GOLDEN_TOLERANCE", 0.6, "refused: bf16 moves the golden images' scores", marks=needs_bf16),
    ],
)
def test_bf16_is_refused_where_it_cannot_be_measured_or_is_another_model(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: object,
    message: str,
) -> None:
    monkeypatch.setattr(export, name, value)
    options = ["-c", str(finished / "recipe.yaml"), "-o", "export.precision=bf16", "--to", str(tmp_path / "bundle")]

    assert main(["export", *options]) == 2

    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_agreement_counts_the_decisions_that_are_others() -> None:
    # Given two models that score by the mean gray level, the second with its labels the other way round above 100
    labels = tuple(Label(name=name, kind="defect", severity="major") for name in ("dark", "bright"))
    preprocess = Preprocess(32, 1, (0.0,), (1 / 255,))

    def model(turned: bool) -> Model:
        def score(batch: np.ndarray) -> np.ndarray:
            mean = batch.mean(axis=(1, 2, 3))
            scores = np.stack([128 - mean, mean - 128], axis=1) / 4
            return np.where(turned & (mean[:, None] > 100), scores[:, ::-1], scores)

        return Model(labels, preprocess, score, {})

    pictures = [np.full((32, 32), level, np.uint8) for level in (20, 90, 110, 140, 200)]
    decision = Decision(thresholds={"dark": 0.5, "bright": 0.5}, min_contrast=0)

    agrees = agreement(model(False), model(True), decision, pictures)

    assert (agrees.pictures, agrees.decisions_changed) == (5, 3)
    assert agrees.logits == pytest.approx(2)
    assert agrees.probabilities == pytest.approx(1, abs=1e-6)
