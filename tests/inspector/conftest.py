"""Shared by the tests of the daemon. Imports the inspector before OpenCV, whose limits it sets, as its processes do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.sources.folder.folder import Folder
from tests.inspector import folders


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """An empty drop folder."""
    (tmp_path / "drop").mkdir()
    return tmp_path / "drop"


@pytest.fixture
def folder(drop: Path) -> Iterator[folders.Open]:
    """Opens connectors on the drop folder, see folders.connect; they are closed at the end."""
    opened: list[Folder] = []

    def open_(**changes: Any) -> Folder:
        connector = folders.connect(drop, **changes)
        opened.append(connector)
        connector.open()
        return connector

    yield open_
    for connector in opened:
        connector.close()
