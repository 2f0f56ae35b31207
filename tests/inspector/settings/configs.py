"""Owns small configs for tests: written, loaded, refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from inspector.errors import ConfigError
from inspector.settings import loading
from inspector.settings.settings import Settings


def load(tmp_path: Path, *overrides: str, **changes: Any) -> Settings:
    """The settings of a small line with some changes in its file, and overrides of the command line."""
    values: dict[str, Any] = {
        "data": str(tmp_path / "data"),
        "sources": [{"name": "drop", "type": "folder", "path": str(tmp_path / "drop")}],
    }
    (tmp_path / "line.yaml").write_text(yaml.safe_dump(values | changes))
    return loading.load(tmp_path / "line.yaml", list(overrides))


def refused(tmp_path: Path, *overrides: str, **changes: Any) -> str:
    """The one message with which it is refused."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *overrides, **changes)
    message = str(caught.value)
    assert "\n" not in message
    return message


def folder(tmp_path: Path, name: str, path: str = "") -> dict[str, str]:
    """A folder source."""
    return {"name": name, "type": "folder", "path": str(tmp_path / (path or name))}
