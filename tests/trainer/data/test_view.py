"""The view of a bundle: as many camera pixels as its pictures have, and another number is said."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from inspector.vision import bundle
from tests.trainer.conftest import picture, write_recipe
from trainer.bundles.predict import judge
from trainer.cli import main
from trainer.data import manifest, view
from trainer.recipe import loading

Run = Callable[..., Any]


@pytest.fixture
def silent(finished: Path, tmp_path: Path) -> Path:
    """The finished run's recipe without a word about the view; its pictures are of 48 px."""
    return write_recipe(tmp_path, run_dir=str(finished / "run"), data={"root": str(finished / "data")}, export={})


def test_a_view_is_as_large_as_the_pictures_where_the_recipe_says_nothing(
    silent: Path, tmp_path: Path, run_json: Run
) -> None:
    told = run_json("export", "-c", silent, "--to", tmp_path / "bundle")
    assert told["view_px"] == 48 and told["notes"] == []
    made = bundle.load(tmp_path / "bundle")
    assert made.manifest.input.view_px == 48
    assert made.golden().images.shape == (6, 48, 48)
    assert judge("checkpoint", tmp_path, loading.load(silent)).view_px == 48


def test_another_view_than_the_pictures_is_said_with_what_it_does(
    silent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "-c", str(silent), "-o", "export.view_px=75", "--to", str(tmp_path / "bundle")]) == 0
    said = capsys.readouterr()
    assert (
        "export.view_px is 75, but its pictures are of 48 px a side: on a line it sees steel at 0.64 times" in said.err
    )
    assert "views of 75 px" in said.out
    assert bundle.load(tmp_path / "bundle").manifest.input.view_px == 75


def test_pictures_of_several_sizes_give_the_one_in_the_middle_and_it_is_said(finished: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(finished / "data", root)
    for index in range(10):
        cv2.imwrite(str(root / f"patches/patches_{index}.png"), picture("patches", index, 96))
    recipe = loading.load(write_recipe(tmp_path, data={"root": str(root)}, export={}))
    assert main(["prepare", "-c", str(tmp_path / "recipe.yaml")]) == 0
    seen = view.of(recipe, manifest.read(recipe.manifest_path))
    assert seen.px == 48
    assert seen.note == "a view is 48 px: its pictures are of 48 to 96 px a side, 48 in the middle"
