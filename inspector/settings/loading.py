"""Owns loading: a config file, environment and overrides become checked Settings.

Precedence: command line (`-o key=value`) > environment (`INSPECTOR_KEY__SUBKEY`) > file > default.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inspector.errors import ConfigError
from inspector.settings import config_file, layers, mistakes
from inspector.settings.settings import Settings


def load(path: Path, overrides: list[str] | None = None) -> Settings:
    """Read the config file at `path`, then the environment, then `overrides` ("workers.count=4", values in YAML).

    Raises:
        ConfigError: a line for each wrong setting: file and key, what is wrong with it, and what would be right.
    """
    values, origins = layers.read(path, os.environ, overrides or [], _anchor)
    config_file.check_anchored(values, path)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(mistakes.explain(error.errors(), Settings, path, origins))) from None


def _anchor(values: dict[str, Any], path: Path) -> None:
    config_file.anchor(values, Settings, path)
