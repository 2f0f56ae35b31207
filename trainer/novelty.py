"""Owns the reject model: how unlike everything a network was trained on its features of a picture are. Imports Paddle.

A small network learns to tell features of strip, clean and changed as training changes it, from those of pictures
that are not strip (`trainer.strangers`): outlier exposure, Hendrycks et al., arXiv 1812.04606. Measured on NEU-CLS at
2% of unseen sources lost, on photographs of 56 other materials: it flags 91 to 98%, Mahalanobis distance 65 to 79%,
the distance to the fifth neighbour 57 to 74%; and strip that is blurred or noisy stays known, which for those it does
not. Its limits are chosen on groups it has not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from trainer import split
from trainer.bar import Told

#: Parts the groups are dealt into: each is held back once.
_PARTS = 4
_HIDDEN = 256
_EPOCHS = 20
_BATCH = 256
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 0.05
#: Features further out, in deviations of strip, count as this: what lies beyond has no scale to trust.
_FURTHEST = 8.0

Features = NDArray[np.float32]
Weights = Mapping[str, NDArray[np.float32]]


class Novelty(nn.Layer):
    """float32 (n, features) to (n,): the log-odds that a picture is not strip, by what was shown as such."""

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("mean", paddle.zeros([features]))
        self.register_buffer("scale", paddle.ones([features]))
        self.hidden = nn.Linear(features, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, 1)

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        """See the class."""
        standard = paddle.clip((features - self.mean) / self.scale, -_FURTHEST, _FURTHEST)
        odds: paddle.Tensor = self.out(nn.functional.relu(self.hidden(standard))).flatten()
        return odds


@dataclass(frozen=True, slots=True)
class Known:
    """Features of strip, (rows, features), and of each row its picture; of each picture its label, group and source.

    The first row of a picture is the picture as it is, the others are changed copies of it.
    """

    features: Features
    picture: NDArray[np.int64]
    targets: NDArray[np.int64]
    groups: NDArray[np.int64]
    sources: Sequence[str]


@dataclass(frozen=True, slots=True)
class Learned:
    """The weights of a Novelty, and for each label the novelty over which a picture called so is unknown."""

    weights: dict[str, NDArray[np.float32]]
    limits: tuple[float, ...]


def learn(known: Known, strangers: Features, lost: float, seed: int, bar: Told | None = None) -> Learned:
    """Learn from strip and strangers, (m, features). The limits lose `lost` of unseen strip, by label and source.

    Where a label has one group only, nothing can be held back, and its limit comes from what was learned: too strict.
    """
    plain = known.features[np.unique(known.picture, return_index=True)[1]]
    layer = _fitted(known.features, strangers, seed)
    scores = _scores(layer, plain)
    names = [str(target) for target in known.targets.tolist()]
    part_of = np.asarray(split.draw(names, known.groups.tolist(), [1 / _PARTS] * _PARTS, "novelty"), np.int64)
    alone = np.isin(known.targets, _of_one_group(known.targets, known.groups))
    for part in range(_PARTS):
        held = part_of == part
        if (held & ~alone).any():
            without = _fitted(known.features[~held[known.picture]], strangers, seed)
            scores[held & ~alone] = _scores(without, plain[held & ~alone])
        if bar is not None:
            bar("limits of what is known", part + 1, _PARTS)
    labels = int(known.targets.max()) + 1
    weights = {name: np.array(value.numpy(), np.float32) for name, value in layer.state_dict().items()}
    sources = np.array(known.sources)
    limits = tuple(_limit(scores, known.targets == label, sources, lost) for label in range(labels))
    return Learned(weights, limits)


def restored(weights: Weights) -> Novelty:
    """The layer with these weights, ready to score."""
    layer = Novelty(len(weights["mean"]))
    layer.set_state_dict({name: paddle.to_tensor(array) for name, array in weights.items()})
    layer.eval()
    return layer


def _of_one_group(targets: NDArray[np.int64], groups: NDArray[np.int64]) -> list[int]:
    return [label for label in np.unique(targets) if len(np.unique(groups[targets == label])) < 2]


def _limit(novelty: Features, of_label: NDArray[np.bool_], sources: NDArray[np.str_], lost: float) -> float:
    """The highest of the sources': drawn strip must not decide what is known of real strip, nor the other way."""
    limits = [
        np.quantile(novelty[chosen], 1 - lost)
        for source in np.unique(sources)
        if (chosen := of_label & (sources == source)).any()
    ]
    return round(float(max(limits)) + 0.005, 2)


def _fitted(strip: Features, strangers: Features, seed: int) -> Novelty:
    """Both sides weigh the same, however many pictures they have."""
    rng = np.random.default_rng(seed)
    layer = _begun(strip, rng)
    rows = np.concatenate([strip, strangers])
    is_stranger = (np.arange(len(rows)) >= len(strip)).astype(np.float32)
    weight = np.where(is_stranger > 0, len(strip) / len(strangers), 1).astype(np.float32)
    steps = -(-len(rows) // _BATCH)
    rate = paddle.optimizer.lr.CosineAnnealingDecay(_LEARNING_RATE, _EPOCHS * steps)
    optimiser = paddle.optimizer.AdamW(rate, parameters=layer.parameters(), weight_decay=_WEIGHT_DECAY)
    for _ in range(_EPOCHS):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), _BATCH):
            some = order[start : start + _BATCH]
            odds = layer(paddle.to_tensor(rows[some]))
            truth, weights = paddle.to_tensor(is_stranger[some]), paddle.to_tensor(weight[some])
            loss = nn.functional.binary_cross_entropy_with_logits(odds, truth, weight=weights)
            loss.backward()
            optimiser.step()
            optimiser.clear_grad()
            rate.step()
    layer.eval()
    return layer


def _begun(strip: Features, rng: np.random.Generator) -> Novelty:
    """Uniform weights of Glorot and Bengio (2010), from our own random numbers: Paddle's are the training's."""
    layer = Novelty(strip.shape[1])
    for linear in (layer.hidden, layer.out):
        bound = np.sqrt(6 / sum(linear.weight.shape))
        linear.weight.set_value(rng.uniform(-bound, bound, linear.weight.shape).astype(np.float32))
    layer.mean.set_value(strip.mean(axis=0))
    layer.scale.set_value(strip.std(axis=0) + np.float32(1e-6))
    return layer


def _scores(layer: Novelty, features: Features) -> Features:
    with paddle.no_grad():
        return np.asarray(layer(paddle.to_tensor(features)).numpy(), np.float32)
