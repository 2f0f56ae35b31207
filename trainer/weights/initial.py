"""Owns the start from other weights: what of a .pdparams, checkpoint or bundle goes in, and what stands in the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.vision import bundle
from trainer.weights import checkpoint, pdparams
from trainer.weights.checkpoint import Weights
from trainer.weights.restricted_pickle import WeightsError

_HEAD = ("fc.weight", "fc.bias")
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Weights with the network's own names and shapes. `note` says that the head was replaced, where it was."""

    weights: dict[str, NDArray[np.float32]]
    note: str | None


def load(path: Path, network: Weights, labels: Sequence[str]) -> Pretrained:
    """Read weights for a network whose own, still untrained, are `network`, its outputs being `labels`.

    `path` is a bundle where it is a folder, a checkpoint where it ends in .npz, otherwise a .pdparams. A head for
    another number of classes, or for other labels, is replaced by the network's own; all else must fit. Paddle must
    have been started.

    Raises:
        BundleError, CheckpointError: it is damaged.
        WeightsError: the file cannot be read, or it lists the names that are missing, in excess or of another shape.
    """
    found, of = _read(path)
    other_labels = of is not None and of != list(labels) and "fc.bias" in found
    replaced = _HEAD if other_labels or _for_other_classes(found, network) else ()
    _check(path, found, network, replaced)
    weights = {name: own if name in replaced else found[name] for name, own in network.items()}
    if not replaced:
        return Pretrained(weights, None)
    note = f"{path}: its head for {len(found['fc.bias'])} classes is replaced by an untrained one for {len(labels)}"
    return Pretrained(weights, f"{note}: {_listed(of)} became {_listed(labels)}" if of else note)


def _read(path: Path) -> tuple[dict[str, NDArray[np.float32]], list[str] | None]:
    """Return the weights, and the labels they were trained for where the file knows them."""
    if path.is_dir():
        opened = bundle.load(path)
        if opened.program.name != bundle.PROGRAM:
            raise WeightsError(f"{path}: an imported program's names are not ours: start from its .pdparams instead")
        return _of_program(opened.program), [label.name for label in opened.labels]
    if path.suffix == ".npz":
        saved = checkpoint.load(path)
        return dict(saved.weights), [label.name for label in saved.meta.labels]
    return pdparams.read(path), None


def _of_program(program: Path) -> dict[str, NDArray[np.float32]]:
    """Return the parameters of a bundle by their names, which `trainer export` gives them; Paddle appends a number."""
    import paddle

    layer = paddle.jit.load(str(program.with_suffix("")))
    named = {re.sub(r"_\d+$", "", tensor.name): tensor.numpy() for tensor in layer.state_dict().values()}
    return {name: array for name, array in named.items() if not name.startswith("novelty.")}  # it is learned anew


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


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
