"""Owns what is trained: the network, its optimiser and its running average; one step of them, and their state.

Imports Paddle.
"""

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import nn

from inspector.errors import ConfigError
from trainer.data.augment import Mixed
from trainer.networks import resnet_vd
from trainer.recipe.learning import Training
from trainer.training.distributed import Ranks
from trainer.training.freeze import frozen
from trainer.weights.checkpoint import Weights

_NETWORK, _VELOCITY = "network/", "velocity/"
_PADDLES_VELOCITY = "_velocity_0"  # what Momentum appends to a parameter's own name
_SCALER = ("scale", "incr_count", "decr_count")  # what of GradScaler's state changes
_STATISTICS = ("._mean", "._variance")


class Learner:
    """A network in training. What is evaluated and saved is `judged`: the running average where the recipe has one.

    `label_weights`, float32 (labels,), scales the loss of each picture by its label.
    """

    def __init__(
        self, network: resnet_vd.ResNetVd, how: Training, ranks: Ranks, label_weights: NDArray[np.float32] | None
    ):
        """Raise ConfigError if layers to freeze do not exist, or AMP is wanted on a CPU."""
        if how.amp and paddle.device.get_device() == "cpu":
            raise ConfigError(
                "training.amp: half precision needs a GPU, and this Paddle computes on a CPU: set it to false"
            )
        self._how, self._ranks, self._updates = how, ranks, 0
        self._label_weights = None if label_weights is None else paddle.to_tensor(label_weights)
        self._network = network
        self._frozen = _freeze(network, how)
        self._parallel = ranks.parallel(network)
        self._optimiser = paddle.optimizer.Momentum(
            how.peak_learning_rate,
            how.momentum,
            [tensor for tensor in network.parameters() if not tensor.stop_gradient],
            use_nesterov=how.nesterov,
            weight_decay=how.l2,
        )
        self._scaler = paddle.amp.GradScaler() if how.amp else None
        self._average = copy.deepcopy(network) if how.ema_decay is not None else None

    @property
    def judged(self) -> nn.Layer:
        """The network to evaluate."""
        return self._network if self._average is None else self._average

    def begin_epoch(self) -> None:
        """Switch to learning: batch norm uses the batch's own statistics, except in frozen layers."""
        self._parallel.train()
        for layer in self._frozen:
            layer.eval()

    def step(self, parts: Sequence[Mixed], rate: float) -> float:
        """Return one step on a batch, given as the equal parts that this process computes one after the other.

        Return the mean loss of the whole batch, over all processes. Where it is not finite nothing is changed.
        """
        self._optimiser.set_lr(rate)
        losses = []
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            with nullcontext() if last or self._ranks.size == 1 else self._parallel.no_sync():
                loss = self._loss(part) / len(parts)
                (self._scaler.scale(loss) if self._scaler else loss).backward()
            losses.append(float(loss))
        mean = self._ranks.total(sum(losses)) / self._ranks.size
        if np.isfinite(mean):
            self._update()
        return mean

    def end_epoch(self) -> None:
        """Give all processes the same batch norm statistics: each saw other pictures."""
        for network in (self._network, self._average):
            if network is not None:
                named = network.state_dict().items()
                self._ranks.average(tensor for name, tensor in named if name.endswith(_STATISTICS))

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights of `judged`, by name."""
        return resnet_vd.weights(self.judged)

    def broken(self) -> str | None:
        """Return the name of a weight that is not finite.

        ReLU turns NaN to 0 in Paddle, so a loss may look well after it.
        """
        weights = resnet_vd.weights(self._network)
        return next((name for name, array in weights.items() if not np.isfinite(array).all()), None)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that a training needs to go on, besides the weights and the numbers of `counters`."""
        velocities = self._optimiser.state_dict()
        state = {
            _VELOCITY + name: velocities[tensor.name + _PADDLES_VELOCITY].numpy()
            for name, tensor in self._network.named_parameters()
            if tensor.name + _PADDLES_VELOCITY in velocities
        }
        if self._average is not None:
            state |= {_NETWORK + name: array for name, array in resnet_vd.weights(self._network).items()}
        return state

    def counters(self) -> dict[str, float]:
        """Return the counters of the state: updates of the running average, scale of half-precision gradients."""
        scaler: dict[str, Any] = dict(self._scaler.state_dict()) if self._scaler else {}
        return {"updates": self._updates} | {name: float(scaler[name]) for name in _SCALER if scaler}

    def restore(self, weights: Weights, state: Weights, counters: Mapping[str, float]) -> None:
        """Restore the learner as it was when `weights`, `state` and `counters` were taken."""
        own = {name.removeprefix(_NETWORK): array for name, array in state.items() if name.startswith(_NETWORK)}
        resnet_vd.load(self._network, own or weights)
        if self._average is not None:
            resnet_vd.load(self._average, weights)
        self._optimiser.set_state_dict(
            {
                tensor.name + _PADDLES_VELOCITY: paddle.to_tensor(state[_VELOCITY + name])
                for name, tensor in self._network.named_parameters()
                if _VELOCITY + name in state
            }
        )
        self._updates = int(counters["updates"])
        if self._scaler:
            scale, up, down = (counters[name] for name in _SCALER)
            state_dict: Any = self._scaler.state_dict()
            state_dict |= {"scale": np.array([scale], np.float32), "incr_count": int(up), "decr_count": int(down)}
            self._scaler.load_state_dict(state_dict)

    def _loss(self, part: Mixed) -> Any:
        """Return the cross-entropy of one part, a tensor; where pictures are mixed, of both of them."""
        with paddle.amp.auto_cast(enable=True) if self._scaler else nullcontext():
            scores = self._parallel(paddle.to_tensor(part.batch))
        scores = scores.astype("float32")
        loss = self._entropy(scores, part.targets)
        return loss if part.share == 1 else part.share * loss + (1 - part.share) * self._entropy(scores, part.others)

    def _entropy(self, scores: Any, truth: NDArray[np.int64]) -> Any:
        """Return the mean over the part.

        A weight scales a picture's loss and nothing else, so that parts can be summed.
        """
        targets = paddle.to_tensor(truth)
        smoothing = self._how.label_smoothing
        if self._label_weights is None:
            return nn.functional.cross_entropy(scores, targets, label_smoothing=smoothing)
        each = nn.functional.cross_entropy(scores, targets, label_smoothing=smoothing, reduction="none")
        return (each.flatten() * paddle.gather(self._label_weights, targets)).mean()

    def _update(self) -> None:
        if self._scaler:
            self._scaler.step(self._optimiser)
            self._scaler.update()
        else:
            self._optimiser.step()
        self._optimiser.clear_grad()
        if self._average is not None and self._how.ema_decay is not None:
            # Short at first, as in TensorFlow's ExponentialMovingAverage: an average of the start says nothing.
            decay = min(self._how.ema_decay, (1 + self._updates) / (10 + self._updates))
            with paddle.no_grad():
                for mean, now in zip(
                    self._average.state_dict().values(), self._network.state_dict().values(), strict=True
                ):
                    mean.lerp_(now, 1 - decay)
        self._updates += 1


def _freeze(network: resnet_vd.ResNetVd, how: Training) -> list[nn.Layer]:
    """Stop the gradients of the layers that the recipe names; return their batch norms, whose statistics stay."""
    names = [name for name, tensor in network.named_parameters() if not tensor.stop_gradient]
    stopped = frozen(names, how.freeze, network.depths)
    for name, tensor in network.named_parameters():
        if name in stopped:
            tensor.stop_gradient = True
    norms = [layer for layer in network.sublayers() if isinstance(layer, nn.BatchNorm2D)]
    return [layer for layer in norms if layer.weight is not None and layer.weight.stop_gradient]
