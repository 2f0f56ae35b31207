"""Holds `inspector model check`, `gate` and `approve`: no model may serve that is worse than the one that does."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.answers.learning import model_gate
from inspector.cli.main import main
from inspector.record.models.check_result import CheckResult, FlipCount, LostFrame
from inspector.settings.models import GateSettings
from tests.fakes import LABELS, Line, make_bundle, python_path
from tests.inspector import coils
from tests.inspector.record.test_store import verdict

#: Enough kept frames for every gate of the line of these tests.
FRAMES = 24
#: The line's severity of a label that no model may miss.
CRITICAL = {"scratches": "critical"}


def pixels(label: str, shade: int = 0) -> np.ndarray[Any, Any]:
    """A picture with contrast that the fake engine decides as that label."""
    for gray in range(60 + 5 * shade, 245):
        picture = np.full((200, 200), gray, np.uint8)
        picture[:100] += 5
        mean = (float(picture.mean()) / 255 - 0.5) / 0.25
        if int(abs(mean) * 1000) % len(LABELS) == LABELS.index(label) and abs(mean) * 1000 % 1 < 0.9:
            return picture
    raise ValueError(label)


@pytest.fixture(autouse=True)
def bad_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models do what their name says."""
    for name, value in python_path("bad_models").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line that kept pictures; two frames are labelled and golden, one of them critical."""
    made = coils.line(
        tmp_path,
        evidence={"ok_share": 1},
        decision={"severities": CRITICAL},
        models={"gate": {"min_frames": FRAMES, "stuck_s": 15}},
    )
    for number in range(1, FRAMES + 1):
        label = LABELS[number % len(LABELS)]
        outcome = "ok" if label == "ok" else "defect"
        coils.record(made, verdict(number, outcome, label=label), pixels=pixels(label, number % 4))
    for number, label in ((5, "scratches"), (1, "crazing")):
        assert main(["label", "-c", str(made.config), str(number), "--as", label, "--by", "Ann"]) == 0
        assert main(["model", "golden", "add", "-c", str(made.config), str(number), "--by", "Ann"]) == 0
    return made


def imported(line: Line, tmp_path: Path, name: str, **changes: Any) -> str:
    """The id of a model of that name, which the line now knows."""
    made = make_bundle(tmp_path / name, name=name, **changes)
    assert main(["model", "import", "-c", str(line.config), str(made.path)]) == 0
    return made.id


def asked(line: Line, capsys: pytest.CaptureFixture[str], action: str, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code of an action, and its answer."""
    capsys.readouterr()
    code = main(["model", action, "-c", str(line.config), *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def events(line: Line, capsys: pytest.CaptureFixture[str], model: str) -> list[dict[str, Any]]:
    """What became of a model."""
    capsys.readouterr()
    assert main(["model", "history", "-c", str(line.config), model, "--json"]) == 0
    return [json.loads(row) for row in capsys.readouterr().out.splitlines()]


def test_a_good_model_passes_every_gate_is_approved_and_its_figures_are_on_record(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(line, tmp_path, "good")
    assert main(["model", "approve", "-c", str(line.config), model, "--why", "learned from May"]) == 2
    assert "never checked" in capsys.readouterr().err
    code, answer = asked(line, capsys, "check", model, "--by", "Ann")
    assert code == 0 and answer["passed"], answer
    assert answer["result"]["replayed"] == FRAMES and answer["result"]["golden"] == 2
    assert answer["result"]["labelled"] == 2 and answer["result"]["left_out"] == 0
    assert answer["result"]["flips"]["major"]["hits"] == 0
    assert "of 3, below 100%" in next(one["figure"] for one in answer["gates"] if one["name"] == "flips_none")
    assert asked(line, capsys, "gate", model) == (0, answer)
    assert asked(line, capsys, "approve", model, "--why", "learned from May")[1]["state"] == "approved"
    found = events(line, capsys, model)
    assert [row["event"] for row in found] == ["imported", "checked", "approved"]
    assert found[1]["figures"]["replayed"] == FRAMES and found[2]["figures"] == {}


@pytest.mark.parametrize(
    ("name", "gate", "told"),
    [
        ("hangs", "runs", "hangs: nothing came of it within 15 s"),
        ("crashes", "runs", "a process with it ends with -6"),
        ("slow", "speed", "ms a tile, the serving model"),
        ("random", "golden", "of 2 lost"),
    ],
)
def test_a_bad_model_is_refused_with_the_reason_and_is_not_approved(
    line: Line, tmp_path: Path, name: str, gate: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(line, tmp_path, name)
    code, answer = asked(line, capsys, "check", model)
    failed = {one["name"]: one["figure"] for one in answer["gates"] if not one["passed"]}
    assert code == 1 and told in failed[gate], answer
    row = events(line, capsys, model)[-1]
    assert row["event"] == "refused" and told in row["why"]
    assert main(["model", "approve", "-c", str(line.config), model, "--why", "hurry"]) == 2
    assert told in capsys.readouterr().err
    assert asked(line, capsys, "approve", model, "--why", "hurry", "--force")[1]["state"] == "approved"
    assert gate in events(line, capsys, model)[-1]["figures"]["forced"]


def test_a_model_that_takes_more_memory_than_there_is_is_ended_before_the_line_lacks_it(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = imported(line, tmp_path, "hoards")
    monkeypatch.setattr("inspector.host.memory.free_bytes", lambda: 600_000_000)
    code, answer = asked(line, capsys, "check", model)
    assert code == 1 and "too large: takes" in answer["result"]["failure"], answer


def test_a_copy_that_someone_changed_is_refused(line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = imported(line, tmp_path, "good")
    (shown,) = [one for one in (line.data / "models").glob("*/golden.npz")]
    shown.chmod(0o644)
    shown.write_bytes(b"other")
    code, answer = asked(line, capsys, "check", model)
    assert code == 1 and "damaged or replaced" in answer["result"]["failure"]
    assert events(line, capsys, model)[-1]["event"] == "refused"


def test_a_golden_picture_that_someone_changed_stops_the_check_and_names_the_frame(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(line, tmp_path, "good")
    picture = next((line.data / "models" / "golden" / "pictures").iterdir())
    picture.chmod(0o644)
    picture.write_bytes(b"BM")
    assert main(["model", "check", "-c", str(line.config), model]) == 2
    assert "someone changed its picture" in capsys.readouterr().err
    assert [row["event"] for row in events(line, capsys, model)] == ["imported"]


def test_too_few_frames_are_no_fault_of_the_model_but_keep_it_from_serving(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(line, tmp_path, "good")
    code, answer = asked(line, capsys, "check", model, "--limit", "10")
    assert code == 1 and [one["name"] for one in answer["gates"] if not one["passed"]] == ["frames"]
    assert events(line, capsys, model)[-1]["event"] == "checked"


def test_a_check_does_not_hold_any_more_once_the_golden_set_has_changed(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = imported(line, tmp_path, "good")
    assert asked(line, capsys, "check", model)[0] == 0
    removed = ["model", "golden", "remove", "-c", str(line.config), "1", "--by", "Ann", "--why", "wet strip"]
    assert main(removed) == 0
    code, answer = asked(line, capsys, "gate", model)
    (failed,) = [one for one in answer["gates"] if not one["passed"]]
    assert code == 1 and failed["name"] == "checked" and "the golden set has changed since" in failed["figure"]


def test_no_check_lifts_a_rejection(line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = imported(line, tmp_path, "good")
    assert main(["model", "reject", "-c", str(line.config), model, "--why", "blind at night"]) == 0
    assert asked(line, capsys, "check", model)[0] == 0
    capsys.readouterr()
    assert main(["model", "approve", "-c", str(line.config), model, "--why", "good"]) == 2
    assert "it is rejected; `inspector model readmit` lifts that" in capsys.readouterr().err


def test_a_model_is_tried_at_idle_priority(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    peak = model_gate_peak()

    def looked(pid: int) -> int:
        seen.append((os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid)))
        return peak(pid)

    monkeypatch.setattr("inspector.host.memory.peak_bytes", looked)
    main(["model", "check", "-c", str(line.config), imported(line, tmp_path, "good")])
    assert set(seen) == {(19, os.SCHED_IDLE)}


def model_gate_peak() -> Any:
    """The measurement of a process's memory, as it is."""
    from inspector.host import memory

    return memory.peak_bytes


RESULT = CheckResult(
    against="a" * 64, against_model="m", golden_revision=0, workers=2, ms_per_tile=2.0, serving_ms_per_tile=2.0,
    memory_mb=500.0, free_mb=2000.0, replayed=300, flips={"critical": FlipCount(0, 300)},
)  # fmt: skip
LOST = LostFrame(source="drop", frame="f", name="f.bmp", label="scratches", severity="critical", decided="ok")
CLEAN = LostFrame(source="drop", frame="f", name="f.bmp", label="ok", severity="none", decided="patches")


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, []),
        ({"ms_per_tile": 2.5}, ["speed"]),
        ({"ms_per_tile": 0.04, "serving_ms_per_tile": 0.01}, []),
        ({"memory_mb": 1001.0}, ["memory"]),
        ({"golden_lost": [LOST]}, ["golden"]),
        ({"golden_lost": [CLEAN]}, []),
        ({"replayed": 99}, ["frames"]),
        ({"flips": {"critical": FlipCount(30, 300)}}, ["flips_critical"]),
        ({"flips": {"critical": FlipCount(1, 3)}}, ["flips_critical"]),
        ({"flips": {"critical": FlipCount(18, 300)}}, []),
        ({"labelled": 50, "lost": 5, "gained": 0}, ["labels"]),
        ({"labelled": 50, "lost": 4, "gained": 0}, []),
        ({"labelled": 50, "lost": 9, "gained": 4}, []),
        ({"critical_misses": [LOST]}, ["critical"]),
        ({"failure": "hangs"}, ["runs"]),
    ],
)  # fmt: skip
def test_each_gate_is_passed_up_to_its_limit(changes: dict[str, Any], failed: list[str]) -> None:
    values = {name: getattr(RESULT, name) for name in RESULT.__struct_fields__} | changes
    gates = model_gate.measured(GateSettings(), CheckResult(**values))
    assert [one.name for one in gates if not one.passed] == failed


def test_no_flip_in_300_frames_bounds_the_share_at_one_percent() -> None:
    gates = {one.name: one.figure for one in model_gate.measured(GateSettings(), RESULT)}
    assert gates["flips_critical"] == "0 of 300, below 1%"
