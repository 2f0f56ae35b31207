"""Starting from PaddleClas weights: all of them go in, another head is replaced and said, anything else is refused."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import resnet_vd_reference
from tests.trainer.conftest import write_folders, write_recipe
from trainer import paddle_runtime
from trainer.cli import main
from trainer.recipe.learning import Network
from trainer.weights import checkpoint, initial
from trainer.weights.restricted_pickle import WeightsError


def saved(path: Path, weights: dict[str, np.ndarray]) -> Path:
    """The arrays as Paddle itself writes a state dict."""
    paddle_runtime.start(0)
    import paddle

    paddle.save({name: paddle.to_tensor(value) for name, value in weights.items()}, str(path))
    return path


def labels(count: int) -> list[str]:
    return [f"class_{number}" for number in range(count)]


@functools.cache
def own(depth: int, classes: int) -> dict[str, np.ndarray]:
    paddle_runtime.start(0)
    from trainer.networks import resnet_vd

    return resnet_vd.weights(
        resnet_vd.ResNetVd(Network.model_validate({"depth": depth, "width": 1, "channels": 3}), classes)
    )


def test_a_resnet50_vd_of_paddleclas_loads_whole(tmp_path: Path) -> None:
    weights = resnet_vd_reference.random_weights(50)
    assert len(weights) == 277
    loaded = initial.load(saved(tmp_path / "ResNet50_vd_pretrained.pdparams", weights), own(50, 1000), labels(1000))

    assert loaded.note is None
    assert set(loaded.weights) == set(weights)
    assert all(np.array_equal(loaded.weights[name], value) for name, value in weights.items())


def test_a_head_for_other_classes_is_replaced_and_said(tmp_path: Path) -> None:
    weights, network = resnet_vd_reference.random_weights(18), own(18, 6)
    loaded = initial.load(saved(tmp_path / "w.pdparams", weights), network, labels(6))

    assert loaded.note is not None
    assert "its head for 1000 classes is replaced by an untrained one for 6" in loaded.note
    head = {"fc.weight", "fc.bias"}
    assert all(np.array_equal(loaded.weights[name], network[name]) for name in head)
    assert all(np.array_equal(loaded.weights[name], weights[name]) for name in set(weights) - head)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"stem.0.bn._mean": None}, "1 missing: stem.0.bn._mean"),
        ({"conv1_1._conv.weight": np.zeros(3, np.float32)}, "1 not of this network: conv1_1._conv.weight"),
        ({"stem.0.conv.weight": np.zeros((32, 1, 3, 3), np.float32)},
         "1 of another shape: stem.0.conv.weight (32, 1, 3, 3) where (32, 3, 3, 3) is needed"),
        ({"fc.weight": np.zeros((2048, 6), np.float32)}, "fc.weight (2048, 6) where (512, 6) is needed"),
        ({"fc.weight": np.zeros((512, 7), np.float32)}, "fc.weight (512, 7) where (512, 6) is needed"),
        ({"fc.bias": None}, "1 missing: fc.bias"),
        ({"blocks.0.conv0.bn.weight": np.full(64, np.nan, np.float32)}, "1 not finite: blocks.0.conv0.bn.weight"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    weights = resnet_vd_reference.random_weights(18, labels=6) | change
    path = saved(tmp_path / "w.pdparams", {name: value for name, value in weights.items() if value is not None})
    with pytest.raises(WeightsError) as caught:
        initial.load(path, own(18, 6), labels(6))
    assert named in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_another_depth_are_refused_with_names_and_counts(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pdparams", resnet_vd_reference.random_weights(18))
    with pytest.raises(
        WeightsError, match=r"95 missing: blocks\.3\.short\.conv\.weight.* and 90 more; 15 not of this network"
    ):
        initial.load(path, own(34, 1000), labels(1000))


def test_training_starts_from_the_weights_of_the_recipe(
    tmp_path: Path, run_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    write_folders(tmp_path / "data", per_class=6)
    recipe = write_recipe(tmp_path, network={"width": 1, "channels": 3, "size_px": 32})
    start = resnet_vd_reference.random_weights(18)
    path = saved(tmp_path / "w.pdparams", start)
    options = ["-c", recipe, "-o", f"training.pretrained={path}", "-o", "training.learning_rate=1e-9",
               "-o", "training.epochs=1", "-o", "training.batch_images=8"]  # fmt: skip
    run_json("prepare", *options)
    result = run_json("train", *options)

    assert result["notes"] == [f"{path}: its head for 1000 classes is replaced by an untrained one for 3"]
    weights = checkpoint.load(tmp_path / "run/last.npz").weights
    assert np.abs(weights["blocks.7.conv1.conv.weight"] - start["blocks.7.conv1.conv.weight"]).max() < 1e-6
    assert weights["fc.weight"].shape == (512, 3)

    assert main(["train", *map(str, options), "-o", "network.depth=34"]) == 2
    assert "w.pdparams: these weights are not for a network of this depth" in capsys.readouterr().err
