"""Owns the answer about what people should look at next: the frames from which most can be learned, in order.

First what people dispute, then what the model was unsure of near a threshold, what it does not know, defects of
critical severity, and a random share of what it passed, which alone shows what it misses. A frame that a label names
is not asked about again.
"""

import hashlib
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import asdict

from inspector.answers import names
from inspector.answers.line_record import LineRecord
from inspector.answers.review import near_copies
from inspector.errors import QuestionError
from inspector.protocol.control import InForce
from inspector.record import candidates, settings_history
from inspector.record.candidates import Candidate
from inspector.record.labels.label_file import FOLDER, LabelFile
from inspector.record.labels.labels import Box, Opinion, opinions
from inspector.record.queries import Query
from inspector.settings import terms
from inspector.vision import bundle
from inspector.vision.precedence import effective

#: Why a frame is in the queue, the most urgent first.
Why = Literal["disputed", "near_threshold", "novel", "critical", "sample"]
#: Largest number of frames that are in the queue for one reason.
OF_ONE_REASON = 500
#: Reasons of unsure frames whose score missed a threshold; those of a place of a wide frame miss that of a place.
_OF_PLACE = ("low_score_of_kind", "which_label")
_MISSED = ("low_score", *_OF_PLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQuestion:
    """Which frames: captured since then (seconds since 1970 UTC), of these sources; None or nothing means any.

    At most `limit` items. Raise QuestionError for a negative limit.
    """

    since: float | None = None
    sources: Sequence[str] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 0:
            raise QuestionError(f"limit {self.limit}: 0 or more is needed")


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """One look: a frame, its near copies, and why it is asked about.

    `frames`: the numbers of their records, that of `record` first; none if its record is gone. `missed_by`: how far its
    score is below the threshold, where that is why. `box`: the region that is disputed, x, y, width and height in px;
    None: the whole frame. `record`: as `inspector defects --json` prints it.
    """

    why: Why
    frames: list[int]
    missed_by: float | None = None
    box: Box | None = None
    record: dict[str, Any]


class _Reason(NamedTuple):
    """Why a frame is in the queue, and how far its score is below the threshold, where that is why."""

    why: Why
    missed_by: float | None


class ReviewAnswer(msgspec.Struct, frozen=True):
    """The first items of the queue, and how many there are in all."""

    items: list[ReviewItem]
    total: int


def queue(line: LineRecord, question: ReviewQuestion) -> ReviewAnswer:
    """Return what to look at next. Raise QuestionError for a source that is not on record.

    Of each outcome the newest frames are looked at, see candidates.py, and OF_ONE_REASON of each reason are queued.
    """
    names.check_sources(line.store, line.settings, question.sources)
    query = Query(since=question.since, sources=question.sources)
    with closing(LabelFile(line.settings.data, read_only=True)) as file:
        said = opinions(file.every())
    disputes = _disputed(line, said, query)
    reasons, frames = dict[int, _Reason](), list[Candidate]()
    for reason, one in _queued(line, query, {(source, frame) for source, frame, _ in said}):
        if one.record not in reasons:
            reasons[one.record] = reason
            frames.append(one)
    looks = near_copies.folded(line.settings.data, frames)
    left = None if question.limit is None else max(0, question.limit - len(disputes))
    items = [*disputes[: question.limit], *(_item(line, look, reasons[look[0].record]) for look in looks[:left])]
    return ReviewAnswer([one for one in items if one is not None], len(disputes) + len(looks))


def _queued(
    line: LineRecord, query: Query, labelled: Container[tuple[str, str]]
) -> Iterator[tuple[_Reason, Candidate]]:
    """Yield the frames that nobody labelled, in the order of the queue; one that has two reasons comes twice."""
    threshold = _thresholds(line)
    for why, found in _found(line, query, threshold):
        for one in islice((each for each in found if (each.source, each.frame) not in labelled), OF_ONE_REASON):
            yield _Reason(why, threshold(one) - one.score if why == "near_threshold" else None), one


def _found(
    line: LineRecord, query: Query, threshold: Callable[[Candidate], float]
) -> Iterator[tuple[Why, Sequence[Candidate]]]:
    """Yield the frames of each reason, in the order of the queue."""
    unsure = list(candidates.decided(line.store, "unsure", query))
    near = [one for one in unsure if one.code in _MISSED]
    yield "near_threshold", sorted(near, key=lambda one: threshold(one) - one.score)
    yield "novel", [one for one in unsure if one.code == "novel"]
    yield "critical", [one for one in candidates.decided(line.store, "defect", query) if one.severity == "critical"]
    yield "sample", sorted(candidates.passed(line.store, query), key=lambda one: (not one.sampled, _shuffled(one)))


def _shuffled(one: Candidate) -> bytes:
    """Return what puts frames into an order that has nothing to do with them, and is the same at each look."""
    return hashlib.sha256(f"{one.source}/{one.frame}".encode("utf-8", "backslashreplace")).digest()


def _thresholds(line: LineRecord) -> Callable[[Candidate], float]:
    """Return what tells the threshold that a frame's score missed, by the numbers in force now; 1 if none is known."""
    held = settings_history.last(line.store) or terms.now(line.settings, bundle.load(line.settings.bundle_path))
    by_recipe = {recipe: _numbers(held, recipe) for recipe in ["", *(one.name for one in held.by.recipes)]}

    def threshold(one: Candidate) -> float:
        label = by_recipe.get(one.recipe or "", by_recipe[""]).get(one.label, (1.0, 1.0))
        return label[one.code in _OF_PLACE]

    return threshold


def _numbers(held: InForce, name: str) -> dict[str, tuple[float, float]]:
    """Return the thresholds of a tile and of a place by label, under the recipe of this name."""
    recipe = next((one for one in held.by.recipes if one.name == name), None)
    labels = effective(held.labels, held.by, recipe).labels
    return {label: (one.threshold, one.place_threshold) for label, one in labels.items()}


def _disputed(line: LineRecord, said: dict[tuple[str, str, Box | None], Opinion], query: Query) -> list[ReviewItem]:
    """Return the frames on which people differ, each once, the one with the newest label first."""
    differ = [(target, one) for target, one in said.items() if one.disputed and _asked(one, query)]
    newest_first = sorted(differ, key=lambda pair: -pair[1].given[-1].id)
    by_frame = {(source, frame): (box, one) for (source, frame, box), one in reversed(newest_first)}
    return [_dispute(line, *by_frame[frame]) for frame in reversed(list(by_frame))]


def _asked(opinion: Opinion, query: Query) -> bool:
    record = opinion.given[-1].record
    newer = query.since is None or record["captured_at"] >= query.since
    return newer and record["source"] in (query.sources or [record["source"]])


def _dispute(line: LineRecord, box: Box | None, opinion: Opinion) -> ReviewItem:
    label = opinion.given[-1]
    number = candidates.numbered(line.store, label.source, label.frame)
    frames = [] if number is None else [number]
    picture = str(line.settings.data.absolute() / FOLDER / label.picture) if label.picture else ""
    return ReviewItem(why="disputed", frames=frames, box=box, record={**label.record, "evidence": picture})


def _item(line: LineRecord, look: Sequence[Candidate], reason: _Reason) -> ReviewItem | None:
    """Return the item of a frame and its near copies; None if its record went since it was read."""
    record = line.store.record(look[0].record)
    if record is None:
        return None
    numbers = [one.record for one in look]
    return ReviewItem(why=reason.why, frames=numbers, missed_by=reason.missed_by, record=asdict(record))
