"""The checkpoint: explains itself, survives a failed save, and is refused when damaged."""

import resource
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import tiny_recipe
from trainer.recipe.recipe import Recipe
from trainer.weights import checkpoint
from trainer.weights.checkpoint import CheckpointError, Meta

WEIGHTS = {"fc.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "fc.bias": np.ones(3, np.float32)}


@pytest.fixture
def meta(tmp_path: Path) -> Meta:
    recipe = Recipe.model_validate(tiny_recipe(tmp_path))
    return Meta(recipe=recipe, labels=tuple(spec.label() for spec in recipe.labels), epoch=4, metrics={"loss": 0.5},
                data_fingerprint="abc", versions={"paddle": "3"}, created_at="2026-01-01T00:00:00+00:00")  # fmt: skip


@pytest.fixture
def path(tmp_path: Path, meta: Meta) -> Path:
    checkpoint.save(tmp_path / "run" / "last.npz", meta, WEIGHTS)
    return tmp_path / "run" / "last.npz"


def test_what_is_saved_is_loaded(path: Path, meta: Meta) -> None:
    loaded = checkpoint.load(path)
    assert loaded.meta == meta
    assert {name: array.tolist() for name, array in loaded.weights.items()} == {
        name: array.tolist() for name, array in WEIGHTS.items()
    }
    assert [file.name for file in path.parent.iterdir()] == ["last.npz"]


def test_a_disk_that_takes_no_more_leaves_the_older_checkpoint(path: Path, meta: Meta) -> None:
    """A limit on the size of files fails the write itself, as a full disk does."""
    before = path.read_bytes()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
    try:
        with pytest.raises(CheckpointError, match=r"last\.npz: cannot be saved: File too large; the one before is as"):
            checkpoint.save(path, meta, {"fc.weight": np.ones((200, 1000), np.float32)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["last.npz"]


def test_what_a_killed_save_left_is_swept(path: Path) -> None:
    path.with_name(".last.npz.4711.tmp").write_bytes(b"half")
    path.with_name(".other.npz.4711.tmp").write_bytes(b"not ours")
    checkpoint.sweep(path)
    assert sorted(file.name for file in path.parent.iterdir()) == [".other.npz.4711.tmp", "last.npz"]


def test_damage_anywhere_is_seen(path: Path) -> None:
    whole = path.read_bytes()
    for damaged in (b"", b"text", whole[:-30], whole[:200] + b"\xff" * 8 + whole[208:]):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"last\.npz"):
            checkpoint.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="trainer train"):
        checkpoint.load(tmp_path / "none.npz")


def test_weights_of_another_network_are_refused_by_name(path: Path) -> None:
    loaded = checkpoint.load(path)
    with pytest.raises(CheckpointError, match=r"1 weights do not fit.*fc\.bias: \(3,\), \(4,\) is needed"):
        checkpoint.fit(loaded, WEIGHTS | {"fc.bias": np.ones(4, np.float32)})
    assert checkpoint.fit(loaded, WEIGHTS) is loaded.weights
