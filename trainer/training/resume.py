"""Owns going on: whether a checkpoint is an unfinished training of this very recipe and data, and of which epoch."""

from typing import Any

from inspector.errors import ConfigError
from trainer import terminal
from trainer.data.manifest import DataError
from trainer.recipe.recipe import Recipe
from trainer.weights import checkpoint
from trainer.weights.checkpoint import Checkpoint

#: What decides the weights. Data is compared by its pixels, wherever it lies.
_DECIDING = ("seed", "labels", "network", "training", "augment")
#: What does not, or, the weights to start from, no longer does.
_FREE = {"training.threads", "training.save_every_epochs", "training.pretrained"}


def find(recipe: Recipe, data_fingerprint: str) -> Checkpoint | None:
    """Return the last checkpoint of this recipe, finished or not; None where there is none yet.

    Raises:
        CheckpointError: it cannot be read.
        ConfigError, DataError: it is of another recipe or other pictures.
    """
    path = recipe.last_checkpoint
    if not path.exists():
        return None
    saved = checkpoint.load(path)
    was, now = _flat(saved.meta.recipe.model_dump(mode="json")), _flat(recipe.model_dump(mode="json"))
    differing = sorted(key for key in was | now if was.get(key) != now.get(key) and key not in _FREE)
    deciding = [key for key in differing if key.split(".")[0] in _DECIDING]
    changed = [f"{key} was {was.get(key)}, is {now.get(key)}" for key in deciding]
    if saved.meta.position is None and deciding == ["training.epochs"]:
        raise ConfigError(_finished(saved, recipe))
    if changed:
        raise ConfigError(
            f"{path}: a training with other settings cannot go on: {'; '.join(changed)}. "
            "Set them back, or leave out --resume to start anew"
        )
    if saved.meta.data_fingerprint != data_fingerprint:
        raise DataError(f"{path}: learned from other pictures or labels: leave out --resume to start anew")
    return saved


def _finished(saved: Checkpoint, recipe: Recipe) -> str:
    """Return why a finished training cannot have other epochs, and what can be done instead."""
    done, wanted = terminal.counted(saved.meta.epoch, "epoch"), recipe.training.epochs
    return (
        f"{saved.path}: finished after {done}, and its learning rate went down to 0 with them: it cannot end "
        f"after {wanted} instead. To train on from its weights, `trainer train --from {saved.path}` without --resume, "
        f"training.epochs being how many more; to train {wanted} from the start, leave out --resume"
    )


def _flat(values: Any, parents: tuple[str, ...] = ()) -> dict[str, Any]:
    if isinstance(values, dict) and values:
        return {key: leaf for name, value in values.items() for key, leaf in _flat(value, (*parents, name)).items()}
    return {".".join(parents): values}
