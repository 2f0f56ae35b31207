"""Holds `inspector model`: a bundle becomes a model of the line, whole or not at all, and its history is kept."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from inspector.cli.main import main
from inspector.vision import bundle
from tests.fakes import LABELS, Line, make_bundle, wait_until
from tests.inspector import coils


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line that never ran."""
    return coils.line(tmp_path)


def run(line: Line, action: str, *words: str) -> int:
    """The exit code of a command on the models of the line."""
    return main(["model", action, "-c", str(line.config), *words])


def asked(line: Line, capsys: pytest.CaptureFixture[str], action: str, *words: str) -> list[dict[str, Any]]:
    """What an action answers, as JSON lines."""
    capsys.readouterr()
    assert run(line, action, *words, "--json") == 0
    return [json.loads(row) for row in capsys.readouterr().out.splitlines()]


def test_an_imported_bundle_is_a_read_only_copy_under_its_own_sha256(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_bundle(tmp_path / "new", name="better")
    (model,) = asked(line, capsys, "import", str(made.path), "--by", "Ann", "--why", "learned from May")
    copy = line.data / "models" / model["address"]
    assert bundle.load(copy).id == made.id == model["model"]
    assert (model["state"], model["person"], model["why"]) == ("imported", "Ann", "learned from May")
    assert model["epoch"] is None
    assert copy.stat().st_mode & 0o222 == 0
    assert asked(line, capsys, "import", str(made.path), "--by", "Bob") == [model]
    assert len(asked(line, capsys, "history")) == 1


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("damaged", "damaged or replaced"),
        ("newer", "schema_version"),
        ("no bundle", "a bundle is a folder"),
        ("other labels", "dents"),
        ("disk", "No space left on device; nothing was imported"),
    ],
)
def test_a_bundle_that_cannot_serve_is_refused_and_leaves_nothing(
    line: Line,
    tmp_path: Path,
    fault: str,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = make_bundle(tmp_path / "new", name="better")
    manifest = made.path / "bundle.json"
    if fault == "damaged":
        made.program.write_bytes(b"cut")
    elif fault == "newer":
        manifest.write_text(manifest.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    elif fault == "no bundle":
        shutil.rmtree(made.path)
    elif fault == "other labels":
        line = Line(tmp_path, decision={"thresholds": {"dents": 0.9}}, data=str(line.data))
    else:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "copyfile", full)
    assert run(line, "import", str(made.path)) == 2
    assert complaint in capsys.readouterr().err
    assert [path for path in (line.data / "models").glob("*") if path.is_dir()] == []
    assert asked(line, capsys, "history") == []


def test_a_model_that_someone_changed_says_so_in_the_list(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model,) = asked(line, capsys, "import", str(make_bundle(tmp_path / "new").path))
    golden = line.data / "models" / model["address"] / "golden.npz"
    golden.chmod(0o644)
    golden.write_bytes(b"other")
    (shown,) = asked(line, capsys, "list")
    assert "damaged or replaced" in shown["problem"]


def test_a_model_is_rejected_with_a_reason_and_readmitted_with_one(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model,) = asked(line, capsys, "import", str(make_bundle(tmp_path / "new", name="better").path))
    name = model["address"][:8]
    assert run(line, "reject", name) == 2
    assert "a reason is needed" in capsys.readouterr().err
    assert asked(line, capsys, "reject", name, "--why", "blind to scratches")[0]["state"] == "rejected"
    assert asked(line, capsys, "readmit", name, "--why", "a mistake")[0]["state"] == "approved"
    assert run(line, "readmit", name, "--why", "again") == 2
    assert [row["event"] for row in asked(line, capsys, "history", name)] == ["imported", "rejected", "readmitted"]


def test_two_models_are_compared_by_labels_numbers_and_figures(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    surer = {"thresholds": dict.fromkeys(LABELS, 0.875), "temperature": 2.0}
    one = make_bundle(tmp_path / "one", name="one")
    two = make_bundle(tmp_path / "two", name="two", decision=surer, evaluation={"top_1": 0.99})
    for made in (one, two):
        run(line, "import", str(made.path))
    (diff,) = asked(line, capsys, "diff", one.id, two.id)
    assert {change["after"]["threshold"] for change in diff["labels"]} == {0.875}
    assert diff["numbers"] == {"decision.temperature": [1.0, 2.0]} and diff["figures"] == {"top_1": [None, 0.99]}
    assert run(line, "diff", one.id, two.id) == 0
    assert "0.875" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nobody", "ab"])
def test_a_name_that_no_model_has_is_refused_with_those_there_are(
    line: Line, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_bundle(tmp_path / "new")
    run(line, "import", str(made.path))
    assert run(line, "show", name) == 2
    said = capsys.readouterr().err
    assert "the line knows no such model" in said and made.id in said


def test_a_history_that_someone_edited_is_refused(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(line, "import", str(make_bundle(tmp_path / "new").path))
    database = sqlite3.connect(line.data / "models" / "history.sqlite")
    database.executescript("DROP TRIGGER models_never_change; UPDATE models SET person = 'Eve';")
    database.close()
    assert run(line, "list") == 2
    assert "row 1 was changed by hand" in capsys.readouterr().err


def test_a_line_that_starts_imports_its_own_bundle_and_keeps_those_that_were_imported(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (other,) = asked(line, capsys, "import", str(make_bundle(tmp_path / "new", name="better").path))
    line.drop.mkdir()
    line.start()
    try:
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
    finally:
        assert line.stop() == 0
    found = {model["model"]: model for model in asked(line, capsys, "list")}
    assert len(found) == 2 and all(not model["problem"] for model in found.values())
    assert found[other["model"]] == other
    (own,) = (model for name, model in found.items() if name != other["model"])
    assert (own["state"], own["person"]) == ("serving", "line")
    assert run(line, "reject", own["model"], "--why", "blind") == 2
    assert "it decides; name another `bundle` in the config first" in capsys.readouterr().err
