"""The network: PaddleClas names and shapes at full width, and any width, depth and channel count."""

import numpy as np
import pytest

from trainer import engine
from trainer.config import Network


@pytest.fixture(autouse=True)
def paddle_is_there() -> None:
    engine.start(0)


def test_names_and_shapes_are_those_of_resnet18_vd() -> None:
    from trainer import model

    shapes = {name: array.shape for name, array in
              model.weights(model.ResNetVd(Network(width=1, channels=3), 1000)).items()}  # fmt: skip

    assert shapes["stem.0.conv.weight"] == (32, 3, 3, 3)
    assert shapes["stem.2.bn._mean"] == (64,)
    assert shapes["blocks.0.short.conv.weight"] == (64, 64, 1, 1)
    assert shapes["blocks.2.conv0.conv.weight"] == (128, 64, 3, 3)
    assert shapes["blocks.7.conv1.bn._variance"] == (512,)
    assert shapes["fc.weight"] == (512, 1000)
    assert "blocks.1.short.conv.weight" not in shapes
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 11_722_824


@pytest.mark.parametrize(("depth", "channels", "size"), [(18, 1, 32), (34, 3, 48), (50, 1, 50)])
def test_every_depth_gives_one_score_a_label(depth: int, channels: int, size: int) -> None:
    from trainer import model

    network = Network.model_validate({"depth": depth, "width": 0.125, "channels": channels, "size_px": size})
    scores = model.logits(model.ResNetVd(network, 5), np.zeros((2, channels, size, size), np.float32))
    assert scores.shape == (2, 5) and np.isfinite(scores).all()
