"""Owns reading what the inspector recorded, `inspector defects --json`, as pictures with labels to start from.

The recorded label is the model's word, not the truth: prepare writes it into the manifest, where a person corrects it.
A frame of one view is a picture; a wider one becomes views at its regions, its doubts and clean places.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ValidationError

from trainer.data import crop
from trainer.data.crop import Box
from trainer.data.formats import boxes
from trainer.data.formats.annotations import some
from trainer.data.formats.boxes import LabelledView, Mark, Unusable
from trainer.data.formats.lists import Entry
from trainer.data.manifest import DataError
from trainer.recipe.data import RecordFile


class RecordPart(BaseModel):
    """A region or a doubt of a frame: its rectangle, and what a model called it."""

    x: int
    y: int
    width: int
    height: int
    label: str

    @property
    def box(self) -> Box:
        """The rectangle, in the frame's pixels."""
        return Box(self.x, self.y, self.width, self.height)


class FrameRecord(BaseModel):
    """What is used of a line. `label` is the most likely one also where the outcome is unsure."""

    name: str
    outcome: Literal["ok", "defect", "unsure", "error"]
    label: str
    width: int
    height: int
    source: str = ""
    frame: str = ""
    regions: list[RecordPart] = []
    doubts: list[RecordPart] = []
    area: tuple[int, int, int, int] | None = None
    evidence: str = ""  # where the inspector kept the picture, if it did


@dataclass(frozen=True, slots=True)
class _Line:
    """A record, where it stands, and the folder where its frame lies by name."""

    file: Path
    number: int
    record: FrameRecord
    root: Path


@dataclass(frozen=True, slots=True)
class Recorded:
    """A picture with the label that a model gave it, and the file that says so."""

    entry: Entry
    file: Path


def read(
    files: Sequence[RecordFile],
    root: Path,
    names: Mapping[str, str],
    view_px: int,
    clean: str | None,
    notes: list[str],
    reviewed: Container[tuple[str, str]] = frozenset(),
) -> list[Recorded]:
    """Return the pictures and views that records name, in the files' order; a picture may be missing all the same.

    Frames lie by name where their file says, else in `root`: the drop folder's done/. What is not there, or in doubt,
    is taken from the inspector's evidence if that still has it. `names` maps every label and alias to the recipe's
    name, `clean` is that of clean strip in frames with a defect. Left out, counted and named in `notes`: frames without
    a label, or of which nothing is sure where; names that came more than once, for which file is which is not recorded.
    Frames (source and frame) that people `reviewed` are left to what they said.

    Raises:
        DataError: names the line that is no record, and all labels that the recipe does not know.
    """
    lines = [_Line(one.path, number, _record(one.path, number, line), (one.root or root).absolute())
             for one in files for number, line in _lines(one.path)]  # fmt: skip
    _refuse_unknown(lines, names)
    once = _once(lines, notes)
    open_ones = [line for line in once if (line.record.source, line.record.frame) not in reviewed]
    if len(open_ones) < len(once):
        notes.append(f"{len(once) - len(open_ones)} records are of frames that people labelled: what they said holds")
    once = open_ones
    times = Counter((line.root, line.record.name) for line in once)
    left_out: defaultdict[tuple[Path, str], list[str]] = defaultdict(list)
    found: list[Recorded] = []
    for line in once:
        kept, doubt = _kept(line, times[line.root, line.record.name])
        if reason := "" if kept else doubt:
            left_out[line.file, reason].append(line.record.name)
            continue
        path = line.record.evidence if kept else _named(line, root)
        try:
            views = _views(line, names, view_px, clean)
        except Unusable as error:
            left_out[line.file, str(error)].append(line.record.name)
            continue
        entries = (Entry(crop.name(path, box) if box else path, label, line.number) for label, box in views)
        found += (Recorded(entry, line.file) for entry in entries)
    of = Counter(line.file for line in once)
    cut = Counter(one.file for one in found if one.entry.path.startswith(crop.PREFIX))
    notes += [f"{file.name}: {count} views of {view_px} px cut out of frames larger than export.view_px"
              for file, count in cut.items()]  # fmt: skip
    notes += [f"{file.name}: {len(frames)} of {of[file]} left out, {reason}: {some(frames)}"
              for (file, reason), frames in left_out.items()]  # fmt: skip
    return found


