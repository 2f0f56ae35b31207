"""Owns the reading of PaddleClas 1.x configs: such a YAML becomes a recipe, and what we cannot honour is named.

Its paths start at the working directory, as in PaddleClas. Two things differ on purpose. The best epoch and the
thresholds are chosen on a part of the train list, because a list that chose the model cannot judge it; VALID is what
`trainer eval` evaluates. And a picture is seen whole: VALID's resize and centre crop would leave its border unseen.
"""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from inspector.errors import ConfigError
from trainer.data.formats import lines
from trainer.data.formats.label_names import label_names
from trainer.recipe import loading
from trainer.recipe.recipe import Recipe

#: The label file of the NEU tutorial, beside the pictures: lines of `id name`.
LABEL_FILE = "label_list.txt"
_MARKS = frozenset({"ARCHITECTURE", "architecture", "TRAIN"})
_SECTIONS = frozenset(
    {"mode", "ARCHITECTURE", "architecture", "pretrained_model", "model_save_dir", "classes_num", "total_images"}
    | {"save_interval", "validate", "valid_interval", "epochs", "topk", "image_shape", "use_mix", "ls_epsilon"}
    | {"LEARNING_RATE", "OPTIMIZER", "TRAIN", "VALID", "checkpoints", "use_ema", "ema_decay", "use_fp16", "AMP"}
)
#: Keys that say what the trainer does anyway, and the values that say so.
_AS_WE_DO: dict[str, tuple[Any, ...]] = {
    "mode": ("train", "valid"),  # the command says it
    "DecodeImage.to_rgb": (True, False),  # our pictures are gray
    "DecodeImage.to_np": (False,),
    "DecodeImage.channel_first": (False,),
    "NormalizeImage.order": ("",),
    "ToCHWImage": (None,),
    "last_epoch": (-1,),
    "load_static_weights": (False,),
    "is_distributed": (True,),  # the launcher says it
    **dict.fromkeys(("use_distillation", "use_dali", "use_xpu"), (False,)),
    "use_dynamic_loss_scaling": (True,),
    "AMP.use_dynamic_loss_scaling": (True,),
    "AMP.use_pure_fp16": (False,),
}
_CROP_AREA, _CROP_RATIO = (0.08, 1.0), (3 / 4, 4 / 3)  # what RandCropImage does where the config says nothing
_WARMUP_EPOCHS = 5  # of CosineWarmup, likewise
_EMA_DECAY = 0.9999  # likewise


def recognised(values: dict[str, Any]) -> bool:
    """Whether a YAML file is a PaddleClas 1.x config."""
    return not _MARKS.isdisjoint(values)


def load(path: Path, values: dict[str, Any], overrides: Sequence[str] = ()) -> tuple[Recipe, str]:
    """Return the recipe of a config, and one warning that names every key that is not honoured.

    An override may use the config's own keys (`TRAIN.batch_size=8`) or the recipe's (`training.batch_images=8`),
    which win.

    Raises:
        ConfigError: names the key and what would be right.
    """
    sections = _SECTIONS | values.keys()
    theirs = [text for text in overrides if re.split("[.=]", text)[0] in sections]
    ours = [text for text in overrides if text not in theirs]
    for text in theirs:
        loading.override(values, text)
    keys = _Keys(values)
    try:
        recipe = _recipe(path, keys)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {keys.last}: {error}") from None
    for text in ours:
        loading.override(recipe, text)
    note = _name_labels(path, recipe, keys.take("classes_num"))
    return loading.build(path, recipe, ours), f"{path}: {note}; not honoured: {', '.join(keys.left) or 'nothing'}"


class _Keys:
    """The config as flat keys, `TRAIN.RandCropImage.size`; what is taken is honoured, the rest stays in `left`.

    `named` has all of them.
    """

    def __init__(self, values: dict[str, Any]) -> None:
        self.left = dict(_flat(values, ()))
        self.named = frozenset(self.left)
        self.last = ""
        for key, value in list(self.left.items()):
            same = _AS_WE_DO.get(key) or _AS_WE_DO.get(key.partition(".")[2]) or ()
            if value in same:
                del self.left[key]

    def take(self, key: str, default: Any = None) -> Any:
        """Return the value, now honoured."""
        self.last = key
        return self.left.pop(key, default)

    def take_if(self, key: str, *accepted: Any) -> Any:
        """Return the value where it is one of those we honour, None otherwise."""
        return self.take(key) if self.left.get(key) in accepted else None

    def need(self, key: str) -> Any:
        """Return the value. Raise ValueError if there is none."""
        value = self.take(key)
        if value in (None, ""):
            raise ValueError("it is missing; every command takes the config of the training")
        return value


