"""Labels that only an earlier model gave: every figure by them says so, until a person has corrected them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import write_folders, write_recipe
from trainer.cli import main
from trainer.data.manifest import RECORDED, Row
from trainer.data.records import unreviewed

LABEL_OF = {"clean": "ok", "Sc": "scratches", "patches": "patches"}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe on pictures that a line recorded, 20 a class, prepared and trained."""
    root = tmp_path / "data"  # no class folders: their labels would hold before those of a record
    root.mkdir()
    lines = []
    for path in sorted(write_folders(tmp_path / "drawn", per_class=20).rglob("*.png")):
        name, label = f"{path.parent.name}-{path.name}", LABEL_OF[path.parent.name]
        path.rename(root / name)
        lines.append({"name": name, "outcome": "unsure", "label": label, "width": 48, "height": 48})
    (tmp_path / "line.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    data = {"root": str(root), "records": str(tmp_path / "line.jsonl"), "val_share": 0.2, "eval_share": 0.2}
    return write_recipe(tmp_path, data=data)


def test_prepare_train_eval_and_the_page_say_which_labels_only_a_model_gave(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str], run_json: Callable[..., Any]
) -> None:
    for command, said in (
        ("prepare", "60 of 60 labels are an earlier model's own answer (39 train, 9 val, 12 eval)"),
        ("train", "60 of 60 labels are an earlier model's own answer (39 train, 9 val, 12 eval)"),
        ("eval", "12 of the 12 labels are an earlier model's own answer: what is right by them agrees with that model"),
        ("eval", "so are 9 of the validation labels, by which thresholds are chosen"),
    ):
        assert main([command, "-c", str(recipe)]) == 0
        found = capsys.readouterr()
        assert said in " ".join((found.out + found.err).split())
    assert "12 of the 12 labels are an earlier model" in (tmp_path / "run/eval/report.html").read_text()
    assert run_json("eval", "-c", recipe)["recorded"] == {"images": 12, "validation_images": 9}

    # When a person has corrected one, and put a name to another
    path = tmp_path / "run/manifest.tsv"
    lines = path.read_text().splitlines()
    wrong = next(n for n, line in enumerate(lines) if "\tscratches\teval\t" in line)
    right = next(n for n, line in enumerate(lines) if "\tok\teval\t" in line)
    lines[wrong] = lines[wrong].replace("scratches", "patches", 1)
    lines[right] = lines[right].replace(f"{RECORDED}line.jsonl", "Jane")
    path.write_text("\n".join(lines) + "\n")
    shutil.copy(path, tmp_path / "edited.tsv")
    run_json("prepare", "-c", recipe)

    assert run_json("eval", "-c", recipe)["recorded"] == {"images": 10, "validation_images": 9}


def test_what_people_labelled_needs_no_such_note(finished: Path, run_json: Callable[..., Any], tmp_path: Path) -> None:
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]
    shutil.copy(finished / "run/manifest.tsv", tmp_path / "manifest.tsv")
    report = run_json("eval", *recipe, "--bundle", finished / "run/bundle")
    assert report["recorded"] == {"images": 0, "validation_images": 0} and unreviewed.lines(report) == []
    assert unreviewed.note([Row("a.png", "ok", "train", "train.txt")]) == ""
