"""Owns the layers of settings: file, under environment, under command line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspector import yaml_text
from inspector.errors import ConfigError
from inspector.host.redaction import shown
from inspector.settings.config_file import VARIABLE

ENVIRONMENT_PREFIX = "INSPECTOR_"


def read(
    path: Path,
    variables: Mapping[str, str],
    overrides: Sequence[str],
    anchor: Callable[[dict[str, Any], Path], None] = lambda values, path: None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values of the file at `path`, under the environment, under `overrides` ("workers.count=4", in YAML).

    Also return where each override was given, by its key. `anchor` is called with the values of the file and its path,
    before the others are merged. Raise ConfigError if the file or an override cannot be read.
    """
    values = yaml_text.read(path, "a config is a YAML file of settings, for example `data: ./data`")
    anchor(values, path)
    origins: dict[str, str] = {}
    for origin, text in [*_environment(variables), *((f"-o {shown(text)}", text) for text in overrides)]:
        key, value = yaml_text.assignment(text, origin, "workers.count=4")
        for part in reversed(key.split(".")):
            value = {part: value}
        _merge(values, value)
        origins[key] = origin
    return values, origins


def _environment(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable and its override: INSPECTOR_WORKERS__COUNT=4 is workers.count=4."""
    for name, value in sorted(variables.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name != VARIABLE:
            yield name, f"{name.removeprefix(ENVIRONMENT_PREFIX).lower().replace('__', '.')}={value}"


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Merge `over` into `base`. An entry of a list is addressed by its number or its `name`: sources.drop.path."""
    for key, value in over.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, list):
            for which, change in value.items():
                entry = _entry(below, key, which)
                if not isinstance(change, dict):
                    raise ConfigError(f"{key}.{which}: say which of its settings, for example {key}.{which}.name=a")
                _merge(entry, change)
        elif isinstance(value, dict) and isinstance(below, dict):
            _merge(below, value)
        else:
            base[key] = value


def _entry(entries: list[Any], key: str, which: str) -> dict[str, Any]:
    for index, entry in enumerate(entries):
        if isinstance(entry, dict) and which in (str(index), entry.get("name")):
            return entry
    raise ConfigError(f"{key}.{which}: no such entry; there are {len(entries)}, addressed by number or name")
