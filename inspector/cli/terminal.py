"""Owns how tables are laid out: folded in a terminal that is too narrow, as wide as they are in a pipe, never cut."""

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table

#: Wider than any answer: only measured with.
_WIDEST = 100_000


class Grid(Table):
    """A table without lines. What does not fit its column goes on in the next line."""

    def __init__(self, *columns: str) -> None:
        super().__init__(box=None, padding=(0, 2, 0, 0))
        for column in columns:
            self.column(column)

    def column(self, name: str, right: bool = False, **format: Any) -> None:
        """Add a column; see rich for the `format`."""
        self.add_column(name, justify="right" if right else "left", overflow="fold", **format)


def show(*parts: RenderableType) -> None:
    """Print to standard output what a command answers, in no terminal as wide as it needs to be."""
    console, answer = Console(), Group(*parts)
    if not console.is_terminal:
        needed = Console(width=_WIDEST).measure(answer).maximum
        console = Console(width=max(console.width, needed))
    console.print(answer)
