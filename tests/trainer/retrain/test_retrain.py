"""trainer retrain: from what people said to a candidate, with an honest answer to whether it is better."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.vision import bundle
from tests.trainer import said
from tests.trainer.conftest import picture, write_recipe
from tests.trainer.retrain.conftest import serve
from trainer import steps
from trainer.cli import main
from trainer.retrain import priority, retrain


@pytest.fixture(autouse=True)
def _at_full_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process runs the other tests, too."""
    monkeypatch.setattr(priority, "lower", lambda: None)


def recipe(folder: Path, **changes: Any) -> Path:
    """A recipe that learns from labels and class folders."""
    data = {"root": str(folder / "data"), "lines": str(folder / "line"), "val_share": 0.2, "eval_share": 0.4}
    return write_recipe(folder, **{"data": data} | changes)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """The exit code of a retraining, and its report."""
    capsys.readouterr()
    code = main(["retrain", *map(str, arguments), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_a_candidate_that_is_better_is_to_be_promoted_and_its_import_is_printed(
    tmp_path: Path, line: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = run(capsys, "-c", recipe(tmp_path))

    assert code == 0 and report["promote"]
    assert {one["on"] for one in report["comparisons"]} == {"eval part", "reviewed frames"}
    part = report["comparisons"][0]
    assert part["gained"] > part["lost"] and part["p_value"] < 0.05
    assert "it is better on the eval part" in report["reasons"][0] and "exact McNemar" in report["reasons"][0]
    assert report["import"] == f"inspector model import {tmp_path}/run/retrain/bundle -c LINE.yaml"
    assert bundle.load(Path(report["bundle"])).id == report["candidate"]
    assert sum(row["new"] for row in report["new"]) == 180 and report["first"]
    page = (tmp_path / "run/retrain/report.html").read_text()
    assert "<h1>Promote" in page and report["serving"]["id"] in page
    assert json.loads((tmp_path / "run/retrain/report.json").read_text()) == report


def test_a_candidate_that_is_no_better_is_not_and_only_what_is_new_is_counted(
    tmp_path: Path, line: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = run(capsys, "-c", recipe(tmp_path))
    serve(line, Path(first["bundle"]))
    for number in range(3):
        said.label(line, said.frame(line, f"new-{number}", picture("Sc", number)), "scratches")
    said.label(line, said.frame(line, "patches-1", picture("patches", 52_001)), "scratches")  # a second thought

    assert main(["retrain", "-c", str(recipe(tmp_path)), "--line", str(line)]) == 1
    out = capsys.readouterr().out
    assert "do not promote: chance explains the difference on the eval part" in out
    assert "new: 3 pictures, since the last retraining" in out
    report = json.loads((tmp_path / "run/retrain/report.json").read_text())
    (row,) = (row for row in report["new"] if row["label"] == "scratches" and row["source"].startswith("labelled:"))
    assert (row["new"], row["changed"]) == (3, 1) and report["serving"]["id"] == first["candidate"]


def test_a_cut_retraining_goes_on_with_the_step_that_was_cut(
    tmp_path: Path, line: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recipe(tmp_path)
    with monkeypatch.context() as cut:
        cut.setattr(steps, "evaluate", _interrupted)
        assert main(["retrain", "-c", str(path)]) == 130
    trained = (tmp_path / "run/last.npz").stat().st_mtime_ns

    said.line(line, 3, first=700)  # comes too late for this one
    assert main(["retrain", "-c", str(path), "--resume"]) == 0
    errors = capsys.readouterr().err
    assert "1 of 6, prepare: done before" in errors and "2 of 6, train: done before" in errors
    assert "3 of 6, eval" in errors and (tmp_path / "run/last.npz").stat().st_mtime_ns == trained

    assert main(["retrain", "-c", str(path), "--resume"]) in (0, 1)  # nothing was cut: all anew, with the new labels
    assert "1 of 6, prepare: about" in capsys.readouterr().err


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_training_that_was_not_begun_does_not_go_on_with_the_one_before(
    tmp_path: Path, line: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recipe(tmp_path)
    run(capsys, "-c", path)
    before = (tmp_path / "run/last.npz").read_bytes()
    said.line(line, 3, first=700)
    with monkeypatch.context() as cut:
        cut.setattr(steps, "train", _interrupted)
        cut.setattr(retrain.ProgressFile, "put", _only_prepare(retrain.ProgressFile.put))
        assert main(["retrain", "-c", str(path)]) == 130
    assert main(["retrain", "-c", str(path), "--resume"]) in (0, 1)
    assert (tmp_path / "run/last.npz").read_bytes() != before


def _only_prepare(put: Any) -> Any:
    """Cut before the training is noted as begun."""
    return lambda self, step, result: put(self, step, result) if step == "prepare" else None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "which line? --line DATA, or data.lines in the recipe, names its data folder"),
        (["--line", "none"], "none: it does not say which model serves"),
        (["--line", "empty"], "empty: it does not say which model serves, as no line has run there; --against BUNDLE"),
        (["--line", "line", "--against", "none"], "none/bundle.json: No such file or directory"),
    ],
)
def test_what_cannot_be_retrained_is_one_message_and_exit_code_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    path = write_recipe(tmp_path, data=None, simulated={"train_ok": 1})
    assert main(["retrain", "-c", str(path), *arguments]) == 2
    assert named in capsys.readouterr().err


def test_a_history_that_someone_edited_names_no_serving_model(
    tmp_path: Path, line: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('DROP TRIGGER models_never_change')"
    code += "; db.execute(\"UPDATE models SET person = 'bob'\"); db.commit()"
    subprocess.run([sys.executable, "-c", code, str(line / "models/history.sqlite")], check=True)
    assert run(capsys, "-c", recipe(tmp_path)) == (2, {})


def test_it_computes_when_nobody_else_wants_to() -> None:
    code = "import os; from trainer.retrain import priority; priority.lower()"
    code += "; print(os.nice(0), os.sched_getscheduler(0) == os.SCHED_IDLE)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "19 True\n"
