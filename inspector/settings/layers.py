"""Owns where values of settings come from, and how one lies over another: file, environment, command line."""

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
    """The values of the file at `path`, under those of the environment, under `overrides` ("workers.count=4", in YAML).

    Also where each override was given, by its key. `anchor` is called with the file's own values and its path, before
    the others are laid over them. ConfigError where a file or an override cannot be read.
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
    """INSPECTOR_WORKERS__COUNT=4 says what `-o workers.count=4` says; yields (INSPECTOR_WORKERS__COUNT, that)."""
    for name, value in sorted(variables.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name != VARIABLE:
            yield name, f"{name.removeprefix(ENVIRONMENT_PREFIX).lower().replace('__', '.')}={value}"


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Lay `over` onto `base`. An entry of a list is addressed by its number or its `name`: sources.drop.path."""
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
    raise ConfigError(f"{key}.{which}: no such entry; there are {len(entries)}, told by number or name")
