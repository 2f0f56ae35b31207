"""Owns the reading of inference.yml: what PaddleX 3 and PaddleClas 2.x say about an exported classifier.

Its PreProcess.transform_ops are honoured to the pixel or refused by name: a model that is fed otherwise than it was
trained scores nonsense with confidence. Also read: the `Infer` section of a PaddleClas 2.x training config.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspector import yaml_text
from inspector.errors import ConfigError
from trainer.recipe import paddleclas

#: What their operators do where the file says nothing.
_MEAN, _STD, _SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1 / 255
_BILINEAR = (None, "bilinear", "linear", "BILINEAR", "LINEAR")
#: The operators in the order they may stand, and the values of their keys that change nothing for gray pictures.
_OPERATORS: dict[str, dict[str, tuple[Any, ...]]] = {
    "DecodeImage": {"to_rgb": (True, False), "to_np": (True, False), "channel_first": (False,)},
    "ResizeImage": {"interpolation": _BILINEAR, "backend": (None, "cv2"), "return_numpy": (True,)},
    "CropImage": {},
    "NormalizeImage": {"channel_num": (3,), "output_fp16": (False,)},
    "ToCHWImage": {},
}
_NEEDED = ("ResizeImage", "NormalizeImage", "ToCHWImage")
#: What may stand beside Topk: how results are shown or saved, no part of the model.
_SHOWN = frozenset({"main_indicator", "SavePreLabel"})


@dataclass(frozen=True, slots=True)
class Described:
    """A classifier's input and outputs: labels in output order; mean and std of x / 255, for each of three channels.

    The picture is resized to size x size, or its shorter side to `resize_short` and the centre cut out.
    """

    model_name: str
    labels: tuple[str, ...]
    size: int
    resize_short: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]


class _Refused(ValueError):
    """A key that cannot be honoured, and why."""


def read(path: Path) -> Described:
    """Read the file. Raise ConfigError, which names it, the key, and what would be right."""
    try:
        values = yaml_text.load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: {reason}; name the model's config with --yml") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    try:
        return _described(path, values)
    except _Refused as error:
        raise ConfigError(f"{path}: {error}") from None


def _described(path: Path, values: Any) -> Described:
    top = _mapping(values, "file")
    if "Infer" in top:
        section = _mapping(top["Infer"], "Infer")
        operators, after = section.get("transforms"), section.get("PostProcess")
    else:
        operators, after = _mapping(top.get("PreProcess"), "PreProcess").get("transform_ops"), top.get("PostProcess")
    steps = _steps(operators)
    size, resize_short = _shape(steps["ResizeImage"], steps.get("CropImage"))
    mean, std = _numbers(steps["NormalizeImage"], list(steps))
    name = str((top.get("Global") or {}).get("model_name") or "")
    return Described(name, _labels(path, _mapping(after, "PostProcess")), size, resize_short, mean, std)


def _mapping(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Refused(f"{key}: a section is expected: PreProcess with transform_ops, and PostProcess with Topk")
    return value


def _steps(operators: Any) -> dict[str, dict[str, Any]]:
    """Return each operator's keys, once those that change nothing, and those that must not be there, are checked."""
    if not isinstance(operators, list):
        raise _Refused("PreProcess.transform_ops: a list of operators is expected")
    steps: dict[str, dict[str, Any]] = {}
    for item in operators:
        if not isinstance(item, dict) or len(item) != 1:
            raise _Refused(f"transform_ops: {item!r}: one operator is expected, such as ResizeImage")
        [(name, keys)] = item.items()
        if name not in _OPERATORS or name in steps:
            known = ", ".join(_OPERATORS)
            raise _Refused(f"transform_ops: {name} cannot be honoured here; {known} can, once each")
        steps[name] = dict(_mapping(keys or {}, f"transform_ops.{name}"))
        for key, accepted in _OPERATORS[name].items():
            value = steps[name].pop(key, accepted[0])
            if value not in accepted:
                choices = " or ".join(repr(choice) for choice in accepted if choice is not None)
                raise _Refused(f"{name}.{key}: {value!r} cannot be honoured, {choices} can")
    for name in _NEEDED:
        if name not in steps:
            raise _Refused(f"transform_ops: {name} is missing")
    for free in ("ToCHWImage", "NormalizeImage"):  # either may come first, `order` says which
        places = [list(_OPERATORS).index(name) for name in steps if name != free]
        if places != sorted(places):
            raise _Refused(
                f"transform_ops: {', '.join(steps)}: only this order can be honoured: {', '.join(_OPERATORS)}"
            )
    return steps


