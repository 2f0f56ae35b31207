"""Owns what the sections of a page consist of: tables and pictures, all text in them ready to be shown.

`templates/elements.html` draws them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than its text: a link to an anchor of the page, a swatch of a colour (#rrggbb), or bold."""

    text: str
    anchor: str = ""
    swatch: str = ""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the columns whose heads are `numbers` are aligned right. `left_out` says what is not shown."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    numbers: Sequence[str] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A JPEG with lines of text below it; None where no picture is kept. `alt` is what it shows."""

    jpeg: bytes | None
    alt: str
    lines: Sequence[str] = ()


def left_out(total: int, shown: int, things: str, which: str = "", more: str = "") -> str:
    """Return the sentence that counts things of which only `shown` are shown; "" where all are."""
    if shown >= total:
        return ""
    return f"{total} {things}, {f'{which} ' if which else ''}{shown} of them shown{more}."


def moment(at: float) -> str:
    """Return the local date and time of `at`, in seconds since 1970."""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"