def _flat(values: Any, parents: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(values, list) and values and all(isinstance(item, dict) for item in values):
        for item in values:  # transforms and mix: a list of operators with one key each
            yield from _flat(item, parents[:-1])
    elif isinstance(values, dict) and values:
        for key, value in values.items():
            yield from _flat(value, (*parents, str(key)))
    else:
        yield ".".join(parents), values


def _recipe(path: Path, keys: _Keys) -> dict[str, Any]:
    architecture = keys.take("architecture") or keys.take("ARCHITECTURE.name")
    found = re.fullmatch(r"ResNet(18|34|50|101|152|200)_vd", str(architecture))
    if not found:
        raise ValueError(f"{architecture} cannot be trained; ResNet18_vd, 34, 50, 101, 152 and ResNet200_vd can")
    channels, size, _ = keys.take("image_shape", [3, 224, 224])
    return {
        "name": re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:64],
        "run_dir": str(Path(keys.take("model_save_dir") or "output") / architecture),
        "seed": keys.take("TRAIN.shuffle_seed") or 0,
        "data": _data(keys),
        "network": _network(keys, int(found[1]), channels, size),
        "training": _training(keys),
        "augment": _augment(keys, size),
    }


def _data(keys: _Keys) -> dict[str, Any]:
    root = Path(keys.need("TRAIN.data_dir"))
    evaluated = Path(keys.take("VALID.data_dir", root))
    if evaluated != root:
        raise ValueError(f"{evaluated} is not TRAIN.data_dir, {root}: both parts must be under one folder")
    train_list, eval_list = keys.need("TRAIN.file_list"), keys.take("VALID.file_list")
    return {
        "root": str(root),
        "train_list": _below(root, train_list),
        "eval_list": _below(root, eval_list) if eval_list else None,
    }


def _below(root: Path, file: str) -> str:
    """Return the list as a recipe names it: relative to the pictures where it lies beside them."""
    path = Path(file)
    return str(path.relative_to(root) if path.is_relative_to(root) else path.absolute())


def _network(keys: _Keys, depth: int, channels: int, size: int) -> dict[str, Any]:
    network = {"depth": depth, "width": 1, "channels": channels, "size_px": size}
    for part in ("mean", "std"):
        numbers = keys.take(f"TRAIN.NormalizeImage.{part}")
        if numbers is not None:
            network[part] = numbers if len(numbers) > 1 else numbers[0]
        keys.take_if(f"VALID.NormalizeImage.{part}", numbers)
    for split in ("TRAIN", "VALID"):
        if _is_1_in_255(keys.left.get(f"{split}.NormalizeImage.scale")):
            keys.take(f"{split}.NormalizeImage.scale")
    return network


def _is_1_in_255(scale: Any) -> bool:
    """Return whether a scale is 1 / 255, also as the text `1./255.`, which PaddleClas evaluates."""
    above, _, below = str(scale).partition("/")
    try:
        return math.isclose(float(above) / float(below or 1), 1 / 255, rel_tol=1e-3)
    except (ValueError, ZeroDivisionError):
        return False


