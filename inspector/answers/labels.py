"""Owns the answers about labels: what people said of frames; and the requests to label, and to undo that."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import msgspec
from msgspec.structs import asdict

from inspector.errors import QuestionError, StoreError
from inspector.record import settings_history
from inspector.record.labels import pictures
from inspector.record.labels.label_file import LabelFile
from inspector.record.labels.labels import Box, GivenLabel, NewLabel, check_label, check_note, check_person
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.vision import bundle

__all__ = ["GivenLabel", "LabelRequest", "LabelsAnswer", "LabelsQuestion", "add", "every", "known_labels", "undo"]

#: Digits from which a number is none of a record: SQLite counts in 63 bits.
_DIGITS = 19
#: Records of one name that are listed at most.
_NAMESAKES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """What a person says of frames: each by the number or the name of its record.

    `region`: the number of one of the frame's regions, from 1, or x, y, width and height in pixels; None: the whole
    frame. `new_label`: a label that the line does not know is meant. `adjudicates`: it decides where opinions differ.
    """

    frames: Sequence[str]
    label: str
    person: str
    region: int | Box | None = None
    note: str = ""
    new_label: bool = False
    adjudicates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsQuestion:
    """Which labels: None or nothing means any. Times are seconds since 1970 UTC, of when the label was given."""

    since: float | None = None
    until: float | None = None
    sources: Sequence[str] = ()
    labels: Sequence[str] = ()
    persons: Sequence[str] = ()


class LabelsAnswer(msgspec.Struct, frozen=True):
    """The labels that match, the oldest first. `edited`: the first one that someone changed by hand, None: none is."""

    labels: list[GivenLabel]
    edited: int | None


def add(settings: Settings, request: LabelRequest, now: float | None = None) -> list[GivenLabel]:
    """Label frames, all or none of them, and return the labels, which are durable.

    Raise QuestionError for a frame that is not on record, or a name that more than one has, and for a region that it
    does not have; ConfigError for a label, person or note that cannot be; StoreError if nothing can be written.
    """
    at = time.time() if now is None else now
    person, note = check_person(request.person), check_note(request.note)
    with closing(Store(settings.data, read_only=True)) as store, opened(settings) as labels:
        label = check_label(request.label, known_labels(settings, store, labels), request.new_label)
        chosen = [(record, _box(record, request.region)) for record in _records(store, request.frames)]
        new = [
            NewLabel(
                record=asdict(record),
                box=box,
                label=label,
                person=person,
                at=at,
                note=note,
                picture=pictures.keep(settings.data, record.captured_at, record.source, record.frame),
                adjudicates=request.adjudicates,
            )
            for record, box in chosen
        ]
        return labels.add(*new)


def undo(settings: Settings, number: int, person: str, note: str = "", now: float | None = None) -> GivenLabel:
    """Take a label back. Raise ConfigError where there is none of that number, or it is taken back already."""
    at = time.time() if now is None else now
    with opened(settings) as labels:
        return labels.undo(number, check_person(person), at, check_note(note))


def every(settings: Settings, question: LabelsQuestion) -> LabelsAnswer:
    """Return the labels that match, undone ones and undos included."""
    with closing(LabelFile(settings.data, read_only=True)) as file:
        found = [
            one
            for one in file.every(question.since, question.until)
            if one.source in (question.sources or [one.source])
            and one.label in (question.labels or [one.label])
            and one.person in (question.persons or [one.person])
        ]
        return LabelsAnswer(found, file.changed_by_hand())


def known_labels(settings: Settings, store: Store, labels: LabelFile) -> list[str]:
    """Return the labels that the line knows: of its bundle, of models that decided before, and those people gave."""
    of_bundle = [one.name for one in bundle.load(settings.bundle_path).labels]
    decided, _ = settings_history.named(store)
    given = {one.label for one in labels.every() if one.label}
    return [*of_bundle, *sorted((decided | given) - set(of_bundle))]


@contextmanager
def opened(settings: Settings) -> Iterator[LabelFile]:
    """Open the labels of the line to be written. Raise StoreError if a row of theirs was changed by hand."""
    with closing(LabelFile(settings.data)) as labels:
        if (edited := labels.changed_by_hand()) is not None:
            raise StoreError(f"{labels.path}: label {edited} was changed by hand; restore the file from a backup")
        yield labels


def _records(store: Store, frames: Sequence[str]) -> list[Record]:
    return [_record(store, frame) for frame in dict.fromkeys(frames)]


def _record(store: Store, frame: str) -> Record:
    """Return the record of a frame that is named by a person."""
    found = _numbered(store, frame) if frame.isdecimal() else _named(store, frame)
    if not found:
        raise QuestionError(
            f"frame {frame}: not on record: it is not decided yet, its record is too old, or no picture of that name is"
            " kept; `inspector defects --json` prints the numbers of records as id"
        )
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise QuestionError(f"frame {frame}: more than one has this name; write the number of one: {numbers}")
    return found[0]


def _numbered(store: Store, number: str) -> list[Record]:
    found = store.record(int(number)) if len(number) < _DIGITS else None
    return [found] if found else []


def _named(store: Store, name: str) -> list[Record]:
    """Return the records of a frame's name whose pictures are kept, the first few of many."""
    kept = f"SELECT record FROM evidence JOIN records ON records.id = record WHERE name = ? LIMIT {_NAMESAKES}"
    found = [store.record(number) for (number,) in list(store.read(kept, (name,)))]
    return [one for one in found if one is not None]


def _box(record: Record, region: int | Box | None) -> Box | None:
    if region is None:
        return None
    if isinstance(region, int):
        if not 1 <= region <= len(record.regions):
            there = f"regions 1 to {len(record.regions)}" if record.regions else "no regions"
            raise QuestionError(f"region {region}: record {record.id} has {there}")
        one = record.regions[region - 1]
        return one["x"], one["y"], one["width"], one["height"]
    x, y, width, height = region
    if min(x, y) < 0 or min(width, height) < 1 or x + width > record.width or y + height > record.height:
        whole = f"{record.width}x{record.height}"
        raise QuestionError(f"region {x},{y},{width},{height}: not within the frame of record {record.id}, {whole} px")
    return x, y, width, height