def _refuse_unknown(lines: Sequence[_Line], names: Mapping[str, str]) -> None:
    unknown: dict[str, _Line] = {}
    for line in lines:
        parts = (*line.record.regions, *line.record.doubts)
        for label in (line.record.label, *(part.label for part in parts)):
            if label and label not in names:
                unknown.setdefault(label, line)
    if unknown:
        first = next(iter(unknown.values()))
        raise DataError(f"{first.file}, line {first.number}: {', '.join(map(repr, unknown))} is no label or alias of "
                        f"the recipe ({', '.join(names)})")  # fmt: skip


def _once(lines: Sequence[_Line], notes: list[str]) -> list[_Line]:
    """Drop frames that an earlier line has, too: exports may overlap."""
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for line in lines:
        key = (line.record.source, line.record.frame, line.record.name)
        if not line.record.frame or key not in seen:
            kept.append(line)
        seen.add(key)
    if len(kept) < len(lines):
        notes.append(f"{len(lines) - len(kept)} records stand in the files more than once, and count once")
    return kept


def _kept(line: _Line, times: int) -> tuple[bool, str]:
    """Whether the picture is taken from the evidence; and why its name may be another frame's, too, "" if it is not."""
    record = line.record
    doubt = _doubt(record, line.root, times)
    wanted = bool(record.evidence) and (bool(doubt) or not (line.root / record.name).is_file())
    return wanted and Path(record.evidence).is_file(), doubt


def _named(line: _Line, root: Path) -> str:
    """Return the picture's path: below data.root, or absolute where it lies elsewhere."""
    return line.record.name if line.root == root.absolute() else str(line.root / line.record.name)


def _views(line: _Line, names: Mapping[str, str], view_px: int, clean: str | None) -> list[LabelledView]:
    """Return the views of a frame. Raise Unusable if the record has no label for any part of the picture."""
    record = line.record
    if record.outcome == "error" or not record.label:
        raise Unusable("not inspected or without a label")
    if max(record.width, record.height) <= view_px:
        return [LabelledView(names[record.label], None)]
    if record.outcome == "unsure" and not record.doubts:
        raise Unusable(f"larger than export.view_px, {view_px}, and unsure as a whole")
    marks = [Mark(names[part.label], part.box) for part in (*record.regions, *record.doubts) if part.label]
    doubtful = [part.box for part in record.doubts]
    area = Box(*record.area) if record.area else None
    clean = names[record.label] if record.outcome == "ok" and not marks else clean
    if record.outcome == "defect" and not record.regions:
        raise Unusable(f"larger than export.view_px, {view_px}, and where the defect is was not recorded")
    return boxes.views(record.width, record.height, marks, view_px, clean, doubtful, area)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; `inspector defects --verdict all --json` prints it") from None
    return ((number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip())


def _record(path: Path, number: int, line: bytes) -> FrameRecord:
    try:
        return FrameRecord.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path}, line {number}: no record as `inspector defects --json` prints it: "
            f"{f'{where}: ' if where else ''}{first['msg']}"
        ) from None


def _doubt(record: FrameRecord, root: Path, times: int) -> str:
    """Return why the name may be another frame's, too; "" if it is not."""
    # The inspector keeps a second file of the same name as `a.2.bmp`, in the order in which they were recorded.
    place = PurePosixPath(record.name)
    if times > 1 or (root / place.with_name(f"{place.stem}.2{place.suffix}")).exists():
        return "the name came more than once"
    return ""
