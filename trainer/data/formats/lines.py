"""Owns reading text that people and their programs write: lists, label files, manifests, tables.

A byte order mark and the line ends of Windows are no part of it. Anything but UTF-8 is refused, not guessed: one code
read as another gives names that nobody wrote.
"""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATORS = ",;\t"
#: Stands in no text.
_END = "\0"


def text(path: Path, any_names: bool = False) -> str:
    """Return the text with `\\n` at the ends of lines. `any_names`: file names in it may be no UTF-8, as on the disk.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8 text; the message says so, and what to do, but does not name the file.
    """
    data = path.read_bytes()
    if data.startswith(_UTF_16) or b"\0" in data:
        raise ValueError("not UTF-8 text but UTF-16, or no text at all: save it as UTF-8")
    try:
        found = data.decode("utf-8-sig", "surrogateescape" if any_names else "strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"not UTF-8 text from line {line} on (GBK, Windows-1252?): save it as UTF-8") from None
    return found.replace("\r\n", "\n")


def is_plain(name: str) -> bool:
    """Whether what was read with `any_names` is UTF-8."""
    return not any("\udc80" <= letter <= "\udcff" for letter in name)


def table(content: str) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line of a CSV that is not empty; the first decides on comma, semicolon or tab.

    Excel separates by what its country uses, and may say so in a first line `sep=;`. Cells are without blanks around
    them; empty ones at the end of a line are left out.

    ValueError: quotes that are not closed, which take all that follows for one cell.
    """
    lines = content.split("\n")
    first = next((line for line in lines if line.strip()), "")
    stated = first.strip().removeprefix("sep=") if first.startswith("sep=") else ""
    separator = stated if stated and stated in _SEPARATORS else max(_SEPARATORS, key=first.count)
    # A mask may be longer than what csv takes for a cell. The limit is that of the whole process: it only grows.
    csv.field_size_limit(max(csv.field_size_limit(), len(content) + 2))
    reader = csv.reader([*lines, _END], delimiter=separator)
    through = 0
    for cells in reader:
        if cells and cells[-1].endswith(_END) and cells != [_END]:
            raise ValueError(f"line {through + 1}: quotes are opened and not closed up to the end")
        through = reader.line_num
        cells = [cell.strip() for cell in cells]
        while cells and not cells[-1]:
            cells.pop()
        if cells and not cells[0].startswith(("sep=", _END)):
            yield reader.line_num, cells
