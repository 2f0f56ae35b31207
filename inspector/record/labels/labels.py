"""Owns the label: what a frame, or a region of it, shows according to a person; and which of several labels counts.

Labels are append-only. A person who changes their mind adds a label; an undo is a row, too. The model's verdict is kept
with each label, so that a label remains complete after the record of its frame is deleted.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from inspector.errors import ConfigError

#: Label that a person gives strip without a defect, whatever the model's labels are.
OK = "ok"
MAX_PERSON = 64
MAX_LABEL = 64
MAX_NOTE = 500

#: `first`: the first opinion on its target; `second`: another person's; `adjudicated`: decides where opinions differ;
#: `bulk`: given to many near copies at once; `undo`: takes an earlier label back.
Kind = Literal["first", "second", "adjudicated", "bulk", "undo"]

Box = tuple[int, int, int, int]


class GivenLabel(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what `person` said, when (`at`, seconds since 1970 UTC).

    `box`: x, y, width and height of the region in pixels; None: the whole frame. `undoes`: the id of the label that an
    undo takes back, whose `label` is "". `picture`: the kept picture below the folder of labels, "" where none was
    kept. `record`: what the model had said, as `inspector defects --json` prints it.
    """

    id: int
    source: str
    frame: str
    box: Box | None
    label: str
    kind: Kind
    person: str
    at: float
    note: str
    undoes: int | None
    picture: str
    record: dict[str, Any]

    @property
    def target(self) -> tuple[str, str, Box | None]:
        """The source, frame and region that the label is for."""
        return self.source, self.frame, self.box


class NewLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A label before it is kept; see GivenLabel. `adjudicates`: it decides where opinions differ.

    `bulk`: it was given to many near copies at once.
    """

    record: dict[str, Any]
    box: Box | None = None
    label: str
    person: str
    at: float
    note: str = ""
    picture: str = ""
    adjudicates: bool = False
    bulk: bool = False


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for one target: the label, or that people disagree and nobody has adjudicated yet.

    `given`: every label in force, the oldest first; the last one has the record of the frame.
    """

    label: str
    disputed: bool
    given: list[GivenLabel]


def check_person(name: str) -> str:
    """Return the name, stripped. Raise ConfigError if it is empty, too long or would not print as itself."""
    return _printable("--by", name.strip(), MAX_PERSON, least=1)


def check_note(note: str) -> str:
    """Return the note. Raise ConfigError if it is too long or would not print as itself."""
    return _printable("--note", note, MAX_NOTE)


def check_why(why: str) -> str:
    """Return the reason. Raise ConfigError if it is empty, too long or would not print as itself."""
    return _printable("--why", why.strip(), MAX_NOTE, least=1)


def check_label(name: str, known: Sequence[str], new: bool = False) -> str:
    """Return the name. Raise ConfigError if the line does not know it, or if it is `new` and cannot be a label."""
    name = _printable("--as", name.strip(), MAX_LABEL, least=1)
    if name != OK and name not in known and not new:
        raise ConfigError(f"--as: {name!r} is no label of this line ({', '.join((OK, *known))}); --new-label makes one")
    return name


def in_force(labels: Iterable[GivenLabel]) -> list[GivenLabel]:
    """Return the labels that nobody took back, in the order in which they were given."""
    rows = list(labels)
    undone = {row.undoes for row in rows if row.kind == "undo"}
    return [row for row in rows if row.kind != "undo" and row.id not in undone]


def opinions(labels: Iterable[GivenLabel]) -> dict[tuple[str, str, Box | None], Opinion]:
    """Return what counts for each target.

    Of one person the last label counts. The last adjudicated one decides over all given before it; otherwise those
    who differ make the target disputed.
    """
    by_target: dict[tuple[str, str, Box | None], list[GivenLabel]] = {}
    for row in sorted(in_force(labels), key=lambda one: one.id):
        by_target.setdefault(row.target, []).append(row)
    return {target: _counts(rows) for target, rows in by_target.items()}


def _counts(rows: list[GivenLabel]) -> Opinion:
    decided = [row for row in rows if row.kind == "adjudicated"]
    if decided:
        return Opinion(label=decided[-1].label, disputed=False, given=rows)
    last = {row.person: row.label for row in rows}
    return Opinion(label=rows[-1].label, disputed=len(set(last.values())) > 1, given=rows)


def _printable(option: str, text: str, most: int, least: int = 0) -> str:
    if not text.isprintable():
        raise ConfigError(f"{option}: {text!r} holds characters that do not print; write plain text on one line")
    if not least <= len(text) <= most:
        raise ConfigError(f"{option}: {len(text)} characters; write {max(least, 1)} to {most}")
    return text
