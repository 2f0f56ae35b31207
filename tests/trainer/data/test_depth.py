"""Holds the bit depth: 12 bits in 16 are learned and inspected as the same steel in 8 would be, or refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from inspector.vision import bundle
from tests.fakes import Line, make_bundle, running
from tests.fakes import inspector as run_inspector
from tests.trainer.conftest import write_folders, write_recipe
from trainer.cli import main
from trainer.data import dataset, manifest

Run = Callable[..., Any]


def deepen(root: Path, by_bits: int = 4) -> None:
    """Every PNG below root once more, in 8 bits and so many more of 16."""
    for path in root.rglob("*.png"):
        pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), pixels.astype(np.uint16) << by_bits | 0x7)


def deep_recipe(folder: Path, by_bits: int = 4, **data: Any) -> Path:
    """The tiny recipe on pictures of 12 bits, or of others."""
    write_folders(folder / "data", per_class=12)
    deepen(folder / "data", by_bits)
    return write_recipe(folder, data={"root": str(folder / "data"), "val_share": 0.2, "eval_share": 0.2, **data})


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on pictures of 12 bits, taken through to its bundle."""
    folder = tmp_path_factory.mktemp("deep")
    recipe = deep_recipe(folder, bit_depth=12)
    for command in ("prepare", "train", "eval", "export"):
        assert main([command, "-c", str(recipe), *(["--force"] if command == "export" else [])]) == 0
    return folder


def test_pictures_of_twelve_bits_are_refused_until_the_recipe_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = deep_recipe(tmp_path)

    assert main(["prepare", "-c", str(recipe)]) == 2

    said = capsys.readouterr().err
    assert "only 12 of 16 bits are used by its 36 pictures of 16 bits: set data.bit_depth: 12" in said
    assert not (tmp_path / "run" / "manifest.tsv").exists()


def test_a_recipe_that_says_sixteen_is_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "unsaid").mkdir()
    (tmp_path / "said").mkdir()

    assert main(["prepare", "-c", str(deep_recipe(tmp_path / "unsaid", by_bits=6))]) == 2
    assert "set data.bit_depth: 14, or 16 where they are as dark as that" in capsys.readouterr().err
    assert main(["prepare", "-c", str(deep_recipe(tmp_path / "said", by_bits=6, bit_depth=16))]) == 0


def test_a_picture_beyond_the_depth_is_named_and_left_out(tmp_path: Path, run_json: Run) -> None:
    recipe = deep_recipe(tmp_path, bit_depth=12)
    cv2.imwrite(str(tmp_path / "data" / "Sc" / "bright.png"), np.full((48, 48), 5000, np.uint16))

    (skipped,) = run_json("prepare", "-c", recipe)["skipped"]
    assert "gray level 5000 in an image said to use 12 bits" in str(skipped)


def test_twelve_bits_are_learned_as_the_same_picture_of_eight(tmp_path: Path) -> None:
    # Given the same pictures twice, of 8 bits and of 12
    eight, twelve = tmp_path / "eight", tmp_path / "twelve"
    write_folders(eight / "data", per_class=12)
    for recipe in (write_recipe(eight), deep_recipe(twelve, bit_depth=12)):
        assert main(["prepare", "-c", str(recipe)]) == 0
    # Then their pixels are the same, and only one manifest speaks of a depth
    plans = [manifest.read(folder / "run" / "manifest.tsv") for folder in (eight, twelve)]
    assert [plan.bit_depth for plan in plans] == [None, 12]
    assert len({dataset.load(plan, plan.rows).fingerprint() for plan in plans}) == 1


def test_the_bundle_says_what_it_learned_from_and_the_line_agrees_with_the_trainer(
    deep: Path, tmp_path: Path, run_json: Run
) -> None:
    # Given a model of 12-bit pictures
    made = bundle.load(deep / "run" / "bundle")
    assert made.manifest.preprocessing.bit_depth == 12
    pictures = sorted((deep / "data").rglob("*.png"))
    predicted = {
        Path(one["path"]).name: (one["outcome"], one["label"])
        for one in run_json("predict", "--bundle", made.path, *pictures)["verdicts"]
    }
    # When a line with the same depth inspects the same files
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "settle_ms": 0, "bit_depth": 12}
    line = Line(tmp_path, [source], bundle=str(made.path), workers={"count": 1, "engine": "paddle"})
    line.drop.mkdir()
    for path in pictures:
        shutil.copy(path, line.drop / path.name)
    with running(line):
        records = line.wait_for_records(len(pictures))
    # Then each is decided as the trainer decides it, and hardly one is unsure
    assert {record.name: (record.outcome, record.label) for record in records} == predicted
    assert sum(record.outcome in ("ok", "defect") for record in records) > len(records) // 2


def test_a_line_that_does_not_say_the_depth_its_model_learned_from_is_refused(tmp_path: Path) -> None:
    made = make_bundle(tmp_path / "deep", preprocessing={"mean": [0.5], "std": [0.25], "bit_depth": 12})
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop")}
    line = Line(tmp_path, [source], bundle=str(made.path))

    for command in ("check", "run"):
        done = run_inspector(command, "-c", str(line.config))
        assert done.returncode == 2
        assert "sources.drop.bit_depth: the bundle learned from pictures that use 12 of 16 bits: set it" in done.stderr


def test_a_line_that_says_another_depth_is_warned(tmp_path: Path) -> None:
    made = make_bundle(tmp_path / "deep", preprocessing={"mean": [0.5], "std": [0.25], "bit_depth": 12})
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "bit_depth": 10}
    line = Line(tmp_path, [source], bundle=str(made.path))

    assert (
        "drop has bit_depth 10, the pictures that the bundle learned from 12"
        in run_inspector("check", "-c", str(line.config)).stdout
    )
    with running(line):
        line.page("livez")
    assert "drop has bit_depth 10, the pictures that the bundle learned from 12" in line.log


def test_a_bundle_that_says_nothing_of_depth_runs_with_any(tmp_path: Path) -> None:
    source = {"name": "drop", "type": "folder", "path": str(tmp_path / "drop"), "bit_depth": 12}

    assert "bit_depth" not in json.dumps(json.loads((make_bundle(tmp_path / "b").path / "bundle.json").read_text()))
    assert run_inspector("check", "-c", str(Line(tmp_path, [source]).config)).returncode == 0
