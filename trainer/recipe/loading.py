"""Owns reading a recipe: a YAML file, environment variables in it and overrides over it become a checked Recipe."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inspector import yaml_text
from inspector.errors import ConfigError
from trainer.recipe.recipe import Recipe


def load(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; each override is `a.b=value` and wins over the file, which wins over the defaults.

    Raises:
        ConfigError: names the file or override, the key, and what would be right.
    """
    return build(path, read(path), overrides)


def read(path: Path) -> dict[str, Any]:
    """Return the keys of a YAML file, unchecked; `${NAME:-default}` in its values takes an environment variable."""
    values = yaml_text.read(path, "a recipe is a YAML file that begins with `name:`, see configs/train/")
    expanded: dict[str, Any] = _with_environment(values)
    return expanded


def build(path: Path, values: dict[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe of `values`, which `path` is named for in errors. Raise ConfigError if they are not one."""
    for text in overrides:
        override(values, text)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_first_problem(path, overrides, error)) from None


def with_lines(values: dict[str, Any], overrides: Sequence[str], lines: Sequence[Path]) -> Sequence[str]:
    """Return the overrides, and one by which `data.lines` has these lines besides those that it has."""
    if not lines:
        return overrides
    key = "data.lines="
    before = [text.removeprefix(key) for text in overrides if text.startswith(key)][-1:]
    data = values.get("data")
    if data is None:
        values.pop("data", None)  # an empty section
    known = yaml_text.assignment(f"{key}{before[0]}", "-o", key)[1] if before else (data or {}).get("lines", [])
    known = known if isinstance(known, list) else [known]
    return [*overrides, f"{key}{json.dumps([*map(str, known), *map(str, lines)])}"]


def _with_environment(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_environment(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_environment(part) for part in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda m: os.environ.get(m[1]) or m[2] or "", value)
    return value


def override(values: dict[str, Any], assignment: str) -> None:
    """Set one key, given as `a.b=value`. Raise ConfigError if it is not of that form."""
    key, value = yaml_text.assignment(assignment, f"-o {assignment}", "training.epochs=30")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"-o {assignment}: {parent} is not a section")
    values[last] = value


def _first_problem(path: Path, overrides: Sequence[str], error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    source = next((f"-o {text}" for text in overrides if f"{key}.".startswith(text.partition("=")[0] + ".")), str(path))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "there is no such key"
    elif first["type"] not in ("missing", "value_error"):
        message += f", got {first['input']!r}"
    return f"{source}: {key}: {message}" if key else f"{source}: {message}"
