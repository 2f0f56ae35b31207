"""Owns the CSV of records and defects, a row a region, in a form that spreadsheets such as Excel read correctly."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TextIO

import msgspec

from inspector.record.records import PARTS, Record

#: Byte order mark, by which Excel recognises a file as UTF-8.
_BOM = "\ufeff"
#: First characters of a cell that a spreadsheet runs as a formula, as no file's name may. OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Fields of a record that are lists, and have columns of their own.
_LISTS = ("regions", "doubts", "area")
_AREA = ("area_x", "area_y", "area_width", "area_height")
_PART = tuple(dict.fromkeys(PARTS["regions"] + PARTS["doubts"]))


def write(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct], file: TextIO, bom: bool = False) -> None:
    """Write the rows, with a header. Each time is written twice: in seconds since 1970 UTC, and as local time.

    A record has a row for each of its regions and doubts, with its kind in `part`; a record without any has one row.
    """
    if bom:
        file.write(_BOM)
    writer = csv.writer(file)
    names = [name for name in kind.__struct_fields__ if name not in _LISTS]
    more = [*_AREA, "part", *(f"part_{name}" for name in _PART)] if kind is Record else []
    writer.writerow([column for name in names for column in _columns(name)] + more)
    for row in rows:
        own = [cell for name in names for cell in _cells(name, getattr(row, name))]
        if not isinstance(row, Record):
            writer.writerow(own)
            continue
        own += row.area or [""] * len(_AREA)
        for kept, part in _parts(row):
            writer.writerow([*own, kept, *(_safe(part.get(name)) for name in _PART)])


def _parts(record: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    parts = [("region", one) for one in record.regions] + [("doubt", one) for one in record.doubts]
    yield from parts or [("", {})]


def _columns(name: str) -> list[str]:
    return [name, f"{name[:-3]}_local"] if name.endswith("_at") else [name]


def _cells(name: str, value: Any) -> list[Any]:
    if not name.endswith("_at"):
        return [_safe(value)]
    local = datetime.fromtimestamp(value).strftime("%Y-%m-%d %H:%M:%S") if value is not None else None
    return [value, local]


def _safe(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
