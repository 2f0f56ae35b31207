"""Owns the corrections of a run: what a person changed in its manifests, kept by the content of each picture.

RUN_DIR.corrections.csv, beside the run folder, so that the folder can be deleted without them:

picture,label,split,group,source,use,was,content
Cr/Cr_227.bmp,scratches,,,,,crazing train,5f3c…       an empty cell: as prepare finds it
Cr/Cr_230.bmp,,,,,no,crazing eval,91ab…               taken out of the manifest
mine/new.bmp,crazing,train,-,me,added,,c07d…          only the manifest named it; the group `-` is none

A picture that was moved or renamed keeps its correction, and so do copies of it: the content is a file's sha256.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

from inspector.host import atomic
from trainer import terminal
from trainer.data import crop
from trainer.data.formats import lines
from trainer.data.manifest import SIMULATED, SPLITS, DataError, Row

Use = Literal["", "no", "added"]
#: In the column `group`: the picture is alone.
ALONE = "-"
#: The source of a row whose label is a person's word, where that person has not written another.
CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be changed of a picture; "" leaves it as it is found. `was`: its label and split before, for a reader.

    `picture` is its path when it was corrected: it decides between corrections of the same content.
    """

    picture: str
    label: str = ""
    split: str = ""
    group: str = ""
    source: str = ""
    use: Use = ""
    was: str = ""
    content: str = ""

    def of(self, row: Row) -> Row:
        """Return the row as corrected."""
        group = row.group if not self.group else "" if self.group == ALONE else self.group
        split = next((split for split in SPLITS if split == self.split), row.split)
        source = self.source or (CORRECTED if self.label else row.source)
        return replace(row, label=self.label or row.label, split=split, group=group, source=source)

    def over(self, older: "Correction") -> "Correction":
        """Return both, this one where they differ. An added picture stays one when it is changed later."""
        kept = {name: getattr(older, name) for name in ("label", "split", "group", "source") if not getattr(self, name)}
        return replace(self, use=self.use or older.use, was=older.was, **kept)


_COLUMNS = tuple(field.name for field in fields(Correction))


@dataclass(frozen=True, slots=True)
class Corrections:
    """Those of a file. A picture's is found by its content; of several with one content, the one with its path."""

    path: Path
    all: tuple[Correction, ...] = ()

    def find(self, contents: Mapping[str, str]) -> dict[str, Correction]:
        """Return the corrections of pictures, by path; `contents` gives the content of each path."""
        by_content = {one.content: one for one in self.all}
        by_both = {(one.content, one.picture): one for one in self.all}
        found = {path: by_both.get((content, path)) or by_content.get(content) for path, content in contents.items()}
        return {path: one for path, one in found.items() if one is not None}

    def notes(self, contents: Mapping[str, str]) -> list[str]:
        """Return notes for a person: how many corrections apply to these pictures, and which do not."""
        there = set(contents.values())
        held = [one for one in self.all if one.content in there]
        gone = [one.picture for one in self.all if one.content not in there and one.use != "no"]
        changed = [one for one in held if one.use != "added"]
        kinds = [
            (sum(bool(one.label) for one in changed), "label", "labels"),
            (sum(bool(one.split) for one in changed), "split", "splits"),
            (sum(bool(one.group) for one in changed), "group", "groups"),
            (sum(one.use == "no" for one in held), "taken out", "taken out"),
            (len(held) - len(changed), "added", "added"),
        ]
        what = ", ".join(terminal.counted(*kind) for kind in kinds if kind[0]) or "sources"
        hold = terminal.counted(len(held), "correction holds", "corrections hold")
        notes = [f"{self.path}: {hold}: {what}"] if held else []
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            are = terminal.counted(len(gone), "correction is", "corrections are")
            notes.append(f"{self.path}: {are} of pictures that are not in the data: {gone[0]}{more}")
        return notes

    def with_newer(self, newer: Iterable[Correction]) -> "Corrections":
        """Return both, the newer where they differ.

        Raises:
            DataError: two of the newer differ on one picture, which two manifests name.
        """
        fresh: dict[tuple[str, str], Correction] = {}
        for one in newer:
            if fresh.setdefault((one.content, one.picture), one) != one:
                raise DataError(f"{one.picture} was changed by hand in two ways in two manifests: make them the same")
        merged = {(one.content, one.picture): one for one in self.all}
        merged |= {key: one.over(merged[key]) if key in merged else one for key, one in fresh.items()}
        return Corrections(self.path, tuple(merged.values()))


def content_of(root: Path, path: str) -> str:
    """Return the identity of a picture, wherever it lies: the sha256 of a file, the name of a drawn one.

    Raise OSError if the file cannot be read.
    """
    if path.startswith(SIMULATED):
        return path
    file, box = crop.parts(path)
    with (root / file).open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return digest if box is None else crop.name(digest, box)


def read(path: Path, names: Mapping[str, str]) -> Corrections:
    """Return the corrections in the file, none if there is no file. `names`: each label and alias to the label.

    Raises:
        DataError: names the line and what would be right.
    """
    try:
        rows = list(lines.table(lines.text(path, any_names=True)))
    except FileNotFoundError:
        return Corrections(path)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    if not rows or set(rows[0][1]) != set(_COLUMNS):
        raise DataError(f"{path}: the first line is not {','.join(_COLUMNS)}")
    head = rows[0][1]
    found = [(number, _correction(path, number, dict(zip(head, cells, strict=False)), names))
             for number, cells in rows[1:]]  # fmt: skip
    seen: dict[tuple[str, str], int] = {}
    for number, one in found:
        if (first := seen.setdefault((one.content, one.picture), number)) != number:
            raise DataError(f"{path}, line {number}: {one.picture} stands on line {first} already")
    return Corrections(path, tuple(one for _, one in found))


def write(corrections: Corrections) -> None:
    """Write the file whole or not at all."""
    path = corrections.path
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(astuple(one) for one in corrections.all)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, text.getvalue().encode(errors="surrogateescape"))


def _correction(path: Path, number: int, cells: dict[str, str], names: Mapping[str, str]) -> Correction:
    label, split, use = cells.get("label", ""), cells.get("split", ""), cells.get("use", "")
    for column, value, known in (("label", label, names), ("split", split, SPLITS), ("use", use, get_args(Use))):
        if value and value not in known:
            expected = ", ".join(filter(None, known))
            raise DataError(f"{path}, line {number}: {column} {value!r} is none of {expected}; put it right there")
    if not cells.get("content"):
        raise DataError(f"{path}, line {number}: no content: the sha256 of the picture's file is expected")
    if use == "added" and not (label and split):
        raise DataError(f"{path}, line {number}: what is added needs a label and a split")
    return replace(Correction(**cells), label=names.get(label, ""))  # type: ignore[arg-type]
