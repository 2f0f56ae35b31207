"""Tables in a narrow terminal and in a pipe: nothing of a name is lost."""

import pytest
from rich.console import Console

from inspector.cli import terminal
from inspector.cli.terminal import Grid

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
