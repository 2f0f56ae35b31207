"""The temperature: validation answers make a model surer only where they show how often it is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.cli import main
from trainer.evaluation import temperature

Run = Callable[..., Any]


def answers(right: int, wrong: int, margin: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of two labels, all called 0 by that margin, and the truth."""
    logits = np.tile(np.array([[margin, 0]], np.float32), (right + wrong, 1))
    return logits, np.array([0] * right + [1] * wrong)


def test_a_model_that_is_right_on_all_validation_pictures_is_made_no_surer_and_eval_says_so(
    finished: Path, tmp_path: Path, run_json: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every answer right, least log loss is at the least temperature there is, and wrong answers then score 0.99."""
    (tmp_path / "manifest.tsv").write_text((finished / "run/manifest.tsv").read_text())
    options = ["-c", finished / "recipe.yaml", "--checkpoint", finished / "run/last.npz", "-o", f"run_dir={tmp_path}"]

    report = run_json("eval", *options)

    assert report["decision"]["temperature"] >= 1
    assert any("validation answers are wrong, too few" in note for note in report["calibration"]["notes"])
    assert main(["eval", *map(str, options)]) == 0
    assert "too few to make the model surer than it is: the temperature stays at 1" in capsys.readouterr().out
    assert "too few to make the model surer than it is" in (tmp_path / "eval/report.html").read_text()


@pytest.mark.parametrize(("right", "wrong"), [(500, 0), (500, 4), (44, 5)])
def test_too_few_answers_or_too_few_wrong_ones_leave_it_at_one(right: int, wrong: int) -> None:
    assert temperature.choose(*answers(right, wrong))[0] == 1
    assert "the temperature stays at 1" in temperature.choose(*answers(right, wrong))[1]


def test_few_answers_still_make_a_model_less_sure() -> None:
    degree, note = temperature.choose(*answers(7, 3, margin=8))
    assert degree > 2 and "stays at 1" not in note


def test_enough_wrong_answers_make_a_model_that_is_too_modest_surer() -> None:
    degree, note = temperature.choose(*answers(495, 5))  # says 0.88, is right in 0.99
    assert 0.4 < degree < 0.5 and not note


@pytest.mark.parametrize(("margin", "bound", "text"), [(0.2, 0.25, "the least that is tried"), (60, 4, "the most")])
def test_a_temperature_at_its_bound_is_said(margin: float, bound: float, text: str) -> None:
    degree, note = temperature.choose(*answers(480, 20, margin))
    assert degree == bound and text in note
