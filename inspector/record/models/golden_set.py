"""Owns the line's own golden set: frames that people froze with picture and label, which no model may forget.

data/models/golden/golden.sqlite                append-only: a frame is added, or taken out, by a row
data/models/golden/pictures/<sha256>.bmp        the picture as the model saw it, kept for ever
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from inspector.errors import ConfigError, StoreError
from inspector.host import atomic
from inspector.record.models.model_history import FOLDER
from inspector.record.storage.append_only import AppendOnly, kept_for_ever

GOLDEN = "golden"
FILE = "golden.sqlite"
PICTURES = "pictures"
_COLUMNS = ("at", "source", "frame", "label", "person", "why", "picture", "record", "removes")
#: A script for each version of the layout, in order; released scripts never change.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE golden (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        source TEXT NOT NULL,
        frame TEXT NOT NULL,
        label TEXT NOT NULL,
        person TEXT NOT NULL CHECK (person != ''),
        why TEXT NOT NULL,
        picture TEXT NOT NULL CHECK (length(picture) = 64),
        record TEXT NOT NULL,
        removes INTEGER UNIQUE,
        chain TEXT NOT NULL
    );
    """
    + kept_for_ever("golden"),
)


class GoldenFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a frame that was added to the set, or taken out of it. `at`: seconds since 1970 UTC.

    `label`: what people say it shows. `picture`: the sha256 of its file. `record`: what the model had said, as
    `inspector defects --json` prints it. `removes`: the row that this one takes out; None: it adds the frame.
    """

    id: int
    at: float
    source: str
    frame: str
    label: str
    person: str
    why: str
    picture: str
    record: dict[str, Any]
    removes: int | None


class NewGoldenFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that is to be added; see GoldenFrame. `shown`: the file of its picture."""

    label: str
    person: str
    at: float
    why: str
    record: dict[str, Any]
    shown: Path


class GoldenSet:
    """The golden set of one line, open. Several may write at once, each in a transaction of its own."""

    def __init__(self, data: Path, read_only: bool = False) -> None:
        """Open the set in the data folder; made where there is none. Raise StoreError if that is impossible.

        Read only, a line without a golden set has an empty one.
        """
        self._folder = data / FOLDER / GOLDEN
        if not read_only:
            _make(self._folder.parent)
        self._file = AppendOnly(self._folder / FILE, GOLDEN, _COLUMNS, MIGRATIONS, read_only)
        self.path = self._file.path

    def add(self, *new: NewGoldenFrame) -> list[GoldenFrame]:
        """Freeze frames with their pictures, all or none of them, durably, and return their rows.

        A frame that is in the set with that label already stays as it is, and is returned; with another label, the
        new row takes its place. Raise StoreError if nothing can be kept.
        """
        pictures = [self._keep(one.shown) for one in new]
        with self._file.transaction():
            return [self._add(one, picture) for one, picture in zip(new, pictures, strict=True)]

    def remove(self, number: int, person: str, at: float, why: str) -> GoldenFrame:
        """Take a frame out of the set by a row of its own. Raise ConfigError if no frame in it has that number."""
        with self._file.transaction():
            return self._remove(number, person, at, why)

    def frames(self) -> list[GoldenFrame]:
        """Return the frames that are in the set, the one added first first."""
        rows = self.history()
        gone = {row.removes for row in rows}
        return [row for row in rows if row.removes is None and row.id not in gone]

    def history(self) -> list[GoldenFrame]:
        """Return every row, the oldest first."""
        return self._rows("1")

    def revision(self) -> int:
        """Return the number of the last row, which tells two states of the set apart; 0: it was never used."""
        rows = self._file.rows("id = (SELECT MAX(id) FROM golden)")
        return int(rows[0]["id"]) if rows else 0

    def picture(self, frame: GoldenFrame) -> Path:
        """Return the file of a frame's picture. Raise StoreError if it is gone or was changed by someone."""
        path = self._path(frame.picture)
        try:
            intact = hashlib.sha256(path.read_bytes()).hexdigest() == frame.picture
        except OSError as error:
            raise StoreError(f"{path}: golden frame {frame.id}: {error.strerror}; restore it from a backup") from None
        if not intact:
            raise StoreError(f"{path}: golden frame {frame.id}: someone changed its picture; restore it from a backup")
        return path

    def changed_by_hand(self) -> int | None:
        """Return the first row that is not as it was written, by its id; None: every one is."""
        return self._file.changed_by_hand()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, new: NewGoldenFrame, picture: str) -> GoldenFrame:
        source, frame = new.record["source"], new.record["frame"]
        for there in self.frames():
            if (there.source, there.frame) == (source, frame):
                if (there.label, there.picture) == (new.label, picture):
                    return there
                self._remove(there.id, new.person, new.at, f"replaced: {new.label}")
        return self._append(
            at=new.at, source=source, frame=frame, label=new.label, person=new.person, why=new.why, picture=picture,
            record=json.dumps(new.record), removes=None,
        )  # fmt: skip

    def _remove(self, number: int, person: str, at: float, why: str) -> GoldenFrame:
        there = {one.id: one for one in self.frames()}
        if number not in there:
            known = ", ".join(map(str, there)) or "none"
            raise ConfigError(f"golden frame {number}: the set has no such frame; it has {known}")
        one = there[number]
        return self._append(
            at=at, source=one.source, frame=one.frame, label=one.label, person=person, why=why, picture=one.picture,
            record=json.dumps(one.record), removes=number,
        )  # fmt: skip

    def _append(self, **values: object) -> GoldenFrame:
        return self._rows("id = ?", self._file.append(values))[0]

    def _rows(self, which: str, *values: object) -> list[GoldenFrame]:
        return [GoldenFrame(**{**row, "record": json.loads(row["record"])}) for row in self._file.rows(which, values)]

    def _keep(self, shown: Path) -> str:
        """Copy a picture into the set, durably, and return its sha256."""
        try:
            content = shown.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            path = self._path(sha256)
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(mode=0o750, exist_ok=True)
                atomic.write(path, content, mode=0o440)
                atomic.sync_folder(self._folder)
        except OSError as error:
            raise StoreError(f"{shown}: the picture cannot be kept: {error.strerror}; nothing was added") from None
        return sha256

    def _path(self, sha256: str) -> Path:
        return self._folder / PICTURES / f"{sha256}.bmp"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from None