def _training(keys: _Keys) -> dict[str, Any]:
    function = keys.take_if("LEARNING_RATE.function", "Cosine", "CosineWarmup")
    regularised = keys.take_if("OPTIMIZER.regularizer.function", "L2")
    if keys.take("checkpoints"):
        raise ValueError("a training goes on by `trainer train --resume`: leave this key empty")
    averaged, decay = keys.take("use_ema"), keys.take("ema_decay", _EMA_DECAY)
    validated, interval = keys.take("validate", True), keys.take("valid_interval", 1)
    epochs = keys.need("epochs")
    alpha = keys.take("TRAIN.MixupOperator.alpha")
    mixed = keys.take_if("use_mix", False, *([True] if alpha else []))
    chosen = {
        "epochs": epochs,
        "batch_images": keys.take("TRAIN.batch_size"),
        "learning_rate": keys.take("LEARNING_RATE.params.lr"),
        "warmup_epochs": keys.take("LEARNING_RATE.params.warmup_epoch", _WARMUP_EPOCHS)
        if function == "CosineWarmup"
        else 0,
        "momentum": keys.take("OPTIMIZER.params.momentum") if keys.take_if("OPTIMIZER.function", "Momentum") else None,
        "nesterov": False,
        "l2": keys.take("OPTIMIZER.regularizer.factor") if regularised else 0,
        "label_smoothing": keys.take("ls_epsilon") or 0,
        "mixup": alpha if mixed else 0,
        "pretrained": keys.take("pretrained_model") or None,
        "amp": _half_precision(keys),
        "ema_decay": decay if averaged else None,
        "eval_every_epochs": interval if validated else epochs,
        "save_every_epochs": keys.take("save_interval"),
    }
    return {key: value for key, value in chosen.items() if value is not None}


def _half_precision(keys: _Keys) -> bool:
    """Return whether half precision is asked for, by a switch or by a section of its own."""
    switched_on = keys.take_if("use_fp16", True, False)
    keys.take_if("AMP", None, {})
    return bool(switched_on) or any(key.split(".")[0] == "AMP" for key in keys.named)


def _augment(keys: _Keys, size: int) -> dict[str, Any]:
    """Return the changes the config asks for. A crop is drawn by its side, in PaddleClas by its area: same bounds."""
    chosen: dict[str, Any] = {"crop_min_share": 1, "flip": False, "brightness": 0, "contrast": 0}
    chosen |= {"noise_share": 0, "blur_share": 0}
    if "TRAIN.RandCropImage.size" in keys.left:
        keys.take_if("TRAIN.RandCropImage.size", size)
        smallest, _ = keys.take("TRAIN.RandCropImage.scale", _CROP_AREA)
        flattest, widest = keys.take("TRAIN.RandCropImage.ratio", _CROP_RATIO)
        chosen |= {"crop_min_share": math.sqrt(smallest), "crop_aspect": max(widest, 1 / flattest)}
    flip = keys.take_if("TRAIN.RandFlipImage.flip_code", 0, 1)
    if flip is not None:
        chosen["flip"] = "left_right" if flip else "up_down"
    return chosen


def _name_labels(path: Path, recipe: dict[str, Any], count: int | None) -> str:
    """Give the recipe its labels where an override has not, and say where they come from."""
    if "labels" in recipe:
        return "labels by override"
    file = Path(recipe["data"]["root"]) / LABEL_FILE
    if file.is_file():
        names = names_in_label_file(file)
        if count not in (None, len(names)):
            raise ConfigError(f"{path}: classes_num is {count}, but {file} names {len(names)}: {', '.join(names)}")
        recipe["data"].setdefault("label_file", LABEL_FILE)
        safe = label_names(names)
        recipe["labels"] = [{"name": name, "aliases": [alias] if alias != name else []}
                            for name, alias in zip(safe, names, strict=True)]  # fmt: skip
        other = ", ".join(f"{alias!r} is {name}" for name, alias in zip(safe, names, strict=True) if alias != name)
        return f"the labels are those of {file}, all of kind defect{f' ({other})' if other else ''}"
    if not isinstance(count, int):
        raise ConfigError(f"{path}: classes_num is missing, and there is no {file}")
    recipe["labels"] = [{"name": f"class_{number}", "aliases": [str(number)]} for number in range(count)]
    return f"without {file} the labels are class_0 to class_{count - 1}, all of kind defect"


def names_in_label_file(file: Path) -> list[str]:
    """Return the names of a label file's lines of `id name`. Raise ConfigError if the ids are not 0, 1, 2 in order."""
    try:
        content = lines.text(file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: {error.strerror if isinstance(error, OSError) else error}") from None
    cells = [line.split(None, 1) for line in content.split("\n") if line.strip()]
    names = [cell[1].strip() for cell in cells if len(cell) == 2]
    if [cell[0] for cell in cells] != [str(number) for number in range(len(names))]:
        raise ConfigError(f"{file}: lines of `id name` are expected, the ids from 0 on, in order")
    return names
