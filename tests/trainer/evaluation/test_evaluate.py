"""eval: k of n, the costly mistakes, the picture; on checkpoints, bundles and lists."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml

from inspector.vision import bundle
from tests.trainer.conftest import picture
from trainer.cli import main
from trainer.evaluation import report

Run = Callable[..., Any]


def test_it_prints_k_of_n_and_writes_the_report_and_the_picture(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-c", str(finished / "recipe.yaml"), "--checkpoint", str(finished / "run/last.npz")]
    manifest = (finished / "run/manifest.tsv").read_text()
    (tmp_path / "manifest.tsv").write_text(manifest)

    assert main(["eval", *options, "-o", f"run_dir={tmp_path}"]) == 0

    printed = capsys.readouterr().out
    report = json.loads((tmp_path / "eval/report.json").read_text())
    assert f"{report['right']} of 18 right" in printed
    assert "clean strip called a defect: " in printed
    assert report["right"] >= 17
    assert f"{report['right']} of 18 right, {100 * report['top_1']:.2f} (" in printed
    assert f"among the first 2: {report['top_k']['2']} of 18" in printed
    validation = manifest.count("\tval\t")
    assert f"fitted on {validation} validation images" in printed
    for name in ("confusion.png", "per_label.png", "reliability.png", "risk_coverage.png"):
        assert (tmp_path / "eval" / name).read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "eval").iterdir())) == 6


def test_the_numbers_of_the_report_agree_with_each_other(finished: Path) -> None:
    report = json.loads((finished / "run/eval/report.json").read_text())

    table = report["confusion"]["rows_are_truth"]
    assert sum(map(sum, table)) == report["images"] == 18
    assert sum(table[index][index] for index in range(3)) == report["right"]
    assert sum(report["outcomes"].values()) == 18
    assert sum(source["right"] for source in report["by_source"].values()) == report["right"]
    assert report["false_alarms"]["clean_images"] + report["escapes"]["defect_images"] == 18
    assert len(report["wrong"]) == 18 - report["right"]
    assert report["model"]["epoch"] == yaml.safe_load((finished / "recipe.yaml").read_text())["training"]["epochs"]


def test_a_simulated_path_is_printed_as_it_is(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal library took `:ok:` for the name of a picture and printed that instead."""
    figures = json.loads((finished / "run/eval/report.json").read_text())
    figures["wrong"] = [{"path": "simulated:ok:17", "label": "ok", "predicted": "patches", "score": 0.5}]
    report.show(figures)
    assert "wrong: simulated:ok:17 is ok, called patches (0.50)" in capsys.readouterr().out


def test_a_name_that_is_no_utf_8_is_shown_escaped(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = json.loads((finished / "run/eval/report.json").read_text())
    figures["wrong"] = [{"path": "Sc/\udcff.png", "label": "ok", "predicted": "patches", "score": 0.5}]
    report.show(figures)
    assert "wrong: Sc/\\udcff.png is ok" in capsys.readouterr().out


def test_a_bundle_is_judged_by_its_own_thresholds_and_agrees_with_its_checkpoint(
    finished: Path, tmp_path: Path, run_json: Run
) -> None:
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]

    of_bundle = run_json("eval", *recipe, "--bundle", finished / "run/bundle")
    of_checkpoint = run_json("eval", *recipe, "--checkpoint", finished / "run/last.npz")

    assert of_bundle["model"]["bundle"].startswith("tiny-")
    for key in ("decision", "right", "outcomes", "confusion", "by_source"):
        assert of_bundle[key] == of_checkpoint[key]
    assert of_checkpoint["calibration"]["fitted_on_images"] == (tmp_path / "manifest.tsv").read_text().count("\tval\t")
    assert of_bundle["calibration"]["fitted_on_images"] is None  # it keeps what it came with
    assert of_bundle["calibration"]["temperature"] == of_checkpoint["calibration"]["temperature"]


def test_a_bundle_or_a_list_has_a_report_of_its_own_and_export_still_finds_the_recipes(
    finished: Path, tmp_path: Path, run_json: Run
) -> None:
    # Given an evaluation that export can use
    shutil.copytree(finished / "run", tmp_path / "run")
    own = (tmp_path / "run/eval/report.json").read_bytes()
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path / 'run'}"]
    (tmp_path / "few.txt").write_text("Sc/Sc_1.png Sc\n")

    # When a bundle, a list, and both are evaluated
    made = run_json("eval", *recipe, "--bundle", finished / "run/bundle")["model"]["bundle"]
    run_json("eval", *recipe, "--list", tmp_path / "few.txt")
    run_json("eval", *recipe, "--bundle", finished / "run/bundle", "--list", tmp_path / "few.txt")

    # Then
    assert (tmp_path / "run/eval/report.json").read_bytes() == own
    reports = {path.parent.name for path in (tmp_path / "run").glob("eval*/report.json")}
    assert reports == {"eval", f"eval-{made}", "eval-few", f"eval-{made}-few"}
    assert run_json("export", *recipe, "--to", tmp_path / "bundle")["bundle"] == str(tmp_path / "bundle")


