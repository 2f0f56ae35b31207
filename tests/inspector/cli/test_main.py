"""Holds the inspector command: what it prints, what it exits with, and what it does not import."""

import csv
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inspector import __version__
from inspector.cli import main
from inspector.record.store import Store
from inspector.settings import terms
from tests import fakes
from tests.fakes import LABELS, ROOT, Line
from tests.inspector.record.test_store import tally, verdict


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A line that has six frames on record, and does not run."""
    made = Line(tmp_path)
    made.data.mkdir()
    store = Store(made.data)
    now = time.time()
    store.write(
        [
            ("model-1", verdict(1, "ok", captured_at=now - 7200)),
            ("model-1", verdict(2, "defect", captured_at=now - 7200, severity="major")),
            ("model-1", verdict(3, "unsure", captured_at=now)),
            ("model-2", verdict(4, "defect", captured_at=now, label="patches", name="[red]a\nb,\"c'.bmp")),
            ("", verdict(5, "error", captured_at=now, reason="empty file", label="")),
            ("model-2", verdict(1, "defect", source="camera", captured_at=now, label="patches")),
        ],
        [tally(5, ok=1, defect=2, unsure=1, error=1), tally(1, defect=1, source="camera")],
    )
    store.close()
    return made


def run(line: Line, capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    """A command in this process: its exit code and what it printed."""
    code = main.main([command[0], "-c", str(line.config), *command[1:]])
    return code, capsys.readouterr().out


def frames(line: Line, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """Source and number of the records that `defects --json` lists."""
    code, out = run(line, capsys, "defects", "--json", *options)
    assert code == 0
    return [f"{one['source']}/{one['sequence']}" for one in map(json.loads, out.splitlines())]


def test_defects_are_listed_newest_first(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert frames(line, capsys) == ["camera/1", "drop/4", "drop/2"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--source", "drop"], ["drop/4", "drop/2"]),
        (["--source", "drop", "--source", "camera"], ["camera/1", "drop/4", "drop/2"]),
        (["--label", "patches"], ["camera/1", "drop/4"]),
        (["--verdict", "error"], ["drop/5"]),
        (["--verdict", "ok", "--verdict", "unsure"], ["drop/3", "drop/1"]),
        (["--verdict", "all"], ["camera/1", "drop/5", "drop/4", "drop/3", "drop/2", "drop/1"]),
        (["--model", "model-1"], ["drop/2"]),
        (["--since", "1h"], ["camera/1", "drop/4"]),
        (["--until", "60m"], ["drop/2"]),
        (["--since", "3h", "--until", "1h", "--verdict", "all"], ["drop/2", "drop/1"]),
        (["--since", "2099-01-01T00:00"], []),
        (["--until", "2000-01-01T00:00+02:00"], []),
        (["--limit", "1"], ["camera/1"]),
        (["--limit", "0"], []),
    ],
)
def test_records_are_filtered(
    line: Line, capsys: pytest.CaptureFixture[str], options: list[str], expected: list[str]
) -> None:
    assert frames(line, capsys, *options) == expected


def test_a_table_shows_time_source_frame_verdict_and_label(
    line: Line, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    code, out = run(line, capsys, "defects", "--verdict", "all")

    assert code == 0
    assert out.splitlines()[0].split() == [
        "time", "source", "frame", "verdict", "label", "severity", "score", "region", "reason",
    ]  # fmt: skip
    assert "[red]a" in out  # a file's name is not markup
    assert "empty file" in out


def test_csv_has_a_header_and_a_line_a_record_whatever_the_names(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = run(line, capsys, "defects", "--csv", "--verdict", "all")

    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 6
    assert rows[2]["name"] == "[red]a\nb,\"c'.bmp"
    assert [row["outcome"] for row in rows] == ["defect", "error", "defect", "unsure", "defect", "ok"]


@pytest.mark.parametrize("moment", ["yesterday", "", "10", "5w", "2026-13-01", "-5m"])
def test_a_moment_that_is_none_is_refused(line: Line, capsys: pytest.CaptureFixture[str], moment: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(line, capsys, "defects", f"--since={moment}")

    assert ended.value.code == 2
    assert "write 10m, 2h, 1d or 2026-11-24T06:00" in capsys.readouterr().err


def test_accounts_that_balance_exit_with_0(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(line, capsys, "account")
    assert (code, out.splitlines()[-1]) == (0, "balanced")

    code, out = run(line, capsys, "account", "--json")
    accounts = {one["source"]: one for one in json.loads(out)}
    assert code == 0
    assert accounts["drop"]["recorded"] == {"ok": 1, "defect": 2, "unsure": 1, "error": 1}
    assert accounts["camera"]["balanced"]
    assert accounts["camera"]["tally"]["captured"] == 1


def test_accounts_that_do_not_balance_exit_with_1_and_name_the_source(
    line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(line.data)
    store.write([], [tally(9, ok=1, source="camera")])
    store.close()

    code, out = run(line, capsys, "account")
    assert (code, out.splitlines()[-1]) == (1, "does not balance: camera")
    assert run(line, capsys, "account", "--json")[0] == 1


@pytest.mark.parametrize("command", ["defects", "account"])
def test_a_line_that_never_ran_has_no_record_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    line = Line(tmp_path)

    assert main.main([command, "-c", str(line.config)]) == 2
    assert "records.sqlite" in capsys.readouterr().err
    assert not line.data.exists()


def test_check_shows_what_would_run(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(line, capsys, "check", "-o", "workers.max_batch=7")

    assert code == 0
    assert out.startswith(f"{line.config}: good\n")
    assert all(label in out for label in LABELS)
    assert "batches up to 7" in out
    assert "drop: folder" in out


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("workers.count=0", "workers.count: "),
        ("bundle=/does/not/exist", "/does/not/exist/bundle.json: No such file"),
        ("decision.thresholds={rust: 0.5}", "decision.thresholds.rust: the bundle has no such label"),
        ("recipes=[{name: a, thresholds: {rust: 0.5}}]", "recipes.a.thresholds.rust: the bundle has no such label"),
    ],
)
def test_a_config_or_bundle_that_cannot_be_is_one_message_and_exit_code_2(
    line: Line, capsys: pytest.CaptureFixture[str], command: str, override: str, message: str
) -> None:
    assert main.main([command, "-c", str(line.config), "-o", override]) == 2

    error = capsys.readouterr().err
    assert error.startswith("inspector: ")
    assert message in error
    assert error.count("\n") == 1


def test_check_shows_the_recipes(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    told = "recipes=[{name: exposed, grades: [DX56D, DC06]}, {name: trial}]"
    code, out = run(line, capsys, "check", "-o", told)

    assert code == 0
    assert "\n  recipe   exposed: DX56D, DC06\n  recipe   trial: no grades, only by `piece start --recipe`\n" in out


def test_settings_lists_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["settings"]) == 0

    out = capsys.readouterr().out
    for key in ("workers.count", "delivery.in_flight_frames", "sources.<folder>.settle_ms", "metrics.port"):
        assert f"\n{key} " in out


def test_version_and_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"inspector {__version__}\n")
    for arguments in ([], ["inspect"], ["run", "-c"]):
        with pytest.raises(SystemExit) as ended:
            main.main(arguments)
        assert ended.value.code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["defects", "--help"]])
def test_help_imports_neither_paddle_nor_opencv_nor_zeromq(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom inspector.cli import main as cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'paddle', 'cv2', 'zmq', 'numpy', 'prometheus_client'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)

    assert answer.stdout.splitlines()[-1] == "[]"


def test_a_pipe_that_is_closed_early_is_no_error(line: Line) -> None:
    store = Store(line.data)
    store.write([("m", verdict(number, "defect")) for number in range(100, 5000)])
    store.close()
    command = [sys.executable, "-m", "inspector", "defects", "-c", str(line.config), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_python_m_inspector_is_the_command() -> None:
    answer = fakes.inspector("--version")

    assert (answer.returncode, answer.stdout) == (0, f"inspector {__version__}\n")
    assert os.linesep not in answer.stdout.strip()


def test_pins_are_made_listed_and_taken_away(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(line, capsys, "pin", "--source", "drop", "--name", "coil-7/*", "--since", "2026-11-24T06:00")
    assert (code, out) == (
        0, "pin 1: source drop, from 2026-11-24 06:00:00, named coil-7/*; 0 pictures, 0.0 MB by now\n"
    )  # fmt: skip
    assert run(line, capsys, "pin")[1] == out
    assert json.loads(run(line, capsys, "pin", "--json")[1])["name"] == "coil-7/*"
    assert run(line, capsys, "unpin", "1")[0] == 0
    assert run(line, capsys, "pin") == (0, "")
    for wrong in (["unpin", "1"], ["pin", "--source", "drop"], ["pin", "--since", "1h", "--until", "2h"]):
        assert main.main([wrong[0], "-c", str(line.config), *wrong[1:]]) == 2
        assert capsys.readouterr().err.startswith(f"inspector: {wrong[0]}: ")


@pytest.mark.parametrize(
    ("option", "name", "told"),
    [("--source", "camrea", "did you mean camera?"), ("--label", "scratchs", "did you mean scratches?")],
)
def test_a_source_or_label_that_is_not_on_record_is_said_and_no_empty_answer(
    line: Line, capsys: pytest.CaptureFixture[str], option: str, name: str, told: str
) -> None:
    from inspector.record import settings_history
    from inspector.settings import loading
    from inspector.vision import bundle

    settings = loading.load(line.config)
    store = Store(line.data)
    settings_history.keep(store, terms.now(settings, bundle.load(settings.bundle_path)))
    store.close()

    assert main.main(["defects", "-c", str(line.config), option, name]) == 2
    assert told in capsys.readouterr().err


def test_an_answer_without_a_record_says_so(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["defects", "-c", str(line.config), "--until", "30d", "--json"]) == 0
    answer = capsys.readouterr()
    assert (answer.out, answer.err) == ("", "no record matches\n")
