"""Owns the network: ResNet_vd (He et al., "Bag of Tricks", arXiv 1812.01187, ResNet-D) of any width. Imports Paddle.

Parameter names and shapes are those of PaddleClas 2.x (since 2.2) at width 1 with 3 channels: stem.0.conv.weight,
blocks.0.conv0.bn.weight, blocks.0.short.conv.weight, fc.weight.
"""

import math

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from trainer.networks import efficientnet_lite0, mlp
from trainer.networks.logistic_head import Head
from trainer.networks.mlp import Perceptron
from trainer.recipe.learning import Network
from trainer.weights.checkpoint import Checkpoint, Weights, fit

#: Blocks in each of the four stages: He et al., arXiv 1512.03385, table 1; 200 as in arXiv 1603.05027. Basic below 50.
_DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 12, 48, 3),
}


class ConvBNLayer(nn.Layer):
    """Convolution, batch norm and, where `act`, ReLU. With `pool`, a 2x2 mean does the stride (the D of ResNet-D)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, act: bool = True, pool: bool = False):
        super().__init__()
        self.pool = nn.AvgPool2D(2, 2, ceil_mode=True) if pool and stride == 2 else None
        self.conv = nn.Conv2D(inputs, outputs, kernel, 1 if pool else stride, (kernel - 1) // 2, bias_attr=False)
        self.bn = nn.BatchNorm2D(outputs)
        self.act = nn.ReLU() if act else None

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        if self.pool is not None:
            x = self.pool(x)
        x = self.bn(self.conv(x))
        return x if self.act is None else self.act(x)


class ResidualBlock(nn.Layer):
    """One residual block: two 3x3 convolutions, or 1x1, 3x3, 1x1 to four times the filters where `bottleneck`."""

    def __init__(self, inputs: int, filters: int, stride: int, bottleneck: bool, first: bool, project: bool):
        super().__init__()
        outputs = filters * 4 if bottleneck else filters
        if bottleneck:
            self.conv0 = ConvBNLayer(inputs, filters, 1)
            self.conv1 = ConvBNLayer(filters, filters, 3, stride)
            self.conv2 = ConvBNLayer(filters, outputs, 1, act=False)
        else:
            self.conv0 = ConvBNLayer(inputs, filters, 3, stride)
            self.conv1 = ConvBNLayer(filters, filters, 3, act=False)
        self.bottleneck = bottleneck
        self.short = ConvBNLayer(inputs, outputs, 1, stride, act=False, pool=not first) if project else None

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        y = self.conv1(self.conv0(x))
        if self.bottleneck:
            y = self.conv2(y)
        return paddle.nn.functional.relu(y + (x if self.short is None else self.short(x)))


class ResNetVd(nn.Layer):
    """float32 (n, channels, size, size) to logits (n, labels)."""

    def __init__(self, network: Network, labels: int):
        super().__init__()
        self.depths = _DEPTHS[network.depth]  # blocks of each stage
        stem, *filters = (_scaled(count, network.width) for count in (32, 64, 128, 256, 512))
        self.stem = nn.Sequential(
            ConvBNLayer(network.channels, stem, 3, 2), ConvBNLayer(stem, stem, 3), ConvBNLayer(stem, filters[0], 3)
        )
        self.max_pool = nn.MaxPool2D(3, 2, 1)
        bottleneck = network.depth >= 50
        blocks = []
        inputs = filters[0]
        for stage, (count, depth) in enumerate(zip(filters, self.depths, strict=True)):
            for index in range(depth):
                stride = 2 if stage and not index else 1
                blocks.append(ResidualBlock(inputs, count, stride, bottleneck, stage == index == 0, index == 0))
                inputs = count * 4 if bottleneck else count
        self.blocks = nn.Sequential(*blocks)
        self.avg_pool = nn.AdaptiveAvgPool2D(1)
        bound = 1 / math.sqrt(inputs)
        self.fc = nn.Linear(
            inputs, labels, weight_attr=paddle.ParamAttr(initializer=nn.initializer.Uniform(-bound, bound))
        )

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        scores: paddle.Tensor = self.fc(self.features(x))
        return scores

    def features(self, x: paddle.Tensor) -> paddle.Tensor:
        """Return what the last layer sees: float32 (n, channels, size, size) to (n, the last stage's maps)."""
        return paddle.flatten(self.avg_pool(self.blocks(self.max_pool(self.stem(x)))), 1)


class Pooled(nn.Layer):
    """The features of a network as a layer of their own, for `trainer fit` and the reject model; it does not learn."""

    def __init__(self, network: nn.Layer):
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """See ResNetVd.features."""
        features: paddle.Tensor = self.network.features(x)
        return features


def with_head(network: ResNetVd, head: Head) -> ResNetVd:
    """Return the network, its last layer being this head."""
    network.fc.weight.set_value(head.weight)
    network.fc.bias.set_value(head.bias)
    return network


class Scorer(nn.Layer):
    """Network and reject model: float32 (n, channels, size, size) to the logits and the novelty, (n, labels + 1)."""

    def __init__(self, network: nn.Layer, reject: Perceptron):
        super().__init__()
        self.network = network
        self.novelty = reject

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        features = self.network.features(x)
        return paddle.concat([self.network.fc(features), self.novelty(features)], 1)


#: What Scorer puts before the names of the network's parameters.
NETWORK = "network."


def scorer(saved: Checkpoint) -> nn.Layer:
    """Return all that a checkpoint computes, (n, outputs): the network, with its reject model where it has one."""
    network = restored(saved)
    if saved.meta.max_novelty is None:
        return network
    whole = Scorer(network, mlp.restored(saved.novelty))
    whole.eval()
    return whole


def restored(saved: Checkpoint) -> nn.Layer:
    """Return the network of a checkpoint, ready to score. Raise CheckpointError if the weights are not its own."""
    recipe, labels = saved.meta.recipe, len(saved.meta.labels)
    lite = recipe.network.backbone == "lite0"
    network = efficientnet_lite0.empty(labels, recipe.fit.hidden) if lite else ResNetVd(recipe.network, labels)
    load(network, fit(saved, weights(network)))
    network.eval()
    return network


def load(model: nn.Layer, weights: Weights) -> None:
    """Set every parameter and batch norm statistic; names and shapes are the model's own."""
    model.set_state_dict({name: paddle.to_tensor(np.asarray(array, order="C")) for name, array in weights.items()})


def weights(model: nn.Layer) -> dict[str, NDArray[np.float32]]:
    """Return every parameter and batch norm statistic by name, copied to NumPy."""
    return {name: np.array(value.numpy(), np.float32) for name, value in model.state_dict().items()}


def scores(model: nn.Layer, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score one batch with the batch norm statistics of training, not the batch's own."""
    model.eval()
    with paddle.no_grad():
        return np.asarray(model(paddle.to_tensor(batch)).numpy(), np.float32)


def _scaled(count: int, width: float) -> int:
    return max(8, round(count * width / 8) * 8)  # multiples of 8 fill the vector registers