def _shape(resize: dict[str, Any], crop: dict[str, Any] | None) -> tuple[int, int | None]:
    short, size = resize.pop("resize_short", None), resize.pop("size", None)
    _nothing_left("ResizeImage", resize)
    cut = None
    if crop is not None:
        cut = _side("CropImage.size", crop.pop("size", 224))
        _nothing_left("CropImage", crop)
    if short:
        if cut is None:
            raise _Refused("ResizeImage.resize_short: without CropImage the network would get pictures of any shape")
        if not cut <= _side("ResizeImage.resize_short", short) <= 2 * cut:
            raise _Refused(
                f"ResizeImage.resize_short: {short} with CropImage.size {cut}; {cut} to {2 * cut} can be cut"
            )
        return cut, short
    whole = _side("ResizeImage.size", size)
    if cut not in (None, whole):
        raise _Refused(
            f"CropImage.size: {cut} of ResizeImage.size {whole} cannot be honoured; of a resize_short it can"
        )
    return whole, None


def _side(key: str, value: Any) -> int:
    """Return a square's side, given as one number or twice."""
    sides = value if isinstance(value, list) else [value]
    if len(set(map(str, sides))) != 1 or len(sides) > 2 or type(sides[0]) is not int or not 16 <= sides[0] <= 1024:
        raise _Refused(f"{key}: {value!r}: a square of 16 to 1024 pixels is needed, for example 224 or [224, 224]")
    side: int = sides[0]
    return side


def _numbers(normalise: dict[str, Any], order: list[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Convert their (x * scale - mean) / std into ours, (x / 255 - mean) / std."""
    channels_first = order.index("ToCHWImage") < order.index("NormalizeImage")
    layout = normalise.pop("order", None)
    if layout not in (None, "", "hwc", "chw") or (layout is not None and (layout == "chw") != channels_first):
        raise _Refused(
            f"NormalizeImage.order: {layout!r}: chw goes with ToCHWImage before it, '' with ToCHWImage after it"
        )
    factor = _factor(normalise.pop("scale", None)) * 255
    mean = _three("NormalizeImage.mean", normalise.pop("mean", None) or _MEAN)
    std = _three("NormalizeImage.std", normalise.pop("std", None) or _STD)
    _nothing_left("NormalizeImage", normalise)
    if min(std) <= 0:
        raise _Refused(f"NormalizeImage.std: {std}: more than 0 is needed")
    return tuple(number / factor for number in mean), tuple(number / factor for number in std)


def _factor(scale: Any) -> float:
    """Return a number, also of a text such as `1.0/255.0`: PaddleClas evaluates it, here it is only divided."""
    above, _, below = str(_SCALE if scale is None else scale).partition("/")
    try:
        factor = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        factor = 0.0
    if not 0 < factor <= 1:
        raise _Refused(f"NormalizeImage.scale: {scale!r}: a number is needed, for example 1.0/255.0")
    return factor


def _three(key: str, value: Any) -> tuple[float, ...]:
    numbers = list(value) if isinstance(value, list | tuple) else [value] * 3
    if len(numbers) != 3 or not all(type(number) in (int, float) for number in numbers):
        raise _Refused(f"{key}: {value!r}: three numbers are needed, one for each channel")
    return tuple(float(number) for number in numbers)


def _nothing_left(operator: str, keys: dict[str, Any]) -> None:
    if keys:
        raise _Refused(f"{operator}.{next(iter(keys))}: cannot be honoured here")


def _labels(path: Path, after: dict[str, Any]) -> tuple[str, ...]:
    """Read the labels of `Topk: {...}` as PaddleX writes it, or of `name: Topk` with its keys as PaddleClas does."""
    topk = after if after.get("name") == "Topk" else after.get("Topk")
    others = {} if topk is after else after.keys() - _SHOWN - {"Topk"}
    if topk is None or others:
        raise _Refused(
            f"PostProcess: {', '.join(sorted(others)) or 'no Topk'}: only Topk, one label a picture, is honoured"
        )
    keys = _mapping(topk, "PostProcess.Topk")
    names, file = keys.get("label_list"), keys.get("class_id_map_file")
    if isinstance(names, list) and names:
        return tuple(str(name) for name in names)
    if not file:
        raise _Refused("PostProcess.Topk: label_list or class_id_map_file is missing: what are the outputs called?")
    tried = [Path(file), path.parent / file, path.parent / Path(file).name]
    found = next((place for place in tried if place.is_file()), None)
    if found is None:
        raise _Refused(
            f"PostProcess.Topk.class_id_map_file: {file}: no such file, nor one of its name beside the config"
        )
    return tuple(paddleclas.names_in_label_file(found))
