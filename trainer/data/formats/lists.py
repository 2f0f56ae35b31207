"""Owns reading `path label` lists and the label file that explains their numbers, as PaddleClas has them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.data.formats import lines, tables
from trainer.data.manifest import DataError

#: A quoted label may hold blanks; without quotes it is the last word.
_LINE = re.compile(r"""(?P<path>.*[^\s,;])(?:\s*[,;]\s*|\s+)(?P<label>"[^"]*"|'[^']*'|[^\s,;"']+)""")
_SHOWN = 120  # characters of a wrong line in the message
_SHOWN_LABELS = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: a path relative to the data's root, and the recipe's name of its label."""

    path: str
    label: str
    line: int


def read_label_file(path: Path, names: Mapping[str, str]) -> dict[str, str]:
    """Read lines of `id name`; return each id's label, as the recipe names it.

    `names` maps every name and alias to the recipe's name. Raise DataError, which names the line.
    """
    labels: dict[str, str] = {}
    unknown: list[str] = []
    for number, first, rest in _pairs(path):
        if not lines.is_plain(rest):
            raise DataError(_not_utf_8(path, number))
        if first in labels:
            raise DataError(f"{path}, line {number}: id {first} is there already")
        unknown += [f"line {number}: {rest!r}"] if rest not in names else []
        labels[first] = names.get(rest, "")
    if unknown:
        raise DataError(f"{path}, {', '.join(unknown)} is no label or alias of the recipe ({', '.join(names)})")
    return labels


def read_list(path: Path, names: Mapping[str, str], ids: Mapping[str, str]) -> list[Entry]:
    """Read lines of `path label`, where the label is an id of the label file, or a name or alias of the recipe.

    The label is what follows the last tab, blank, comma or semicolon, so a path may hold them; both may stand in
    quotes, or the line as a whole. A header line may say which columns of a table they are. A byte order mark, CRLF
    and separators at the end of a line are no part of them. DataError names the line, of unknown labels each with its
    first.
    """
    entries = []
    unknown: dict[str, Entry] = {}
    for entry in _entries(path, "label"):
        known = ids.get(entry.label) or names.get(entry.label)
        if known is None and not lines.is_plain(entry.label):
            raise DataError(_not_utf_8(path, entry.line))
        if known is None:
            unknown.setdefault(entry.label, entry)
        else:
            entries.append(replace(entry, label=known))
    if unknown:
        first, *others = unknown.values()
        more = "".join(f"; so is {_short(one.label)}, line {one.line}" for one in others[:_SHOWN_LABELS])
        more += f", and {len(others) - _SHOWN_LABELS} more" if len(others) > _SHOWN_LABELS else ""
        header = f"; {tables.WANTED}" if first.line == 1 else ""
        raise DataError(
            f"{path}, line {first.line}: label {_short(first.label)} {_known(first.label, names, ids)}{more}{header}"
        )
    return entries


def read_groups(path: Path) -> list[Entry]:
    """Read lines of `path group`, written as `read_list` takes them; the group, on one line, is the entry's label."""
    entries = list(_entries(path, "group"))
    if wrong := next((entry for entry in entries if not lines.is_plain(entry.label)), None):
        raise DataError(_not_utf_8(path, wrong.line))
    return [replace(entry, label=" ".join(entry.label.split())) for entry in entries]


def _entries(path: Path, what: str) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for entry in _rows(path, what):
        if entry.path in seen:
            raise DataError(f"{path}, line {entry.line}: {entry.path} stands on line {seen[entry.path]} already")
        seen[entry.path] = entry.line
        yield entry


def _rows(path: Path, what: str) -> Iterator[Entry]:
    content = _content(path)
    table = tables.read(content) if what == "label" else None
    if table is not None:
        yield from (Entry(line.cells["path"], line.cells["label"], line.number) for line in table.lines)
        return
    for number, line in _lines(content):
        if number == 1 and tables.is_header(line):
            continue
        line = line.rstrip(" \t,;")
        match = _LINE.fullmatch(line) or _LINE.fullmatch(_unquoted(line))
        if match is None:
            raise DataError(
                f"{path}, line {number}: `path {what}` is expected, a blank or tab between, got {_short(line)}"
            )
        yield Entry(_unquoted(match["path"]), _unquoted(match["label"]), number)


def _not_utf_8(path: Path, number: int) -> str:
    return f"{path}, line {number}: not UTF-8 text (GBK, Windows-1252?): save it as UTF-8"


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _known(label: str, names: Mapping[str, str], ids: Mapping[str, str]) -> str:
    if label.isdigit() and not ids:
        return "is a number: set data.label_file to the file that names the numbers"
    return f"is none of {', '.join([*ids, *names])}"


def _content(path: Path) -> str:
    try:
        return lines.text(path, any_names=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; are data.root and the list's name right?") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _lines(content: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in _lines(_content(path)):
        cells = line.split(None, 1)
        if len(cells) != 2:
            raise DataError(f"{path}, line {number}: `id name` is expected, got {line!r}")
        yield number, _unquoted(cells[0]), _unquoted(cells[1])
