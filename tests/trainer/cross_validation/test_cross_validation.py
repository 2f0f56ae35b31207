"""Cross-validation by one command: the parts are what the single commands make, the pool is their sum."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.conftest import write_folders, write_recipe
from trainer.cli import main
from trainer.cross_validation import pool
from trainer.data import manifest
from trainer.evaluation.metrics import percent, wilson
from trainer.weights import checkpoint

SHORT = ["-o", "training.epochs=2", "-o", "training.batch_images=8"]


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder after `trainer folds` with two folds, and the figures it wrote. One picture has a copy."""
    folder = tmp_path_factory.mktemp("folds")
    write_folders(folder / "data", per_class=10)
    shutil.copy(folder / "data/Sc/Sc_1.png", folder / "data/Sc/copy.png")
    recipe = write_recipe(folder, data={"root": str(folder / "data"), "folds": 2, "val_share": 0.2})
    assert main(["folds", "-c", str(recipe), *SHORT]) == 0
    return folder, json.loads((folder / "run/folds.json").read_text())


def test_every_picture_is_judged_once_and_the_pool_is_the_sum_of_the_folds(
    crossed: tuple[Path, dict[str, Any]],
) -> None:
    figures = crossed[1]
    assert figures["images"] == 31 == sum(part["images"] for part in figures["parts"])
    assert figures["right"] == sum(part["right"] for part in figures["parts"])
    assert tuple(figures["share_95"]) == wilson(figures["right"], 31)
    assert np.trace(figures["confusion"]["rows_are_truth"]) == figures["right"]
    assert [row["images"] for row in figures["per_label"]] == [10, 11, 10]
    assert figures["share_least"] == min(part["right"] / part["images"] for part in figures["parts"])
    for part in figures["parts"]:
        assert part["seconds"] > 0 and part["cpu_seconds"] > 0
        assert Path(part["report"]).is_file()
        assert len(part["wrong"]) == part["images"] - part["right"]


def test_a_fold_gets_the_weights_and_the_figures_that_train_and_eval_give_it_alone(
    crossed: tuple[Path, dict[str, Any]], tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    folder, figures = crossed
    alone = ["-c", folder / "recipe.yaml", *SHORT, "-o", f"run_dir={tmp_path}", "-o", "data.fold=2"]
    run_json("prepare", *alone)
    run_json("train", *alone)
    report = run_json("eval", *alone)

    together, single = (checkpoint.load(path / "fold-2/last.npz").weights for path in (folder / "run", tmp_path))
    assert all(np.array_equal(together[name], single[name]) for name in single)
    assert (report["right"], report["images"]) == (figures["parts"][1]["right"], figures["parts"][1]["images"])


def test_draws_learn_from_so_many_of_each_label_and_no_source_is_on_both_sides(
    crossed: tuple[Path, dict[str, Any]], tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    recipe = ["-c", crossed[0] / "recipe.yaml", *SHORT, "-o", f"run_dir={tmp_path}"]

    figures = run_json("folds", *recipe, "--per-label", 3, "--draws", 3)

    assert figures["share_95"] is None and figures["per_label_images"] == 3
    assert [part["name"] for part in figures["parts"]] == ["draw-1", "draw-2", "draw-3"]
    drawn = [manifest.read(tmp_path / f"few-3/draw-{number}/manifest.tsv") for number in (1, 2, 3)]
    for plan in drawn:
        assert Counter(row.label for row in plan.split("train")) == {"ok": 3, "scratches": 3, "patches": 3}
        assert not plan.split("val")
        assert not plan.trained_groups() & {row.group for row in plan.split("eval")}
    assert drawn[0].split("eval") == drawn[2].split("eval") != drawn[1].split("eval")  # two folds, taken in turn
    assert drawn[0].split("train") != drawn[2].split("train")


@pytest.mark.parametrize(
    ("changes", "options", "named"),
    [
        ({}, ["--per-label", "30"], "has 4 pictures to draw from: 30 are wanted"),
        ({"data": None, "simulated": {"train_ok": 4}}, [], "data: folds are of real pictures"),
    ],
)
def test_what_cannot_be_divided_is_one_message_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], options: list[str], named: str
) -> None:
    write_folders(tmp_path / "data", per_class=6)
    recipe = write_recipe(tmp_path, **changes)
    assert main(["folds", "-c", str(recipe), *options]) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_no_pictures_a_label_are_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["folds", "-c", "any.yaml", "--per-label", "0"])
    assert stopped.value.code == 2
    assert "a whole number of 1 or more is expected, got '0'" in capsys.readouterr().err


