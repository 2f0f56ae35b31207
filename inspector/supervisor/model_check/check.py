"""Owns the check of a model: it is opened, warmed and timed, and decides the same pictures as the one that serves.

One process at a time runs, at idle priority: the serving model first, then the other one. A line that runs loses no
more memory than one worker takes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from inspector.errors import BundleError
from inspector.host import memory
from inspector.record.models.check_result import LISTED, CheckResult
from inspector.settings import terms
from inspector.settings.settings import Settings
from inspector.supervisor.model_check import cases, comparison
from inspector.supervisor.model_check.cases import Case
from inspector.supervisor.model_check.process import Seen
from inspector.supervisor.model_check.tried_model import TriedModel
from inspector.vision import model_copies
from inspector.vision.bundle import Bundle
from inspector.vision.decision import rules

#: Told how many pictures were decided by now, and of how many; both models decide each.
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckQuestion:
    """Which kept frames a model is checked on: captured since then (seconds since 1970 UTC), at most so many."""

    since: float | None = None
    limit: int = 2000


class _Trial(NamedTuple):
    """What came of a model: its decisions in the order of the cases, and its figures."""

    seen: list[Seen]
    difference: float | None
    ms_per_tile: float
    peak_mb: float


def check(
    settings: Settings,
    address: str,
    serving: Bundle,
    question: CheckQuestion,
    on_progress: OnProgress = lambda done, of: None,
) -> CheckResult:
    """Return what was measured of the model of that address against the one that serves.

    Raise BundleError if the serving model itself cannot be run here, and StoreError
    if the golden set, labels or the record cannot be read.
    """
    golden, revision = cases.golden(settings)
    replayed = cases.kept(settings, question.since, question.limit)
    every = [*golden, *replayed]
    progress = _Progress(on_progress, 2 * len(every))
    try:
        before = _tried(serving, settings, every, progress, memory.free_bytes())
    except BundleError as error:
        raise BundleError(f"the serving model cannot be run to compare: {error}") from None
    common = CheckResult(
        against=model_copies.address(serving.path),
        against_model=serving.id,
        golden_revision=revision,
        workers=settings.workers.count,
    )
    free = memory.free_bytes()
    try:
        model = model_copies.of_address(settings.data, address)
        after = _tried(model, settings, every, progress, free)
    except BundleError as error:
        return replace(common, failure=str(error)[:1000])
    of_golden, of_replay = slice(len(golden)), slice(len(golden), None)
    held = comparison.decided(golden, before.seen[of_golden], after.seen[of_golden])
    compared = comparison.decided(replayed, before.seen[of_replay], after.seen[of_replay])
    return replace(
        common,
        golden_difference=after.difference,
        ms_per_tile=after.ms_per_tile,
        serving_ms_per_tile=before.ms_per_tile,
        memory_mb=after.peak_mb,
        free_mb=free / 1e6,
        **_compared(held, compared, _severities(settings, model, serving)),
        left_out=len(every) - len(held) - len(compared),
    )


def _compared(
    golden: Sequence[comparison.Compared], replayed: Sequence[comparison.Compared], severities: Mapping[str, str]
) -> dict[str, Any]:
    labelled = [one for one in replayed if one.case.label]
    others = [one for one in replayed if not one.case.label]
    return {
        "golden": len(golden),
        "golden_lost": comparison.lost(golden, severities)[:LISTED],
        "replayed": len(replayed),
        "flips": comparison.flips_by_severity(others),
        "flips_by_label": comparison.flips_by_label(others),
        "labelled": len(labelled),
        "lost": len(comparison.lost(labelled, severities)),
        "gained": comparison.gained(labelled),
        "critical_misses": comparison.critical_misses([*labelled, *golden], severities),
    }


def _severities(settings: Settings, model: Bundle, serving: Bundle) -> dict[str, str]:
    """Return the severity of each label as the line has it, the serving model's before the other one's."""
    by = terms.decide_by(settings)
    both = [rules(one.labels, one.manifest.decision, by).labels for one in (model, serving)]
    return {label.name: label.severity for labels in both for label in labels}


def _tried(model: Bundle, settings: Settings, every: Sequence[Case], progress: "_Progress", free_bytes: int) -> _Trial:
    with TriedModel(model, settings, free_bytes) as tried:
        difference = tried.opened()
        times, seen = [tried.ms_per_tile()], list(_decisions(tried, every, progress))
        times.append(tried.ms_per_tile())
        return _Trial(seen, difference, min(times), tried.peak_mb)


def _decisions(tried: TriedModel, every: Sequence[Case], progress: "_Progress") -> Iterator[Seen]:
    for case in every:
        yield tried.decide(case.picture)
        progress.step()


class _Progress:
    """How far both models are."""

    def __init__(self, on_progress: OnProgress, of: int) -> None:
        self._on_progress, self._of, self._done = on_progress, of, 0

    def step(self) -> None:
        self._done += 1
        self._on_progress(self._done, self._of)
