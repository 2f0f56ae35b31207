"""Owns which keys of a recipe a command uses: an unused one is named, or refused if that would mislead."""

from collections.abc import Iterator, Sequence
from typing import get_origin

from inspector.errors import ConfigError
from trainer.recipe.recipe import Recipe
from trainer.recipe.section import Section, below

#: Which folder: every command that reads or writes there.
_FOLDER = ("run_dir", "data.folds", "data.fold")
_PREPARE = ("run_dir", "seed", "labels", "data", "simulated", "export.view_px")
_TRAIN = (*_FOLDER, "seed", "labels", "network", "training", "augment", "novelty")
_FIT = (*_FOLDER, "seed", "labels", "training.threads", "training.size_px", "augment", "fit", "novelty")
#: By the network that is frozen: EfficientNet-Lite0 is as published.
_FIT_NETWORK = {
    "lite0": tuple(f"network.{name}" for name in ("backbone", "channels", "size_px", "mean", "std")),
    "resnet_vd": ("network", "training.pretrained"),
}
_COMMANDS = {
    "prepare": _PREPARE,
    "eval": (*_FOLDER, "labels", "data", "decision"),
    "export": (*_FOLDER, "name", "export"),
    "predict": (*_FOLDER, "export.view_px"),
    "import": ("name", "labels", "decision", "export.view_px"),
}
#: Of what is in `_FIT` these are not.
_NOT_FIT = ("augment.turn",)
#: Sections that say how to learn: their unused keys are named wherever they are set.
_LEARNING = ("network", "training", "augment", "fit", "novelty")
#: Who sets one of these wants another model than a fit would give.
_REFUSED = {"fit": ("training.class_weights",)}


def uses(command: str, recipe: Recipe, key: str, by_fit: bool = False) -> bool:
    """Return whether the command uses this key, or a part of it. `by_fit`: `folds` fits, it does not train."""
    if command == "retrain":
        return any(uses(way, recipe, key) for way in ("prepare", "fit" if by_fit else "train", "eval", "export"))
    if command == "folds":
        ways = ("prepare", "fit" if by_fit else "train", "eval")
        return any(uses(way, recipe, key) for way in ways)
    if command == "fit":
        reads: Sequence[str] = (*_FIT, *_FIT_NETWORK[recipe.network.backbone])
        return key not in _NOT_FIT and _covers(reads, key)
    return _covers(_TRAIN if command == "train" else _COMMANDS[command], key)


def note(command: str, recipe: Recipe, overrides: Sequence[str], by_fit: bool = False) -> str:
    """Return a warning that names the keys that the command does not use, "" if there is none.

    Every key given by an override (`a.b=value`) counts; of those in the recipe's file the ones that say how to learn,
    where the command learns: the others are for the other commands.

    Raises:
        ConfigError: a key that a fit cannot honour, and that asks for another model.
    """
    known = {key.split(".")[0] for key in keys(Recipe)}
    given = {key for key in (text.partition("=")[0] for text in overrides) if key.split(".")[0] in known}
    learns = command in ("train", "fit", "folds", "retrain")
    if learns:
        given |= {key for key in _set(recipe) if key.split(".")[0] in _LEARNING}
    left = sorted(key for key in given if not uses(command, recipe, key, by_fit))
    way = "fit" if command in ("folds", "retrain") and by_fit else command
    for key in _REFUSED.get(way, ()):
        if key in left and recipe.training.class_weights is not None:
            raise ConfigError(f"{key}: a fit weighs every picture the same: take it out, or use `trainer train`")
    return f"`trainer {command}` does not use {', '.join(left)}: nothing comes of it here" if left else ""


def keys(model: type[Section], prefix: str = "") -> Iterator[str]:
    """Yield every key of a section, and of those under it; a list of sections is one key."""
    for name, field in model.model_fields.items():
        inner = below(field)
        if inner is None or get_origin(field.annotation) is tuple:
            yield f"{prefix}{name}"
        else:
            yield from keys(inner, f"{prefix}{name}.")


def _set(section: Section, prefix: str = "") -> Iterator[str]:
    for name in section.model_fields_set:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _set(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _covers(reads: Sequence[str], key: str) -> bool:
    return any(f"{key}.".startswith(f"{one}.") or f"{one}.".startswith(f"{key}.") for one in reads)
