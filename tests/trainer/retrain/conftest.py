"""A weak model in service on a line, and people who labelled what it got wrong."""

from pathlib import Path

import pytest

from inspector.record.models.model_history import ModelHistory
from inspector.vision import bundle, model_copies
from tests.trainer import said
from tests.trainer.conftest import write_folders, write_recipe
from trainer.cli import main


@pytest.fixture(scope="session")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that has hardly learned anything. Tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("weak")
    write_folders(folder / "data", per_class=6)
    recipe = write_recipe(folder, training={"epochs": 1, "batch_images": 8, "learning_rate": 1e-6})
    for command in (["prepare"], ["train"], ["eval"], ["export", "--force"]):
        assert main([*command, "-c", str(recipe)]) == 0
    return folder / "run/bundle"


def serve(line: Path, folder: Path) -> str:
    """Put a bundle in service on a line, and return its address."""
    copy = model_copies.imported(line, bundle.load(folder))
    history = ModelHistory(line)
    history.note("serving", model=copy.id, address=copy.path.name, person="eve", at=1.0)
    history.close()
    return copy.path.name


@pytest.fixture
def line(tmp_path: Path, weak: Path) -> Path:
    """A line's data folder: the weak model serves, and 90 frames are labelled; class folders beside it."""
    write_folders(tmp_path / "data", per_class=30)
    data = said.line(tmp_path / "line", 30)
    serve(data, weak)
    return data