def test_the_pool_begins_with_escapes_and_false_alarms_and_has_a_calibration_error(
    crossed: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = crossed[1]
    reports = [json.loads(Path(part["report"]).with_name("report.json").read_text()) for part in figures["parts"]]
    for key, count in (("escapes", "passed_ok"), ("false_alarms", "called_defect")):
        assert figures[key][count] == sum(report[key][count] for report in reports)
        assert figures[key]["share_95"] is not None
    assert (figures["escapes"]["defect_images"], figures["false_alarms"]["clean_images"]) == (21, 10)
    errors = [report["calibration"]["ece_after"] for report in reports]
    assert 0 <= figures["calibration"]["ece_after"] <= max(errors) + 1e-9
    assert figures["balanced_accuracy"] == pytest.approx(np.mean([row["recall"] for row in figures["per_label"]]))

    pool.show(figures)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("escapes, defects passed as ok: ") and " of 21, " in lines[0]
    assert lines[1].startswith("false alarms, clean strip called a defect: ")
    assert "macro F1" in lines[2] and "(ECE)" in lines[2]
    assert any("escapes" in line and "alarms" in line for line in lines[3:5])
    rows = [line for line in lines if line.startswith("fold-")]
    assert [percent(part, "share") in row for part, row in zip(figures["parts"], rows, strict=True)] == (
        [True] * len(figures["parts"])
    ), "a figure is cut where 80 columns are too few"


def test_folds_that_were_stopped_go_on_after_the_last_that_was_done(
    crossed: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given folds of which the second was killed in its training, after its first epoch
    shutil.copytree(crossed[0] / "run", tmp_path / "run")
    (tmp_path / "run/fold-2/part.json").unlink()
    done = checkpoint.load(tmp_path / "run/fold-1/last.npz").sha256
    written = (tmp_path / "run/fold-1/last.npz").stat().st_mtime_ns
    options = ["-c", str(crossed[0] / "recipe.yaml"), *SHORT, "-o", f"run_dir={tmp_path / 'run'}"]

    # When
    assert main(["folds", *options, "--resume", "--json"]) == 0

    # Then
    said = capsys.readouterr()
    assert [line.endswith("kept from before") for line in said.err.splitlines() if line.startswith("fold-")] == [
        True,
        False,
    ]
    again = json.loads(said.out)
    assert checkpoint.load(tmp_path / "run/fold-1/last.npz").sha256 == done
    assert (tmp_path / "run/fold-1/last.npz").stat().st_mtime_ns == written
    for key in ("right", "images", "escapes", "confusion", "macro_f1"):
        assert again[key] == crossed[1][key]


def test_a_part_is_measured_anew_where_its_pictures_or_its_settings_changed(
    crossed: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(crossed[0], tmp_path / "copy")
    options = ["-c", str(crossed[0] / "recipe.yaml"), *SHORT, "-o", f"run_dir={tmp_path / 'copy/run'}"]
    assert main(["folds", *options, "--resume", "-o", "decision.min_threshold=0.6"]) == 0
    assert "kept from before" not in capsys.readouterr().err
    data = tmp_path / "copy/data"
    shutil.copy(data / "Sc/Sc_2.png", data / "Sc/Sc_3.png")
    options += ["-o", f"data.root={data}"]
    assert main(["folds", *options, "--resume"]) == 2
    assert "learned from other pictures or labels: leave out --resume" in capsys.readouterr().err
