"""Owns what a running line leaves of its settings in the data folder, for who asks while the config is being edited."""

import re
from pathlib import Path

from pydantic import ValidationError

from inspector import yaml_text
from inspector.host import atomic, regular_file
from inspector.settings.section import differences
from inspector.settings.settings import Settings

_FILE = "settings-running.json"


def save(settings: Settings) -> None:
    """Keep the settings that are in force, secrets left out. OSError where they cannot be written."""
    atomic.write(settings.data / _FILE, _without_secrets(settings).encode(), mode=0o600)


def read(data: Path) -> Settings | None:
    """Return the settings with which the line of this data folder started or was reloaded last; None: not known."""
    try:
        return Settings.model_validate_json(regular_file.read(data / _FILE))
    except (OSError, ValidationError):
        return None


def changed(running: Settings, config: Settings) -> list[str]:
    """Return the keys in which a config differs from what runs; a secret that changed is not among them."""
    return differences(running, Settings.model_validate_json(_without_secrets(config)))


def data_folder(config: Path) -> Path | None:
    """Return the data folder that a config names which cannot be used as a whole, even where it is no YAML."""
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
