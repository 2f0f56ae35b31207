"""eval --against: two models on the same pictures, and whether chance explains the difference."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.cli import main
from trainer.data import manifest
from trainer.evaluation import compare, evaluate
from trainer.evaluation.evaluate import Evaluation
from trainer.recipe.bundle import DecisionChoice


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [(0, 0, 1), (5, 5, 1), (0, 6, 2 / 64), (1, 9, 22 / 1024), (9, 1, 22 / 1024), (3, 4, 1)],
)
def test_mcnemars_exact_p_value(only_first: int, only_second: int, p_value: float) -> None:
    assert compare.mcnemar(only_first, only_second) == pytest.approx(p_value)


def test_thousands_of_differing_pictures_are_no_overflow() -> None:
    assert compare.mcnemar(2000, 2200) == pytest.approx(0.0021, abs=0.0002)  # z = 199 / sqrt(4200)


@pytest.fixture
def done(finished: Path) -> Evaluation:
    plan = manifest.read(finished / "run/manifest.tsv")
    model, decision = evaluate.open_model(finished / "run/bundle")
    return evaluate.evaluate(model, decision, DecisionChoice(), plan, evaluate.load(plan, plan.split("eval")))


def _of(done: Evaluation, model: evaluate.Model, plan: manifest.Manifest) -> Evaluation:
    return evaluate.evaluate(model, done.decision, DecisionChoice(), plan, done.data)


def test_gains_and_losses_add_up_and_the_pictures_that_differ_are_named(finished: Path, done: Evaluation) -> None:
    # Given another model that calls every picture scratches
    plan = manifest.read(finished / "run/manifest.tsv")
    stuck = replace(done.model, score=lambda batch: np.tile(np.array([0, 9, 0], np.float32), (len(batch), 1)))

    figures = compare.compare(done, _of(done, stuck, plan))

    assert figures["other_right"] == 6
    assert figures["right"] - figures["only_this_right"] == figures["other_right"] - figures["only_other_right"]
    scratches = figures["per_label"][1]
    assert (scratches["label"], scratches["images"], scratches["other_right"]) == ("scratches", 6, 6)
    assert sum(row["gained"] for row in figures["per_label"]) == figures["only_this_right"] > 0
    assert {row["other_called"] for row in figures["differ"]} == {"scratches"}
    assert figures["p_value"] == compare.mcnemar(figures["only_this_right"], figures["only_other_right"])


def test_models_with_their_labels_in_another_order_are_compared_by_name(finished: Path, done: Evaluation) -> None:
    plan = manifest.read(finished / "run/manifest.tsv")
    turned = replace(
        done.model, labels=done.model.labels[::-1], score=lambda batch: done.model.score(batch)[:, ::-1].copy()
    )
    figures = compare.compare(done, _of(done, turned, plan))
    assert (figures["only_this_right"], figures["only_other_right"], figures["differ"]) == (0, 0, [])


def test_the_command_compares_a_bundle_with_its_checkpoint_and_finds_no_difference(
    finished: Path, tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    arguments = ["-c", finished / "recipe.yaml", "-o", f"run_dir={tmp_path}"]

    report = run_json("eval", *arguments, "--bundle", finished / "run/bundle", "--against", finished / "run/last.npz")

    figures = report["comparison"]
    assert figures["model"]["checkpoint"] == "last.npz"
    assert (figures["images"], figures["right"], figures["other_right"]) == (18, report["right"], report["right"])
    assert (figures["p_value"], figures["differ"]) == (1, [])
    assert "exact McNemar" in (tmp_path / f"eval-{report['model']['bundle']}/report.html").read_text()


def test_another_model_that_is_not_there_is_one_message(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    arguments = ["-c", str(finished / "recipe.yaml"), "-o", f"run_dir={tmp_path}"]
    bundle = str(finished / "run/bundle")
    assert main(["eval", *arguments, "--bundle", bundle, "--against", str(tmp_path / "none.npz")]) == 2
    assert f"{tmp_path / 'none.npz'}: No such file" in capsys.readouterr().err
    assert not list(tmp_path.glob("eval*"))
