"""No setting of these tests comes from the environment."""

import os

import pytest

from inspector.settings import layers


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(layers.ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)
