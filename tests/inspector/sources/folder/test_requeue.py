"""Holds `inspector retry`: failed files are put back and inspected again, by pattern, and never over another."""

import json
from pathlib import Path

import pytest

from inspector.cli import main
from tests.fakes import Line, running, wait_until
from tests.inspector.folders import GOOD, below


def failed(line: Line, *names: str) -> None:
    """Files that could not be inspected."""
    for name in names:
        path = line.drop / "failed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GOOD)


def retry(line: Line, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Exit code and what it printed."""
    code = main.main(["retry", "-c", str(line.config), *options])
    return code, capsys.readouterr().out


def test_files_are_put_back_by_pattern_and_the_others_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(tmp_path)
    failed(line, "a.bmp", "coil-7/a.bmp", "coil-7/b.bmp", "coil-8/a.bmp")

    code, out = retry(line, capsys, "coil-7/*")
    assert (code, out.splitlines()[-1]) == (0, "2 files put back, 0 left where they are")
    assert below(line.drop) == ["coil-7/a.bmp", "coil-7/b.bmp", "failed/a.bmp", "failed/coil-8/a.bmp"]
    code, out = retry(line, capsys, "--json", "--source", "drop")
    assert [json.loads(text)["name"] for text in out.splitlines()] == ["a.bmp", "coil-8/a.bmp"]
    assert retry(line, capsys) == (0, "0 files put back, 0 left where they are\n")


def test_a_file_of_that_name_that_waits_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Line(tmp_path)
    failed(line, "a.bmp", "b.bmp")
    (line.drop / "a.bmp").write_bytes(b"another")

    code, out = retry(line, capsys)
    assert code == 1
    assert f"left in failed/: {line.drop / 'a.bmp'}: File exists" in out
    assert (line.drop / "a.bmp").read_bytes() == b"another"
    assert below(line.drop / "failed") == ["a.bmp"]


def test_what_is_put_back_is_inspected_again(tmp_path: Path) -> None:
    line = Line(tmp_path)
    with running(line):
        wait_until(lambda: "taken over" in line.log, line.explain)
        failed(line, "a.bmp")
        assert line.run("retry").returncode == 0
        line.wait_for_records(1)
        wait_until(lambda: (line.drop / "done" / "a.bmp").exists(), line.explain)
        assert line.stop() == 0