def test_the_bundle_we_ship_is_called_default(finished: Path, tmp_path: Path, run_json: Run) -> None:
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}", "--checkpoint", finished / "run/last.npz"]
    against = run_json("eval", *recipe, "--against", "default")
    assert against["comparison"]["model"] == {"bundle": bundle.load(bundle.DEFAULT).id}
    shipped = run_json("eval", *recipe[:4], "--bundle", "default")
    assert shipped["model"] == against["comparison"]["model"]
    assert run_json("predict", "--bundle", "default", finished / "data/Sc/Sc_1.png")["verdicts"]


def test_a_list_may_stand_in_for_the_eval_split(finished: Path, tmp_path: Path, run_json: Run) -> None:
    # Given pictures the manifest has never heard of
    (tmp_path / "manifest.tsv").write_text(
        (finished / "run/manifest.tsv").read_text().replace(str((finished / "data").resolve()), str(tmp_path))
    )
    for seed in range(3):
        cv2.imwrite(str(tmp_path / f"{seed}.png"), picture("Sc", 9000 + seed))
    (tmp_path / "mine.txt").write_text("0.png Sc\n1.png Sc\n2.png scratches\n")

    # When
    report = run_json("eval", "-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}",
                      "--bundle", finished / "run/bundle", "--list", tmp_path / "mine.txt")  # fmt: skip

    # Then
    assert report["images"] == 3
    assert list(report["by_source"]) == ["mine.txt"]
    assert report["per_label"][1]["images"] == 3


def test_pictures_whose_source_training_has_seen_are_counted_apart(
    finished: Path, tmp_path: Path, run_json: Run
) -> None:
    # Given that one eval picture is a crop of the first training picture's source, and the others are of their own
    rows = [line.split("\t") for line in (finished / "run/manifest.tsv").read_text().splitlines()]
    for row in rows:
        if len(row) >= 4 and not row[0].startswith(("#", "path")):
            row[4:] = [""]
    first = {split: next(row for row in rows if len(row) == 5 and row[2] == split) for split in ("train", "eval")}
    first["train"][4] = first["eval"][4] = "coil 7"
    (tmp_path / "manifest.tsv").write_text("\n".join("\t".join(row) for row in rows))
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]

    # When
    report = run_json("eval", *recipe, "--bundle", finished / "run/bundle")

    # Then
    unseen = report["unseen_source"]
    assert unseen["images"] == report["images"] - 1
    lost = 0 if any(wrong["path"] == first["eval"][0] for wrong in report["wrong"]) else 1
    assert unseen["right"] == report["right"] - lost
    page = tmp_path / f"eval-{report['model']['bundle']}/report.html"
    assert "sources that training has not seen" in page.read_text()


def test_a_list_of_training_pictures_has_nothing_unseen(finished: Path, tmp_path: Path, run_json: Run) -> None:
    text = (finished / "run/manifest.tsv").read_text()
    (tmp_path / "manifest.tsv").write_text(text)
    trained = [line.split("\t") for line in text.splitlines() if "\ttrain\t" in line][:5]
    (tmp_path / "seen.txt").write_text("".join(f"{row[0]} {row[1]}\n" for row in trained))
    recipe = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]
    report = run_json("eval", *recipe, "--bundle", finished / "run/bundle", "--list", tmp_path / "seen.txt")
    assert report["unseen_source"] == {"images": 0, "right": 0, "share": None, "share_95": None}


def test_a_label_the_model_does_not_have_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (finished / "run/manifest.tsv").read_text()
    (tmp_path / "manifest.tsv").write_text(
        text.replace("# label: ok", "# label: dent defect major\n# label: ok") + "x.png\tdent\teval\tme\n"
    )
    recipe = str(finished / "recipe.yaml")
    assert main(["eval", "-c", recipe, "-o", f"run_dir={tmp_path}", "--bundle", str(finished / "run/bundle")]) == 2
    assert "the model has no label dent" in capsys.readouterr().err
    assert not list(tmp_path.glob("eval*"))
