"""Owns reading what people said of frames out of the data folders of lines: which label counts, and of which picture.

Lines are only read, and may run meanwhile. Which of several labels counts is the line's own rule (`labels.opinions`).
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from inspector.errors import StoreError
from inspector.record.labels.label_file import FOLDER, LabelFile
from inspector.record.labels.labels import GivenLabel, Opinion, opinions
from trainer.data.crop import Box
from trainer.data.manifest import DataError
from trainer.data.records.records import FrameRecord


class FirstLabel(NamedTuple):
    """When a frame was labelled first, in seconds since 1970 UTC, and which: this never changes, whatever follows."""

    at: float
    source: str
    frame: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFrame:
    """What people said of a frame, in their own words: of the whole ("" if nothing), and of rectangles of it.

    `disputed`: rectangles on which people disagree; None among them is the whole frame. `picture`: where its kept
    picture is; None: none was kept. `record`: what a model had said.
    """

    line: Path
    first: FirstLabel
    whole: str
    regions: Mapping[Box, str]
    disputed: tuple[Box | None, ...]
    picture: Path | None
    record: FrameRecord


def read(line: Path) -> list[LabelledFrame]:
    """Return the frames of a line on which labels are in force, in the order in which they were labelled first.

    Raises:
        DataError: there is no such folder, or its labels cannot be used: changed by hand, or of a newer version.
    """
    if not line.is_dir():
        raise DataError(f"{line}: no such folder; data.lines names the `data` folder of a line, such as "
                        "/var/lib/inspector")  # fmt: skip
    try:
        with closing(LabelFile(line, read_only=True)) as file:
            if (edited := file.changed_by_hand()) is not None:
                raise DataError(f"{file.path}: label {edited} was changed by hand; restore the file from a backup")
            rows = file.every()
    except StoreError as error:
        raise DataError(str(error)) from None
    first: dict[tuple[str, str], FirstLabel] = {}
    by_frame: dict[tuple[str, str], dict[Box | None, Opinion]] = {}
    for row in rows:
        first.setdefault((row.source, row.frame), FirstLabel(row.at, row.source, row.frame))
    for (source, frame, box), opinion in opinions(rows).items():
        by_frame.setdefault((source, frame), {})[Box(*box) if box else None] = opinion
    return [_frame(line, one, by_frame[key]) for key, one in first.items() if key in by_frame]


def _frame(line: Path, first: FirstLabel, said: Mapping[Box | None, Opinion]) -> LabelledFrame:
    agreed = {box: one.label for box, one in said.items() if not one.disputed}
    given = [label for one in said.values() for label in one.given]
    last = max(given, key=lambda one: one.id)
    return LabelledFrame(
        line=line,
        first=first,
        whole=agreed.get(None, ""),
        regions={box: label for box, label in agreed.items() if box},
        disputed=tuple(box for box, one in said.items() if one.disputed),
        picture=next((line / FOLDER / one.picture for one in given if one.picture), None),
        record=_record(line, last),
    )


def _record(line: Path, label: GivenLabel) -> FrameRecord:
    try:
        return FrameRecord.model_validate(label.record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{line}: label {label.id}: the record in it cannot be used: {where}: {first['msg']}") from None
