"""Owns the checkpoint: one .npz with the weights and all that explains them. Written whole; nothing in it is code."""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from inspector.errors import InspectorError
from inspector.host import atomic
from inspector.vision.bundle import Label
from trainer.recipe.recipe import Recipe

_META = "meta"
_WEIGHTS = "model/"
_STATE = "state/"
_NOVELTY = "novelty/"

Weights = Mapping[str, NDArray[np.float32]]


class CheckpointError(InspectorError):
    """Raised when a checkpoint is missing, damaged, or does not fit the network it names."""


class Position(BaseModel):
    """Where an unfinished training stands, at the end of an epoch; `counters` are of the learner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    best_right: int
    evaluations_since_best: int
    counters: dict[str, float]


class Meta(BaseModel):
    """What explains the weights: recipe, labels in output order, where training stood, what was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    recipe: Recipe
    labels: tuple[Label, ...]
    epoch: int  # finished epochs
    metrics: dict[str, Any]
    data_fingerprint: str
    versions: dict[str, str]
    created_at: str
    position: Position | None = None  # None: the training is finished
    max_novelty: dict[str, float] | None = None  # by label; None: nothing was learned of what is unknown


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as read, and the sha256 of its file. `state` is what an unfinished training needs to go on.

    `novelty`: the weights of its reject model, none where it has none.
    """

    path: Path
    meta: Meta
    weights: Weights
    state: Weights
    novelty: Weights
    sha256: str


def save(
    path: Path, meta: Meta, weights: Weights, state: Weights | None = None, novelty: Weights | None = None
) -> None:
    """Write durably; the file at `path` is the old one or the new one, never half.

    Raises:
        CheckpointError: the disk is full, or the folder cannot be written to; the old file is as it was.
    """
    try:
        _save(path, meta, {_WEIGHTS: weights, _STATE: state or {}, _NOVELTY: novelty or {}})
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be saved: {error.strerror}; the one before is as it was") from None


def sweep(path: Path) -> None:
    """Remove what a `save` to `path` left half-written when its process was killed."""
    for scratch in path.parent.glob(f".{path.name}.*.tmp"):
        scratch.unlink(missing_ok=True)


def _save(path: Path, meta: Meta, parts: Mapping[str, Weights]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {prefix + name: array for prefix, part in parts.items() for name, array in part.items()}
    arrays[_META] = np.frombuffer(meta.model_dump_json().encode(), np.uint8)
    with atomic.replaced(path) as file:
        np.savez(file, **arrays)


def load(path: Path) -> Checkpoint:
    """Read and verify a checkpoint; every array's checksum is in the file and is compared.

    Raises:
        CheckpointError: names the file and what is wrong with it.
    """
    try:
        data = path.read_bytes()
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            meta = Meta.model_validate_json(arrays[_META].tobytes())
            weights, state, novelty = (
                {name.removeprefix(prefix): arrays[name] for name in arrays.files if name.startswith(prefix)}
                for prefix in (_WEIGHTS, _STATE, _NOVELTY)
            )
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}; `trainer train` writes it") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(f"{path}: {_META}: {where}: {first['msg']}") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path}: damaged, or not a checkpoint of ours: {error}") from None
    return Checkpoint(path, meta, weights, state, novelty, hashlib.sha256(data).hexdigest())


def fit(checkpoint: Checkpoint, expected: Weights) -> Weights:
    """Return the weights, after checking that names and shapes are those of the network they are for.

    Raises:
        CheckpointError: names what is missing, left over, or of another shape.
    """
    shapes = {name: array.shape for name, array in checkpoint.weights.items()}
    wanted = {name: array.shape for name, array in expected.items()}
    if shapes != wanted:
        wrong = sorted(name for name in shapes | wanted if shapes.get(name) != wanted.get(name))
        first = wrong[0]
        raise CheckpointError(
            f"{checkpoint.path}: {len(wrong)} weights do not fit the network; the first: {first}: "
            f"{shapes.get(first, 'missing')}, {wanted.get(first, 'none')} is needed"
        )
    if not all(np.isfinite(array).all() for array in checkpoint.weights.values()):
        raise CheckpointError(f"{checkpoint.path}: some weights are not finite: training went astray")
    return checkpoint.weights
