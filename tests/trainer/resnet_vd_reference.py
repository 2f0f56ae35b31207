"""A second ResNet_vd, written for the tests from the architecture's definition: names, shapes, and a forward pass.

Nothing of trainer.model is used. ResNet-D of arXiv 1812.01187: three 3x3 convolutions for a stem, the stride in the
3x3 of a block, and a 2x2 mean before the 1x1 of a shortcut that has a stride; names as PaddleClas 2.x gives them.
"""

import functools
from collections.abc import Mapping

import numpy as np
import paddle
import paddle.nn.functional as F

STAGES = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 12, 48, 3),
}
FILTERS = (64, 128, 256, 512)


def shapes(depth: int, labels: int = 1000) -> dict[str, tuple[int, ...]]:
    """Every parameter and statistic of a full-width colour network."""
    found: dict[str, tuple[int, ...]] = {}

    def conv_bn(name: str, inputs: int, outputs: int, kernel: int) -> None:
        found[f"{name}.conv.weight"] = (outputs, inputs, kernel, kernel)
        for part in ("weight", "bias", "_mean", "_variance"):
            found[f"{name}.bn.{part}"] = (outputs,)

    for index, (inputs, outputs) in enumerate(((3, 32), (32, 32), (32, 64))):
        conv_bn(f"stem.{index}", inputs, outputs, 3)
    number, inputs = 0, 64
    for blocks, filters in zip(STAGES[depth], FILTERS, strict=True):
        for index in range(blocks):
            name = f"blocks.{number}"
            if depth < 50:
                outputs = filters
                conv_bn(f"{name}.conv0", inputs, filters, 3)
                conv_bn(f"{name}.conv1", filters, filters, 3)
            else:
                outputs = 4 * filters
                conv_bn(f"{name}.conv0", inputs, filters, 1)
                conv_bn(f"{name}.conv1", filters, filters, 3)
                conv_bn(f"{name}.conv2", filters, outputs, 1)
            if index == 0:
                conv_bn(f"{name}.short", inputs, outputs, 1)
            number, inputs = number + 1, outputs
    found["fc.weight"], found["fc.bias"] = (inputs, labels), (labels,)
    return found


@functools.cache
def random_weights(depth: int, labels: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights that keep the scale of the signal and leave no part without effect."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes(depth, labels).items():
        if name.endswith("conv.weight"):
            values = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        elif name.endswith(("bn.weight", "_variance")):
            values = rng.uniform(0.5, 1, shape)
        else:
            values = rng.normal(0, 0.1, shape)
        weights[name] = values.astype(np.float32)
    return weights


def forward(weights: Mapping[str, np.ndarray], depth: int, batch: np.ndarray) -> np.ndarray:
    """Logits of a float32 batch (n, 3, h, w), as after training: with the running statistics."""
    tensors = {name: paddle.to_tensor(value) for name, value in weights.items()}

    def conv_bn(x: paddle.Tensor, name: str, stride: int = 1, relu: bool = True) -> paddle.Tensor:
        weight = tensors[f"{name}.conv.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
        mean, variance, scale, shift = (tensors[f"{name}.bn.{part}"].reshape([1, -1, 1, 1])
                                        for part in ("_mean", "_variance", "weight", "bias"))  # fmt: skip
        x = (x - mean) / paddle.sqrt(variance + 1e-5) * scale + shift
        return F.relu(x) if relu else x

    x = paddle.to_tensor(batch)
    for index in range(3):
        x = conv_bn(x, f"stem.{index}", stride=2 if index == 0 else 1)
    x = F.max_pool2d(x, 3, 2, 1)
    number = 0
    for stage, blocks in enumerate(STAGES[depth]):
        for index in range(blocks):
            name, stride = f"blocks.{number}", 2 if stage > 0 and index == 0 else 1
            short = x
            if index == 0:
                pooled = F.avg_pool2d(x, 2, 2, padding="SAME") if stride == 2 else x
                short = conv_bn(pooled, f"{name}.short", relu=False)
            if depth < 50:
                x = conv_bn(conv_bn(x, f"{name}.conv0", stride), f"{name}.conv1", relu=False)
            else:
                x = conv_bn(conv_bn(x, f"{name}.conv0"), f"{name}.conv1", stride)
                x = conv_bn(x, f"{name}.conv2", relu=False)
            x = F.relu(x + short)
            number += 1
    return (x.mean([2, 3]) @ tensors["fc.weight"] + tensors["fc.bias"]).numpy()
