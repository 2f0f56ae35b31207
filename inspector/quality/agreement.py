"""Owns how far people and model agree: by label and by week, what passed that should not have, and what was called one.

Only frames that people labelled can be counted. Of those that were chosen at random the shares hold for all frames of
the time, with their intervals; of the others they say what people found where they looked. This is the split that
VDI/VDE/VDMA 2632-4.2 asks for: a test of an inspection counts on a sample that the inspection did not choose.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone

import msgspec

from inspector.quality.proportions import wilson
from inspector.record.labels.labels import OK, Box, Opinion

_WEEK_S = 7 * 86_400.0


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """`hits` of `of`, and the 95% interval of their share, from 0 to 1."""

    hits: int
    of: int
    low: float
    high: float


class LabelAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Frames that people gave a label, by what the model had said of them: `same`, another defect, ok, or unsure."""

    label: str
    frames: int
    same: int
    other: int
    ok: int
    unsure: int


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of a time that are on record as ok: how many, None if that is not known, and how many were sampled."""

    frames: int | None
    sampled: int


class EscapeRate(msgspec.Struct, frozen=True, kw_only=True):
    """What the model misses, estimated from the frames that it passed and that were chosen at random.

    `escapes`: of those that people labelled, the ones that they call a defect. `sampled`: how many were chosen; where
    not all are labelled, those that are may differ from the rest. `passed`: all frames that the model passed, and
    `missed` the estimate how many of them show a defect, with its 95% interval; None where it is not known.
    """

    escapes: Share
    sampled: int
    passed: int | None
    missed: float | None
    missed_low: float | None
    missed_high: float | None


class WeekAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Frames captured in a week, such as 2026-W48, that were labelled and that the model was sure of."""

    week: str
    agreed: Share
    escape_rate: EscapeRate


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What the labels in force tell. `disputed`: frames on which people differ; they count nowhere else.

    `escapes`: of the frames that people call a defect, those that the model passed as ok. `false_alarms`: of the frames
    that people call ok, those that it called a defect. `sampled_escapes`: of the frames that the model passed and that
    were chosen at random, those that people call a defect; `escape_rate`: what follows from that for all frames.
    """

    frames: int
    disputed: int
    labels: list[LabelAgreement]
    weeks: list[WeekAgreement]
    escapes: Share
    false_alarms: Share
    sampled_escapes: Share
    escape_rate: EscapeRate


#: Returns what passed within a time, from when to before when in seconds since 1970 UTC; None: without a bound.
PassedWithin = Callable[[float | None, float | None], Passed]


class _Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled frame: what people say, what the model had said, when it was captured, and whether by chance."""

    people: str
    outcome: str
    model: str
    captured_at: float
    sampled: bool

    @property
    def agrees(self) -> bool:
        return self.outcome == "ok" if self.people == OK else self.outcome == "defect" and self.model == self.people


def agreement(
    opinions: Mapping[tuple[str, str, Box | None], Opinion],
    passed_within: PassedWithin = lambda since, until: Passed(frames=None, sampled=0),
) -> Agreement:
    """Return how far people and model agree on frames; a label of a region says nothing of its frame."""
    whole = [one for (_, _, box), one in opinions.items() if box is None]
    frames = [_frame(one) for one in whole if not one.disputed]
    inspected = [one for one in frames if one.outcome != "error"]
    defects = [one for one in inspected if one.people != OK]
    clean = [one for one in inspected if one.people == OK]
    return Agreement(
        frames=len(frames),
        disputed=len(whole) - len(frames),
        labels=[_of_label(label, inspected) for label in sorted({one.people for one in inspected})],
        weeks=[_of_week(week, inspected, passed_within) for week in sorted({_week(one) for one in inspected})],
        escapes=_share(defects, lambda one: one.outcome == "ok"),
        false_alarms=_share(clean, lambda one: one.outcome == "defect"),
        sampled_escapes=_sampled_escapes(inspected),
        escape_rate=_escape_rate(inspected, passed_within(None, None)),
    )


def _frame(opinion: Opinion) -> _Frame:
    record = opinion.given[-1].record
    return _Frame(
        people=opinion.label,
        outcome=record["outcome"],
        model=record["label"],
        captured_at=record["captured_at"],
        sampled=bool(record.get("sampled")),
    )


def _of_label(label: str, frames: Sequence[_Frame]) -> LabelAgreement:
    ours = [one for one in frames if one.people == label]
    called = [one for one in ours if one.outcome == "defect"]
    same = sum(one.agrees for one in ours)
    passed = sum(one.outcome == "ok" for one in ours)
    other = sum(not one.agrees for one in called)
    return LabelAgreement(
        label=label, frames=len(ours), same=same, other=other, ok=0 if label == OK else passed,
        unsure=len(ours) - len(called) - passed,
    )  # fmt: skip


def _of_week(week: str, frames: Sequence[_Frame], passed_within: PassedWithin) -> WeekAgreement:
    ours = [one for one in frames if _week(one) == week]
    sure = [one for one in ours if one.outcome != "unsure"]
    monday = datetime.strptime(f"{week}-1", "%G-W%V-%u").replace(tzinfo=timezone.utc).timestamp()
    return WeekAgreement(
        week=week,
        agreed=_share(sure, lambda one: one.agrees),
        escape_rate=_escape_rate(ours, passed_within(monday, monday + _WEEK_S)),
    )


def _escape_rate(frames: Sequence[_Frame], passed: Passed) -> EscapeRate:
    escapes = _sampled_escapes(frames)
    known = passed.frames is not None and escapes.of > 0
    of_all = float(passed.frames or 0)
    return EscapeRate(
        escapes=escapes,
        sampled=max(passed.sampled, escapes.of),  # a label outlives the record of its frame
        passed=passed.frames,
        missed=of_all * escapes.hits / escapes.of if known else None,
        missed_low=of_all * escapes.low if known else None,
        missed_high=of_all * escapes.high if known else None,
    )


def _sampled_escapes(frames: Sequence[_Frame]) -> Share:
    return _share([one for one in frames if one.sampled and one.outcome == "ok"], lambda one: one.people != OK)


def _week(frame: _Frame) -> str:
    year, week, _ = datetime.fromtimestamp(frame.captured_at, timezone.utc).isocalendar()
    return f"{year}-W{week:02}"


def _share(frames: Sequence[_Frame], counts: Callable[[_Frame], bool]) -> Share:
    hits = sum(map(counts, frames))
    low, high = wilson(hits, len(frames))
    return Share(hits=hits, of=len(frames), low=low, high=high)
