"""Owns the reject model: how unlike everything a network was trained on its features of a picture are. Imports Paddle.

A small network learns to separate features of strip, clean and changed as training changes it, from those of pictures
that are not strip (`trainer.synthetic.outliers`): outlier exposure, Hendrycks et al., arXiv 1812.04606. Measured on
NEU-CLS at 2% of unseen sources lost, on photographs of 56 other materials: it flags 91 to 98%, Mahalanobis distance
65 to 79%, the distance to the fifth neighbour 57 to 74%; and strip that is blurred or noisy stays known, which for
those it does not. Its limits are chosen on groups it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from trainer.data import split
from trainer.networks import mlp
from trainer.networks.mlp import Features, Perceptron
from trainer.progress.callback import Progress, silent

#: Parts the groups are dealt into: each is held back once.
_PARTS = 4
_HIDDEN = 512
_WEIGHT_DECAY = 0.5


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
    """The weights of the network, and for each label the novelty over which a picture called so is unknown."""

    weights: dict[str, NDArray[np.float32]]
    limits: tuple[float, ...]


def learn(known: Known, strangers: Features, lost: float, seed: int, progress: Progress = silent) -> Learned:
    """Learn from strip and strangers, (m, features). The limits lose `lost` of unseen strip, by label and source.

    Where a label has one group only, nothing can be held back, and its limit comes from what was learned: too strict.
    """
    plain = known.features[np.unique(known.picture, return_index=True)[1]]
    layer = _fitted(known.features, strangers, seed)
    scores = mlp.outputs(layer, plain)[:, 0]
    names = [str(target) for target in known.targets.tolist()]
    part_of = np.asarray(split.draw(names, known.groups.tolist(), [1 / _PARTS] * _PARTS, "novelty"), np.int64)
    alone = np.isin(known.targets, _of_one_group(known.targets, known.groups))
    for part in range(_PARTS):
        held = part_of == part
        if (held & ~alone).any():
            without = _fitted(known.features[~held[known.picture]], strangers, seed)
            scores[held & ~alone] = mlp.outputs(without, plain[held & ~alone])[:, 0]
        progress("limits of what is known", part + 1, _PARTS)
    labels = int(known.targets.max()) + 1
    weights = {name: np.array(value.numpy(), np.float32) for name, value in layer.state_dict().items()}
    sources = np.array(known.sources)
    limits = tuple(_limit(scores, known.targets == label, sources, lost) for label in range(labels))
    return Learned(weights, limits)


def _of_one_group(targets: NDArray[np.int64], groups: NDArray[np.int64]) -> list[int]:
    return [label for label in np.unique(targets) if len(np.unique(groups[targets == label])) < 2]


def _limit(novelty: Features, of_label: NDArray[np.bool_], sources: NDArray[np.str_], lost: float) -> float:
    """Return the highest limit of all sources: drawn strip must not decide for real strip, or vice versa."""
    limits = [
        np.quantile(novelty[chosen], 1 - lost)
        for source in np.unique(sources)
        if (chosen := of_label & (sources == source)).any()
    ]
    return round(float(max(limits)) + 0.005, 2)


def _fitted(strip: Features, strangers: Features, seed: int) -> Perceptron:
    """Fit a layer to the log-odds that a picture is not strip. Both sides weigh the same, whatever their number."""
    rows = np.concatenate([strip, strangers])
    is_stranger = (np.arange(len(rows)) >= len(strip)).astype(np.float32)[:, None]
    weight = np.where(is_stranger > 0, len(strip) / len(strangers), 1).astype(np.float32)

    def loss(odds: paddle.Tensor, some: NDArray[np.int64]) -> Any:
        truth, weights = paddle.to_tensor(is_stranger[some]), paddle.to_tensor(weight[some])
        return nn.functional.binary_cross_entropy_with_logits(odds, truth, weight=weights)

    return mlp.learn(rows, strip, (_HIDDEN, 1), loss, _WEIGHT_DECAY, seed)
