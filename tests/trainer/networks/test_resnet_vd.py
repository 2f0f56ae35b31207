"""The network: PaddleClas names and shapes at full width, and any width, depth and channel count."""

import numpy as np
import pytest

from tests.trainer import resnet_vd_reference
from trainer import paddle_runtime
from trainer.recipe.learning import Network


@pytest.fixture(autouse=True)
def paddle_is_there() -> None:
    paddle_runtime.start(0)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152, 200])
def test_names_and_shapes_are_those_of_paddleclas(depth: int) -> None:
    import paddle

    from trainer.networks import resnet_vd

    with paddle.LazyGuard():  # nothing is initialised: 200 layers at full width in no time
        network = resnet_vd.ResNetVd(Network.model_validate({"depth": depth, "width": 1, "channels": 3}), 1000)
    got = {name: tuple(value.shape) for name, value in network.state_dict().items()}

    assert got == resnet_vd_reference.shapes(depth)


@pytest.mark.parametrize("depth", [18, 50])
def test_the_scores_are_those_of_an_independent_forward(depth: int) -> None:
    import paddle

    from trainer.networks import resnet_vd

    weights = resnet_vd_reference.random_weights(depth, labels=100)
    network = resnet_vd.ResNetVd(Network.model_validate({"depth": depth, "width": 1, "channels": 3}), 100)
    unknown = network.set_state_dict({name: paddle.to_tensor(value) for name, value in weights.items()})
    assert unknown == ([], [])

    for size in (64, 75):  # even and odd: there the shortcut's mean meets the border
        batch = np.random.default_rng(1).normal(0, 1, (2, 3, size, size)).astype(np.float32)
        got, expected = resnet_vd.scores(network, batch), resnet_vd_reference.forward(weights, depth, batch)
        what_the_picture_changes = np.abs(expected[0] - expected[1]).max()
        assert np.abs(got - expected).max() <= 1e-3 * what_the_picture_changes


@pytest.mark.parametrize(("depth", "channels", "size"), [(18, 1, 32), (34, 3, 48), (50, 1, 50), (101, 1, 32)])
def test_every_depth_gives_one_score_a_label(depth: int, channels: int, size: int) -> None:
    from trainer.networks import resnet_vd

    network = Network.model_validate({"depth": depth, "width": 0.125, "channels": channels, "size_px": size})
    scores = resnet_vd.scores(resnet_vd.ResNetVd(network, 5), np.zeros((2, channels, size, size), np.float32))
    assert scores.shape == (2, 5) and np.isfinite(scores).all()
