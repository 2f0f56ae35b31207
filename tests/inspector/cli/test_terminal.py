"""Tables in a narrow terminal and in a pipe: nothing of a name is lost, and what is long can be read."""

import re
from pathlib import Path

import pytest
from rich.console import Console

from inspector.cli import main, terminal
from inspector.cli.terminal import Grid
from tests.inspector import coils
from tests.inspector.record.test_store import verdict

NAME = "coil-4711/" + "0123456789" * 12 + ".bmp"


def grid() -> Grid:
    table = Grid("time", "source", "frame", "verdict", "label", "severity", "region", "reason")
    table.add_row(
        "2026-11-24 06:00:00", "mill-exit", NAME, "defect", "rolled-in_scale", "major", "0,0 50x60", "why not"
    )
    return table


def test_in_a_pipe_a_row_is_a_line_and_no_name_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show(grid())

    head, row = capsys.readouterr().out.splitlines()
    assert NAME in row
    assert head.index("frame") == row.index(NAME)


def test_in_a_terminal_of_80_columns_a_long_name_goes_on_in_the_next_lines() -> None:
    console = Console(width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(grid())

    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in captured.get()
    shown = "".join(line[lines[0].index("frame") : lines[0].index("verd")].strip() for line in lines[1:])
    assert shown == NAME


REASON = "the score of 0.41 is under the threshold of 0.62 of the bundle for scratches; a part is unlike all strip"


def test_in_a_terminal_of_80_columns_each_record_is_a_paragraph_that_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = coils.line(tmp_path)
    unsure = verdict(2, "unsure", name="c-1_[red].bmp", label="scratches", score=0.41, reason=REASON)
    coils.record(made, verdict(1, "defect", name="c-1_0.bmp", regions=[coils.SCRATCH]), unsure)
    for name, value in (("FORCE_COLOR", "1"), ("COLUMNS", "80"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)

    assert main.main(["defects", "-c", str(made.config), "--verdict", "all"]) == 0
    shown = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    head, what, why, goes_on, defect, region = shown.splitlines()
    assert head.endswith("  drop  c-1_[red].bmp")
    assert what.strip() == "unsure  scratches  none  0.410"
    assert f"{why.strip()} {goes_on.strip()}" == REASON
    assert defect.endswith("  drop  c-1_0.bmp")
    assert region.strip() == "defect  scratches  none  0.900  5 mm, 0.010 m: 30x20 mm"


@pytest.mark.parametrize(("number", "told"), [(0, "0 defects"), (1, "1 defect"), (2, "2 defects")])
def test_one_thing_is_counted_in_the_singular(number: int, told: str) -> None:
    assert terminal.counted(number, "defect") == told
