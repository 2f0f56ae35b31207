"""Escapes: how sure of clean strip a model must be, so that few validation defects pass; and that they come first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision.bundle import Label
from inspector.vision.decision import decide_tile, rules
from tests.trainer.conftest import write_folders, write_recipe
from trainer.cli import main
from trainer.evaluation import calibrate, costly, escapes, metrics
from trainer.recipe.bundle import DecisionChoice

Run = Callable[..., Any]
LABELS = (Label(name="ok", kind="ok", severity="none"), Label(name="scratches", kind="defect", severity="major"))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run in whose validation and eval part 2 and 1 of the scratches look clean."""
    folder = tmp_path_factory.mktemp("mixed")
    write_folders(folder / "data")
    recipe = write_recipe(folder)
    assert main(["prepare", "-c", str(recipe)]) == 0
    assert main(["train", "-c", str(recipe)]) == 0
    plan = folder / "run/manifest.tsv"
    rows = plan.read_text().splitlines()
    left = {"val": 2, "eval": 1}
    for number, line in enumerate(rows):
        cells = line.split("\t")
        if cells[0].startswith("clean/") and left.get(cells[2], 0):
            left[cells[2]] -= 1
            rows[number] = line.replace("\tok\t", "\tscratches\t")
    plan.write_text("\n".join(rows) + "\n")
    return folder


def logits_of(ok: list[float], defects: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Clean pictures and scratches by how much ok is ahead."""
    ahead = np.array([*ok, *defects], np.float32)
    return np.stack([ahead, np.zeros_like(ahead)], axis=1), np.array([0] * len(ok) + [1] * len(defects))


def test_validation_defects_that_look_clean_raise_the_threshold_of_ok_until_few_pass(
    mixed: Path, run_json: Run
) -> None:
    options = ["-c", mixed / "recipe.yaml"]

    strict = run_json("eval", *options)
    loose = run_json("eval", *options, "-o", "decision.max_escapes=1")

    passing = strict["calibration"]["passing"]
    assert passing["passed_ok"] <= 0.01 * passing["defect_images"]
    assert loose["calibration"]["passing"]["passed_ok"] == 2
    assert strict["decision"]["thresholds"]["ok"] > loose["decision"]["thresholds"]["ok"]
    assert strict["decision"]["thresholds"]["scratches"] == loose["decision"]["thresholds"]["scratches"]
    assert passing["share_95"] == list(metrics.wilson(passing["passed_ok"], passing["defect_images"]))
    assert any("validation defects pass" in note and "clean ones" in note for note in strict["calibration"]["notes"])


def test_eval_prints_the_two_costly_mistakes_first_with_intervals(
    mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "-c", str(mixed / "recipe.yaml"), "-o", "decision.max_escapes=1"]) == 0

    first, second, third, fourth = capsys.readouterr().out.splitlines()[:4]
    report = json.loads((mixed / "run/eval/report.json").read_text())
    even = (
        f"balanced accuracy {metrics.percent(report, 'balanced_accuracy')} %, macro F1 {100 * report['macro_f1']:.2f} %"
    )
    error = f"calibration error (ECE) {metrics.percent(report['calibration'], 'ece_after')} %"
    assert first == f"escapes, defects passed as ok: 1 of 13, {percent(1, 13)} %"
    assert second == f"false alarms, clean strip called a defect: 0 of 5, {percent(0, 5)} %"
    assert third == f"{even}, {error}"
    assert fourth.startswith(f"{report['right']} of 18 right")
    page = (mixed / "run/eval/report.html").read_text()
    assert page.index("escapes, defects passed as ok") < page.index(" of 18 right")


def test_the_threshold_holds_in_the_inspectors_own_arithmetic() -> None:
    # Given 200 defects, 8 of which are called ok by scores that lie close together
    logits, truth = logits_of([6.0] * 50, [*np.linspace(3, 3.0001, 8), *[-4.0] * 192])
    choice = calibrate.choose(logits, truth, LABELS, DecisionChoice())
    # When the inspector decides them, then 1% pass: the two surest
    outcomes = [decide_tile(row, 99.0, rules(LABELS, choice.decision)).outcome for row in logits]
    assert outcomes[50:].count("ok") <= 2 and outcomes[50:].count("unsure") >= 6
    assert outcomes[:50] == ["ok"] * 50


def test_what_no_threshold_keeps_back_is_said() -> None:
    logits, truth = logits_of([9.0] * 50, [100.0] * 5 + [-9.0] * 5)
    choice = calibrate.choose(logits, truth, LABELS, DecisionChoice(max_escapes=0.01))
    assert choice.decision.thresholds["ok"] == 1.0
    assert "more than the 1 % that may" in choice.notes[-1] and "no threshold keeps them back" in choice.notes[-1]


def test_a_model_without_a_label_of_kind_ok_has_no_such_threshold() -> None:
    labels = tuple(Label(name=name, kind="defect", severity="major") for name in ("dent", "scratches"))
    logits, truth = logits_of([3.0] * 50, [3.0] * 50)
    choice = calibrate.choose(logits, truth, labels, DecisionChoice())
    assert choice.passing is None and len(set(choice.decision.thresholds.values())) == 1
    shown = costly.of(100, 0, 0, 0, can_pass=False) | {"calibration": {"ece_after": 0.1, "ece_after_95": (0, 0.2)}}
    shown |= {"balanced_accuracy": 0.5, "balanced_accuracy_95": (0.4, 0.6), "macro_f1": None}
    assert costly.lines(shown)[0] == "escapes, defects passed as ok: none can, the model has no label of kind ok"


def test_without_a_validation_defect_it_is_said_that_any_may_pass() -> None:
    logits, truth = logits_of([3.0] * 50, [])
    choice = calibrate.choose(logits, truth, LABELS, DecisionChoice())
    assert choice.passing is None and "no validation defect" in choice.notes[-1]
    assert escapes.measure(metrics.softmax(logits), truth, LABELS, 0.5) is None


def percent(part: int, whole: int) -> str:
    return metrics.percent(metrics.counted(part, whole), "share")
