"""Owns reading `path label` lists and the label file that explains their numbers, as PaddleClas has them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trainer import lines
from trainer.manifest import DataError

#: A quoted label may hold blanks; without quotes it is the last word.
_LINE = re.compile(r"""(?P<path>.*[^\s,;])(?:\s*[,;]\s*|\s+)(?P<label>"[^"]*"|'[^']*'|[^\s,;"']+)""")
_SHOWN = 120  # characters of a wrong line in the message


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: a path relative to the data's root, and the recipe's name of its label."""

    path: str
    label: str
    line: int


def read_label_file(path: Path, names: Mapping[str, str]) -> dict[str, str]:
    """Read lines of `id name`; returns each id's label, as the recipe names it.

    `names` maps every name and alias to the recipe's name. DataError names the line.
    """
    labels: dict[str, str] = {}
    for number, first, rest in _pairs(path):
        if not lines.is_plain(rest):
            raise DataError(_not_utf_8(path, number))
        if rest not in names:
            raise DataError(f"{path}, line {number}: {rest!r} is no label or alias of the recipe ({', '.join(names)})")
        if first in labels:
            raise DataError(f"{path}, line {number}: id {first} is there already")
        labels[first] = names[rest]
    return labels


def read_list(path: Path, names: Mapping[str, str], ids: Mapping[str, str]) -> list[Entry]:
    """Read lines of `path label`, where the label is an id of the label file, or a name or alias of the recipe.

    The label is what follows the last tab, blank, comma or semicolon, so a path may hold them; both may stand in
    quotes, or the line as a whole. A byte order mark and CRLF are no part of them. DataError names the line.
    """
    entries = []
    for entry in _entries(path, "label"):
        known = ids.get(entry.label) or names.get(entry.label)
        if known is None and not lines.is_plain(entry.label):
            raise DataError(_not_utf_8(path, entry.line))
        if known is None:
            raise DataError(f"{path}, line {entry.line}: label {_short(entry.label)} {_known(entry.label, names, ids)}")
        entries.append(replace(entry, label=known))
    return entries


def read_groups(path: Path) -> list[Entry]:
    """Read lines of `path group`, written as `read_list` takes them; the group, on one line, is the entry's label."""
    entries = list(_entries(path, "group"))
    if wrong := next((entry for entry in entries if not lines.is_plain(entry.label)), None):
        raise DataError(_not_utf_8(path, wrong.line))
    return [replace(entry, label=" ".join(entry.label.split())) for entry in entries]


def _entries(path: Path, what: str) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        match = _LINE.fullmatch(line) or _LINE.fullmatch(_unquoted(line))
        if match is None:
            raise DataError(
                f"{path}, line {number}: `path {what}` is expected, a blank or tab between, got {_short(line)}"
            )
        name = _unquoted(match["path"])
        if name in seen:
            raise DataError(f"{path}, line {number}: {name} stands on line {seen[name]} already")
        seen[name] = number
        yield Entry(name, _unquoted(match["label"]), number)


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


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = lines.text(path, any_names=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; are data.root and the list's name right?") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in _lines(path):
        cells = line.split(None, 1)
        if len(cells) != 2:
            raise DataError(f"{path}, line {number}: `id name` is expected, got {line!r}")
        yield number, _unquoted(cells[0]), _unquoted(cells[1])
