"""Owns reading what the inspector recorded, `inspector defects --json`, as pictures with labels to start from.

The recorded label is the model's word, not the truth: prepare writes it into the manifest, where a person corrects it.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ValidationError

from trainer.lists import Entry
from trainer.manifest import DataError

_SHOWN = 3  # names in a note


class _Record(BaseModel):
    """What is used of a line. `label` is the most likely one also where the outcome is unsure."""

    name: str
    outcome: Literal["ok", "defect", "unsure", "error"]
    label: str
    width: int
    height: int
    evidence: str = ""  # where the inspector kept the picture, if it did


def read(path: Path, root: Path, names: dict[str, str], view_px: int, notes: list[str]) -> list[Entry]:
    """The records that name one picture and its label, in the file's order; a picture may be missing all the same.

    `root` is where the frames lie by name: the drop folder's done/. What is not there, or in doubt, is taken from the
    inspector's evidence if that still has it. `names` maps every label and alias to the recipe's name. Left out,
    counted and named in `notes`: frames without a label, frames larger than `view_px`, whose label is of one view of
    several, and names that came more than once, for which file is which is not recorded.

    Raises:
        DataError: names the line that is no record, or has a label the recipe does not know.
    """
    records = [(number, _record(path, number, line)) for number, line in _lines(path)]
    times = Counter(record.name for _, record in records)
    left_out: dict[str, list[str]] = {}
    entries = []
    for number, record in records:
        doubt = _doubt(record, root, times[record.name])
        kept = bool(record.evidence) and (bool(doubt) or not (root / record.name).is_file())
        kept = kept and Path(record.evidence).is_file()
        if reason := _unusable(record, view_px) or ("" if kept else doubt):
            left_out.setdefault(reason, []).append(record.name)
        elif record.label not in names:
            known = ", ".join(names)
            raise DataError(f"{path}, line {number}: {record.label!r} is no label or alias of the recipe ({known})")
        else:
            entries.append(Entry(record.evidence if kept else record.name, names[record.label], number))
    notes += [f"{path.name}: {len(found)} of {len(records)} left out, {reason}: {_some(found)}"
              for reason, found in left_out.items()]  # fmt: skip
    return entries


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; `inspector defects --verdict all --json` prints it") from None
    return ((number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip())


def _record(path: Path, number: int, line: bytes) -> _Record:
    try:
        return _Record.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path}, line {number}: no record as `inspector defects --json` prints it: "
            f"{f'{where}: ' if where else ''}{first['msg']}"
        ) from None


def _unusable(record: _Record, view_px: int) -> str:
    """Why the record has no label for one picture; "" where it has."""
    if record.outcome == "error" or not record.label:
        return "not inspected or without a label"
    if max(record.width, record.height) > view_px:
        return f"larger than export.view_px, {view_px}"
    return ""


def _doubt(record: _Record, root: Path, times: int) -> str:
    """Why the name may be another frame's, too; "" where it is not."""
    # The inspector keeps a second file of the same name as `a.2.bmp`, in the order in which they were recorded.
    place = PurePosixPath(record.name)
    if times > 1 or (root / place.with_name(f"{place.stem}.2{place.suffix}")).exists():
        return "the name came more than once"
    return ""


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
