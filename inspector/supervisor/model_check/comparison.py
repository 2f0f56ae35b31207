"""Owns how the decisions of two models on the same pictures are held against each other. Pure, no I/O."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from inspector.record.labels.labels import OK
from inspector.record.models.check_result import LISTED, FlipCount, LostFrame
from inspector.supervisor.model_check.cases import Case
from inspector.supervisor.model_check.process import Seen


class Compared(NamedTuple):
    """A frame, and how the model in service and the other one decide it."""

    case: Case
    serving: Seen
    candidate: Seen


def decided(cases: Sequence[Case], serving: Sequence[Seen], candidate: Sequence[Seen]) -> list[Compared]:
    """Return the frames that both models could decide."""
    rows = (Compared(*row) for row in zip(cases, serving, candidate, strict=True))
    return [one for one in rows if one.serving.outcome is not None and one.candidate.outcome is not None]


def lost(rows: Sequence[Compared], severities: Mapping[str, str]) -> list[LostFrame]:
    """Return the labelled frames that the serving model has right and the other one has wrong."""
    return [
        _lost(one, severities)
        for one in rows
        if _is_right(one.case, one.serving) and not _is_right(one.case, one.candidate)
    ]


def gained(rows: Sequence[Compared]) -> int:
    """Return how many labelled frames the serving model has wrong and the other one has right."""
    return sum(not _is_right(one.case, one.serving) and _is_right(one.case, one.candidate) for one in rows)


def critical_misses(rows: Sequence[Compared], severities: Mapping[str, str]) -> list[LostFrame]:
    """Return the critical defects, by label, that the serving model finds and the other one passes as ok."""
    missed = [
        _lost(one, severities)
        for one in rows
        if severities.get(one.case.label) == "critical"
        and one.serving.outcome == "defect"
        and one.candidate.outcome == "ok"
    ]
    return missed[:LISTED]


def flips_by_severity(rows: Sequence[Compared]) -> dict[str, FlipCount]:
    """Return how many frames are decided otherwise, by the severity of what the serving model finds."""
    return _counted([(one.serving.severity, one) for one in rows])


def flips_by_label(rows: Sequence[Compared]) -> dict[str, FlipCount]:
    """Return how many frames are decided otherwise, by the label of the serving model, or its outcome if no defect."""
    return _counted([(_shown(one.serving), one) for one in rows])


def _counted(named: Sequence[tuple[str, Compared]]) -> dict[str, FlipCount]:
    counts: dict[str, FlipCount] = {}
    for name, one in sorted(named, key=lambda each: each[0]):
        before = counts.get(name, FlipCount(0, 0))
        counts[name] = FlipCount(before.hits + (_shown(one.serving) != _shown(one.candidate)), before.of + 1)
    return counts


def _is_right(case: Case, seen: Seen) -> bool:
    return _shown(seen) == case.label if case.label != OK else seen.outcome == "ok"


def _shown(seen: Seen) -> str:
    return seen.label if seen.outcome == "defect" else str(seen.outcome)


def _lost(one: Compared, severities: Mapping[str, str]) -> LostFrame:
    case = one.case
    return LostFrame(
        source=case.source, frame=case.frame, name=case.name, label=case.label,
        severity=severities.get(case.label, "none"), decided=_shown(one.candidate),
    )  # fmt: skip
