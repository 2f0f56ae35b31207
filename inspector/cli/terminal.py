"""Owns the layout of answers and times: folded in a narrow terminal, at full width in a pipe, and never cut."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table

#: Width for measuring, in columns; no answer is wider.
_WIDEST = 100_000
#: Colours of outcomes and grades.
COLOURS = {
    "ok": "green", "defect": "red", "unsure": "yellow", "error": "magenta",
    "prime": "green", "second": "yellow", "hold": "red",
}  # fmt: skip


class Grid(Table):
    """A table without lines. Text that does not fit its column continues on the next line."""

    def __init__(self, *columns: str) -> None:
        super().__init__(box=None, padding=(0, 2, 0, 0))
        for column in columns:
            self.column(column)

    def column(self, name: str, right: bool = False, **format: Any) -> None:
        """Add a column; see rich for the `format`."""
        self.add_column(name, justify="right" if right else "left", overflow="fold", **format)

    def outcome_columns(self, columns: Sequence[str]) -> None:
        """Add a column of text, `source`, and columns of numbers, those of outcomes in their colours."""
        for column in ("source", *columns):
            self.column(column, right=column != "source", style=COLOURS.get(column))


def show(*parts: RenderableType) -> None:
    """Print an answer to standard output, at its full width if that is no terminal."""
    console, answer = Console(), Group(*parts)
    if not console.is_terminal:
        console = Console(width=max(console.width, _needed(answer)))
    console.print(answer)


def fits(part: RenderableType) -> bool:
    """Return whether `part` fits the width of standard output unfolded; it always does if that is no terminal."""
    console = Console()
    return not console.is_terminal or _needed(part) <= console.width


def span(seconds: float) -> str:
    """Return a duration in its largest fitting unit: 0.3 s, 12 min, 5 h, 3 d."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.1f} s"


def moment(at: float) -> str:
    """Return `at`, in seconds since 1970, as local time to the second."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless the number is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _needed(part: RenderableType) -> int:
    return Console(width=_WIDEST, height=1).measure(part).maximum
