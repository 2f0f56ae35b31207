"""Export refuses a model whose own evaluation shows that it is of no use, and says by which figures."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.vision import bundle
from trainer.cli import main
from trainer.evaluation import soundness
from trainer.evaluation.metrics import per_label
from trainer.weights import checkpoint

Run = Callable[..., Any]


@pytest.fixture
def collapsed(finished: Path, tmp_path: Path) -> list[str]:
    """Options of a run whose network calls everything ok: the last layer's weights are 0."""
    shutil.copytree(finished / "run", tmp_path / "run")
    path = tmp_path / "run/last.npz"
    saved = checkpoint.load(path)
    weights = dict(saved.weights)
    weights["fc.weight"] = np.zeros_like(weights["fc.weight"])
    weights["fc.bias"] = np.array([4, 0, 0], np.float32)
    checkpoint.save(path, saved.meta, weights)
    options = ["-c", str(finished / "recipe.yaml"), "-o", f"run_dir={tmp_path / 'run'}"]
    assert main(["eval", *options, "-o", "decision.max_escapes=1"]) == 0
    return options


def test_a_collapsed_model_is_not_exported_without_force(
    collapsed: list[str], tmp_path: Path, run_json: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "bundle"
    capsys.readouterr()

    assert main(["export", *collapsed, "--to", str(to)]) == 2

    said = capsys.readouterr().err
    assert "it calls all 18 pictures ok, though they are of 3 labels: 6 right, calibration error " in said
    assert "its balanced accuracy, 33.3 (" in said and "33.3 %, which guessing gives" in said
    assert not to.exists()
    # With --force it is written, and tells on itself
    told = run_json("export", *collapsed, "--to", to, "--force")
    assert any("written by force: it calls all 18 pictures ok" in note for note in told["notes"])
    assert bundle.load(to).manifest.training["export"]["forced_despite"]


def test_weights_that_are_no_numbers_are_refused_even_by_force(
    collapsed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run/last.npz"
    saved = checkpoint.load(path)
    weights = dict(saved.weights) | {"fc.bias": np.full(3, np.nan, np.float32)}
    checkpoint.save(path, saved.meta, weights)
    assert main(["eval", *collapsed]) == 2
    assert "some weights are not finite" in capsys.readouterr().err
    # even where an evaluation says that it was judged
    report = tmp_path / "run/eval/report.json"
    figures = json.loads(report.read_text())
    figures["model"]["sha256"] = checkpoint.load(path).sha256
    report.write_text(json.dumps(figures))
    assert main(["export", *collapsed, "--force", "--to", str(tmp_path / "bundle")]) == 2
    assert "some weights are not finite" in capsys.readouterr().err


def report_of(table: list[list[int]], unsure: int = 0) -> dict[str, Any]:
    counts = np.array(table)
    return {
        "images": int(counts.sum()),
        "right": int(np.trace(counts)),
        "per_label": [dict(zip(row.__slots__, map(row.__getattribute__, row.__slots__), strict=True))
                      for row in per_label(counts, ["ok", "dent", "scratches"])],
        "outcomes": {"unsure": unsure},
        "calibration": {"ece_after": 0.65},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (report_of([[20, 0, 0], [0, 20, 0], [5, 15, 0]]), "it never finds scratches: 0 of 20"),
        (report_of([[8, 6, 6], [7, 7, 6], [6, 7, 7]]), "its balanced accuracy, 36.7 (27–49) %, is not shown to be"),
        (report_of([[20, 0, 0], [0, 20, 0], [0, 0, 20]], unsure=31), "31 of 60 pictures are unsure"),
    ],
)
def test_each_plain_sign_of_a_useless_model_is_named_with_its_figures(report: dict[str, Any], said: str) -> None:
    assert any(fault.startswith(said) for fault in soundness.faults(report))


@pytest.mark.parametrize(
    "table",
    [
        [[20, 0, 0], [0, 20, 0], [0, 0, 20]],
        [[20, 0, 0], [2, 16, 2], [0, 6, 14]],
        [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
        [[0, 0, 0], [0, 30, 0], [0, 0, 0]],
    ],
)
def test_a_model_of_some_use_has_no_fault_however_few_its_pictures(table: list[list[int]]) -> None:
    assert soundness.faults(report_of(table)) == []
