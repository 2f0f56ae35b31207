"""Owns the answers about the line's own golden set: what is in it; and the requests to add a frame, or take one out."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from inspector.errors import QuestionError, StoreError
from inspector.record.evidence import evidence
from inspector.record.labels.label_file import FOLDER, LabelFile
from inspector.record.labels.labels import Opinion, check_person, check_why, opinions
from inspector.record.models.golden_set import GoldenFrame, GoldenSet, NewGoldenFrame
from inspector.settings.settings import Settings

__all__ = ["GoldenFrame", "add", "every", "remove"]


def add(
    settings: Settings, frames: Sequence[str], person: str, why: str = "", now: float | None = None
) -> list[GoldenFrame]:
    """Freeze labelled frames, by the numbers or names of their records, and return their rows, which are durable.

    Raise QuestionError for a frame that no label names, that people dispute, or of which no picture is kept; nothing
    is added then.
    """
    name, reason, at = check_person(person), check_why(why) if why else "", time.time() if now is None else now
    with closing(LabelFile(settings.data, read_only=True)) as file:
        if (edited := file.changed_by_hand()) is not None:
            raise StoreError(f"{file.path}: label {edited} was changed by hand; restore the file from a backup")
        whole = [one for (_, _, box), one in opinions(file.every()).items() if box is None]
    chosen = [_agreed(frame, whole) for frame in dict.fromkeys(frames)]
    new = [
        NewGoldenFrame(
            label=one.label, person=name, at=at, why=reason, record=one.given[-1].record,
            shown=_picture(settings.data, one),
        )
        for one in chosen
    ]  # fmt: skip
    with writing(settings) as golden:
        return golden.add(*new)


def remove(
    settings: Settings, numbers: Sequence[int], person: str, why: str, now: float | None = None
) -> list[GoldenFrame]:
    """Take frames out of the set by their numbers, each by a row of its own. Raise ConfigError for a number of none."""
    name, reason, at = check_person(person), check_why(why), time.time() if now is None else now
    with writing(settings) as golden:
        return [golden.remove(number, name, at, reason) for number in dict.fromkeys(numbers)]


def every(settings: Settings) -> list[GoldenFrame]:
    """Return the frames that are in the set, the one added first first. Raise StoreError if a row was changed."""
    with closing(GoldenSet(settings.data, read_only=True)) as golden:
        _check_unedited(golden)
        return golden.frames()


@contextmanager
def writing(settings: Settings) -> Iterator[GoldenSet]:
    """Open the set to be written. Raise StoreError if a row of it was changed by hand."""
    with closing(GoldenSet(settings.data)) as golden:
        _check_unedited(golden)
        yield golden


def _check_unedited(golden: GoldenSet) -> None:
    if (edited := golden.changed_by_hand()) is not None:
        raise StoreError(f"{golden.path}: row {edited} was changed by hand; restore the file from a backup")


def _agreed(frame: str, whole: Sequence[Opinion]) -> Opinion:
    """Return what people say of a frame that is named by its record's number or name."""
    found = [one for one in whole if frame in (str(one.given[-1].record["id"]), one.given[-1].record["name"])]
    if not found:
        raise QuestionError(f"frame {frame}: nobody labelled it as a whole; `inspector label` says what it shows")
    if len(found) > 1:
        numbers = ", ".join(str(one.given[-1].record["id"]) for one in found)
        raise QuestionError(f"frame {frame}: more than one labelled frame is called so; their records are {numbers}")
    if found[0].disputed:
        said = ", ".join(f"{one.person}: {one.label}" for one in found[0].given)
        raise QuestionError(f"frame {frame}: people dispute it ({said}); `inspector label --adjudicate` decides")
    return found[0]


def _picture(data: Path, opinion: Opinion) -> Path:
    given, record = opinion.given[-1], opinion.given[-1].record
    of_label = [data / FOLDER / one.picture for one in opinion.given if one.picture]
    of_evidence = data / evidence.FOLDER / evidence.place(record["captured_at"], given.source, given.frame)
    for path in (*of_label, of_evidence):
        if path.is_file():
            return path
    raise QuestionError(f"frame {record['name']}: no picture of it is kept: no model can be held to it")
