"""Owns the copy of a running line's settings in its data folder, for commands run while the config is being edited."""

import re
from pathlib import Path

from pydantic import ValidationError

from inspector import yaml_text
from inspector.host import atomic, regular_file
from inspector.settings.section import differences
from inspector.settings.settings import Settings

_FILE = "settings-running.json"


def save(settings: Settings) -> None:
    """Write the settings in force, without secrets. Raise OSError if they cannot be written."""
    atomic.write(settings.data / _FILE, _without_secrets(settings).encode(), mode=0o600)


def read(data: Path) -> Settings | None:
    """Return the settings with which the line of this data folder last started or reloaded; None if not known."""
    try:
        return Settings.model_validate_json(regular_file.read(data / _FILE))
    except (OSError, ValidationError):
        return None


def changed(running: Settings, config: Settings) -> list[str]:
    """Return the keys in which a config differs from the running settings; secrets are not compared."""
    return differences(running, Settings.model_validate_json(_without_secrets(config)))


def data_folder(config: Path) -> Path | None:
    """Return the data folder that an unusable config names, even one that is no YAML; None if it names none."""
    try:
        text = config.read_text(errors="replace")
    except OSError:
        return None
    found = re.search(r"^data:[ \t]+(\S.*)$", text, re.MULTILINE)
    try:
        named = yaml_text.load(found[1]) if found else None
    except ValueError:
        return None
    return config.absolute().parent / named if isinstance(named, str) else None


def _without_secrets(settings: Settings) -> str:
    return settings.model_dump_json(exclude_unset=True)
