"""Owns the small network that learns from features: standardised, one hidden layer. Imports Paddle.

The reject model is one, and the head where the recipe wants a hidden layer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from trainer.progress.callback import Progress, silent

_EPOCHS = 20
_BATCH = 256
_LEARNING_RATE = 3e-3
#: Weight decay of a head. On NEU-CLS and drawn strip 0.05 is as good on what was learned from, 0.5 on other sources.
_CLASSES_DECAY = 0.5
#: Features further out, in deviations, count as this: what lies beyond has no scale to trust.
_FURTHEST = 8.0

Features = NDArray[np.float32]
Weights = Mapping[str, NDArray[np.float32]]
#: The mean loss of outputs (n, outputs) for these rows (n,) of what is learned from.
Loss = Callable[[paddle.Tensor, NDArray[np.int64]], Any]


class Perceptron(nn.Layer):
    """float32 (n, features) to (n, outputs)."""

    def __init__(self, features: int, hidden: int, outputs: int):
        super().__init__()
        self.register_buffer("mean", paddle.zeros([features]))
        self.register_buffer("scale", paddle.ones([features]))
        self.hidden = nn.Linear(features, hidden)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        standard = paddle.clip((features - self.mean) / self.scale, -_FURTHEST, _FURTHEST)
        outputs: paddle.Tensor = self.out(nn.functional.relu(self.hidden(standard)))
        return outputs


def learn(
    features: Features,
    typical: Features,
    units: tuple[int, int],
    loss: Loss,
    weight_decay: float,
    seed: int,
    progress: Progress = silent,
) -> Perceptron:
    """Learn from rows (n, features), standardised by what is `typical`, (m, features). Same input, same weights.

    `units` are those of the hidden layer and the outputs. AdamW (Loshchilov and Hutter, arXiv 1711.05101), the rate
    falling by a cosine. `progress` gets the rows learned.
    """
    rng = np.random.default_rng(seed)
    layer = _begun(typical, units, rng)
    steps = -(-len(features) // _BATCH)
    rate = paddle.optimizer.lr.CosineAnnealingDecay(_LEARNING_RATE, _EPOCHS * steps)
    optimiser = paddle.optimizer.AdamW(rate, parameters=layer.parameters(), weight_decay=weight_decay)
    for epoch in range(_EPOCHS):
        order = rng.permutation(len(features))
        for start in range(0, len(features), _BATCH):
            rows = order[start : start + _BATCH]
            loss(layer(paddle.to_tensor(features[rows])), rows).backward()
            optimiser.step()
            optimiser.clear_grad()
            rate.step()
            progress("learn from features", epoch * len(features) + start + len(rows), _EPOCHS * len(features))
    layer.eval()
    return layer


def classify(
    features: Features, targets: NDArray[np.int64], labels: int, hidden: int, seed: int, progress: Progress = silent
) -> Perceptron:
    """Fit a head with a hidden layer, (n, labels) logits, to features (n, f) of pictures with targets (n,)."""

    def loss(logits: paddle.Tensor, rows: NDArray[np.int64]) -> Any:
        return nn.functional.cross_entropy(logits, paddle.to_tensor(targets[rows]))

    return learn(features, features, (hidden, labels), loss, _CLASSES_DECAY, seed, progress)


def restored(weights: Weights) -> Perceptron:
    """Return the layer with these weights, ready to score."""
    layer = Perceptron(len(weights["mean"]), *weights["out.weight"].shape)
    layer.set_state_dict({name: paddle.to_tensor(array) for name, array in weights.items()})
    layer.eval()
    return layer


def outputs(layer: Perceptron, features: Features) -> Features:
    """Compute float32 (n, outputs) of float32 (n, features)."""
    with paddle.no_grad():
        return np.asarray(layer(paddle.to_tensor(features)).numpy(), np.float32)


def _begun(typical: Features, units: tuple[int, int], rng: np.random.Generator) -> Perceptron:
    """Return uniform weights of Glorot and Bengio (2010), from our own random numbers: Paddle's are the training's."""
    layer = Perceptron(typical.shape[1], *units)
    for linear in (layer.hidden, layer.out):
        bound = np.sqrt(6 / sum(linear.weight.shape))
        linear.weight.set_value(rng.uniform(-bound, bound, linear.weight.shape).astype(np.float32))
    layer.mean.set_value(typical.mean(axis=0))
    layer.scale.set_value(typical.std(axis=0) + np.float32(1e-6))
    return layer
