"""Owns the file of labels: data/labels/labels.sqlite, append-only, apart from the record so that it outlives it.

The command of the person who labels writes it; the line never does. A record that is damaged, set aside or restored
takes no label with it.
The trainer reads it with this same code, so that one rule says which of several labels counts.
"""

import json
from pathlib import Path
from typing import Any

from inspector.errors import ConfigError
from inspector.record.labels.labels import Box, GivenLabel, Kind, NewLabel
from inspector.record.storage.append_only import AppendOnly, kept_for_ever

FOLDER = "labels"
FILE = "labels.sqlite"
_COLUMNS = (
    "source", "frame", "x", "y", "width", "height", "label", "kind", "person", "at", "note", "undoes", "picture",
    "record",
)  # fmt: skip
#: A script for each version of the layout, in order; released scripts never change.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE labels (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        frame TEXT NOT NULL,
        x INTEGER,
        y INTEGER,
        width INTEGER,
        height INTEGER,
        label TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('first', 'second', 'adjudicated', 'bulk', 'undo')),
        person TEXT NOT NULL CHECK (person != ''),
        at REAL NOT NULL,
        note TEXT NOT NULL,
        undoes INTEGER UNIQUE CHECK ((undoes IS NOT NULL) = (kind = 'undo')),
        picture TEXT NOT NULL,
        record TEXT NOT NULL,
        chain TEXT NOT NULL
    );
    CREATE INDEX labels_by_frame ON labels (source, frame);
    """
    + kept_for_ever("labels"),
)


class LabelFile:
    """The open file of a line's labels. Several processes may write at once, each in its own transaction."""

    def __init__(self, data: Path, read_only: bool = False) -> None:
        """Open the file in the data folder; make it if there is none. Raise StoreError if that is impossible.

        With `read_only`, a missing file reads as an empty one.
        """
        self._file = AppendOnly(data / FOLDER / FILE, "labels", _COLUMNS, MIGRATIONS, read_only)
        self.path = self._file.path

    def add(self, *new: NewLabel) -> list[GivenLabel]:
        """Append labels, all or none of them, durably, and return them. Raise StoreError if none is kept.

        A label is a second opinion if another person has labelled the same target before.
        """
        with self._file.transaction():
            return [self._add(one) for one in new]

    def _add(self, new: NewLabel) -> GivenLabel:
        others = [one for one in self.of(new.record["source"], new.record["frame"]) if one.person != new.person]
        second = any(one.box == new.box and one.kind != "undo" for one in others)
        kind: Kind = "adjudicated" if new.adjudicates else "bulk" if new.bulk else "second" if second else "first"
        return self._append(
            record=new.record, box=new.box, label=new.label, kind=kind, person=new.person, at=new.at, note=new.note,
            undoes=None, picture=new.picture,
        )  # fmt: skip

    def undo(self, number: int, person: str, at: float, note: str = "") -> GivenLabel:
        """Take a label back by a row of its own. Raise ConfigError if there is none such, or it is taken back."""
        with self._file.transaction():
            found = self._labels("id = ?", number)
            if not found or found[0].kind == "undo":
                raise ConfigError(f"--undo: there is no label {number}; `inspector labels` lists them")
            if self._labels("undoes = ?", number):
                raise ConfigError(f"--undo: label {number} is taken back already")
            label = found[0]
            return self._append(
                record=label.record, box=label.box, label="", kind="undo", person=person, at=at, note=note,
                undoes=number, picture=label.picture,
            )  # fmt: skip

    def of(self, source: str, frame: str) -> list[GivenLabel]:
        """Return every label of a frame and its regions, the oldest first."""
        return self._labels("source = ? AND frame = ?", source, frame)

    def every(self, since: float | None = None, until: float | None = None) -> list[GivenLabel]:
        """Return the labels given from `since` to before `until`, the oldest first; None: without a bound."""
        return self._labels("at >= ? AND at < ?", -1e13 if since is None else since, 1e13 if until is None else until)

    def names(self, source: str, frame: str) -> bool:
        """Return whether any label names the frame, one that was taken back included."""
        return bool(self.of(source, frame))

    def changed_by_hand(self) -> int | None:
        """Return the id of the first label whose row was changed after it was written; None if there is none."""
        return self._file.changed_by_hand()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, *, record: dict[str, Any], box: Box | None, **values: object) -> GivenLabel:
        x, y, width, height = box or (None,) * 4
        place = {"source": record["source"], "frame": record["frame"], "x": x, "y": y, "width": width, "height": height}
        number = self._file.append({**values, **place, "record": json.dumps(record)})
        return self._labels("id = ?", number)[0]

    def _labels(self, which: str, *values: object) -> list[GivenLabel]:
        return [_label(**row) for row in self._file.rows(which, values)]


def _label(*, x: int | None, y: int, width: int, height: int, record: str, **values: Any) -> GivenLabel:
    return GivenLabel(box=None if x is None else (x, y, width, height), record=json.loads(record), **values)
