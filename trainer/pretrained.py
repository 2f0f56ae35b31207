"""Owns the start from PaddleClas weights: what of a .pdparams goes into our network, and what stands in the way."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer import pdparams
from trainer.checkpoint import Weights
from trainer.pickles import WeightsError

_HEAD = ("fc.weight", "fc.bias")
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Weights with the network's own names and shapes. `note` says that the head was replaced, where it was."""

    weights: dict[str, NDArray[np.float32]]
    note: str | None


def load(path: Path, network: Weights) -> Pretrained:
    """Read weights for a network whose own, still untrained, are `network`.

    A head for another number of classes is replaced by the network's own; all else must fit.

    Raises:
        WeightsError: the file cannot be read, or it lists the names that are missing, in excess or of another shape.
    """
    found = pdparams.read(path)
    replaced = _HEAD if _for_other_classes(found, network) else ()
    _check(path, found, network, replaced)
    weights = {name: own if name in replaced else found[name] for name, own in network.items()}
    if not replaced:
        return Pretrained(weights, None)
    classes, wanted = len(found["fc.bias"]), len(network["fc.bias"])
    return Pretrained(weights, f"{path}: its head for {classes} classes is replaced by an untrained one for {wanted}")


def _for_other_classes(found: Weights, network: Weights) -> bool:
    if not all(name in found for name in _HEAD):
        return False
    weight, bias = (found[name].shape for name in _HEAD)
    inputs, labels = network["fc.weight"].shape
    return len(weight) == 2 and weight[0] == inputs and weight[1] != labels and bias == weight[1:]


def _check(path: Path, found: Weights, network: Weights, replaced: tuple[str, ...]) -> None:
    shared = [name for name in network if name in found and name not in replaced]
    problems = {
        "missing": [name for name in network if name not in found],
        "not of this network": [name for name in found if name not in network],
        "of another shape": [
            f"{name} {found[name].shape} where {network[name].shape} is needed"
            for name in shared
            if found[name].shape != network[name].shape
        ],
        "not finite": [name for name in shared if not np.isfinite(found[name]).all()],
    }
    listed = "; ".join(f"{len(names)} {what}: {_listed(names)}" for what, names in problems.items() if names)
    if listed:
        raise WeightsError(f"{path}: these weights are not for a network of this depth, width and channels: {listed}")


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
