"""Owns the answer to whether a model may serve: each gate with its figure, yes or no; checks noted, models approved."""

import time
from collections.abc import Iterator
from contextlib import closing

import msgspec

from inspector.answers.learning import models
from inspector.answers.learning.models import Model, ModelEvent
from inspector.errors import BundleError, QuestionError
from inspector.quality.proportions import chance_of_loss, wilson
from inspector.record.labels.labels import check_person, check_why
from inspector.record.models import check_result
from inspector.record.models.check_result import CheckResult, FlipCount
from inspector.record.models.golden_set import GoldenSet
from inspector.record.models.model_history import ModelHistory
from inspector.settings.models import GateSettings
from inspector.settings.settings import Settings
from inspector.vision import bundle, model_copies
from inspector.vision.bundle import Bundle
from inspector.vocabulary import RANK

#: Least chance of this many losses by accident: below it, a model is significantly worse than the one that serves.
_LEAST_CHANCE = 0.05
#: Difference in ms for a tile that is none: what a clock and a busy machine make of two runs of one model.
_SPEED_NOISE_MS = 0.05
#: Events of a check.
_CHECKS = ("checked", "refused")


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. `figure`: what was found; `limit`: what is asked. `of_model`: the model is at fault if not passed,
    rather than that too little is known of it."""

    name: str
    passed: bool
    figure: str
    limit: str
    of_model: bool = True


class GateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a model may serve: every gate is passed. `checked_at`: seconds since 1970 UTC; None: never checked.

    `result`: what the last check measured.
    """

    model: str
    address: str
    passed: bool
    checked_at: float | None
    gates: list[Gate]
    result: CheckResult | None


def of(settings: Settings, name: str) -> GateAnswer:
    """Return the gates of a model, by its last check and the settings as they are now.

    Raise QuestionError where no model, or more than one, has that name.
    """
    model = models.by_name(settings, name)
    checks = [row for row in models.history(settings, model.address) if row.event in _CHECKS]
    result = check_result.from_figures(checks[-1].figures) if checks else None
    gates = [*_now(settings, model, checks[-1] if checks else None, result)]
    if result is not None:
        gates += measured(settings.models.gate, result)
    return GateAnswer(
        model=model.model, address=model.address, passed=all(one.passed for one in gates),
        checked_at=checks[-1].at if checks else None, gates=gates, result=result,
    )  # fmt: skip


def candidate(settings: Settings, name: str) -> Model:
    """Return a model that may be checked. Raise QuestionError for one whose copy is deleted, or of no such name."""
    model = models.by_name(settings, name)
    if model.state == "retired":
        raise QuestionError(
            f"model {name}: it is retired, its copy is deleted; `inspector model import` brings it back"
        )
    return model


def serving(settings: Settings) -> Bundle:
    """Return the model that decides now: of the last switch, else the config's own. Raise BundleError if it is gone."""
    with closing(ModelHistory(settings.data, read_only=True)) as file:
        row = file.serving()
    if row is not None:
        return model_copies.of_address(settings.data, row.address)
    chosen = bundle.load(settings.bundle_path)
    try:
        return model_copies.of_address(settings.data, model_copies.address(chosen.path))
    except BundleError:  # the line never ran: there is no copy yet
        return chosen


def note(
    settings: Settings, model: Model, result: CheckResult, person: str = "", now: float | None = None
) -> GateAnswer:
    """Put a check on record, `checked` or `refused`, and return the gates. Raise StoreError if nothing is written."""
    failed = [one for one in measured(settings.models.gate, result) if one.of_model and not one.passed]
    with models.writing(settings) as file:
        file.note(
            "refused" if failed else "checked", model=model.model, address=model.address,
            person=check_person(person or models.user()), at=time.time() if now is None else now,
            why="; ".join(f"{one.name}: {one.figure}" for one in failed)[:1000], figures=result.figures(),
        )  # fmt: skip
    return of(settings, model.address)


def approve(
    settings: Settings, name: str, person: str, why: str, force: bool = False, now: float | None = None
) -> Model:
    """Let a model serve, with a reason. Raise QuestionError where a gate is not passed, unless it is forced.

    Gates that were not passed stand in the history. One that is rejected, rolled back or retired is not approved.
    """
    who, reason, model = check_person(person or models.user()), check_why(why), models.by_name(settings, name)
    if model.state in ("rejected", "rolled_back", "retired", "serving"):
        hint = "; `inspector model readmit` lifts that" if model.state in ("rejected", "rolled_back") else ""
        raise QuestionError(f"model {name}: it is {model.state.replace('_', ' ')}{hint}")
    if model.problem:
        raise QuestionError(f"model {name}: {model.problem}")
    failed = [one for one in of(settings, model.address).gates if not one.passed]
    if failed and not force:
        told = "; ".join(f"{one.name}: {one.figure} ({one.limit} is asked)" for one in failed)
        raise QuestionError(f"model {name}: {told}; --force approves it all the same, which stands in the history")
    with models.writing(settings) as file:
        file.note(
            "approved", model=model.model, address=model.address, person=who, why=reason,
            at=time.time() if now is None else now,
            figures={"forced": [one.name for one in failed]} if failed else {},
        )  # fmt: skip
    return models.by_name(settings, model.address)


def measured(limits: GateSettings, result: CheckResult) -> list[Gate]:
    """Return the gates on what a check measured. Pure."""
    if result.failure:
        return [Gate(name="runs", passed=False, figure=result.failure, limit="loads, warms, decides")]
    return [*_of_process(limits, result), *_of_decisions(limits, result)]


def _now(settings: Settings, model: Model, check: ModelEvent | None, result: CheckResult | None) -> Iterator[Gate]:
    """Yield the gates on the state of the line: the model is whole, its check is there and still holds."""
    yield Gate(name="intact", passed=not model.problem, figure=model.problem or "yes", limit="as it was imported")
    if check is None or result is None:
        figure = "never checked" if check is None else "checked by another version"
        yield Gate(name="checked", passed=False, figure=figure, limit="`inspector model check`", of_model=False)
        return
    with closing(GoldenSet(settings.data, read_only=True)) as golden:
        changed = golden.revision() != result.golden_revision
    in_force = serving(settings)
    other = model_copies.address(in_force.path) != result.against
    figure = f"against {result.against_model}" + f", and {in_force.id} serves now" * other
    figure += ", and the golden set has changed since" * changed
    yield Gate(
        name="checked", passed=not (other or changed), figure=figure, limit="against the model that serves",
        of_model=False,
    )  # fmt: skip


def _of_process(limits: GateSettings, result: CheckResult) -> Iterator[Gate]:
    difference = result.golden_difference
    told = "no engine ran them" if difference is None else f"within {difference:.1g}"
    yield Gate(name="runs", passed=True, figure=f"golden images {told}", limit="loads, warms, decides")
    ours, theirs = result.ms_per_tile, result.serving_ms_per_tile
    slack = max(limits.max_slowdown * theirs, theirs + _SPEED_NOISE_MS)
    yield Gate(
        name="speed", passed=ours <= slack, figure=f"{ours:.3g} ms a tile, the serving model {theirs:.3g}",
        limit=f"at most {limits.max_slowdown:g} times",
    )  # fmt: skip
    need = result.workers * result.memory_mb
    yield Gate(
        name="memory", passed=need <= result.free_mb,
        figure=f"{result.workers} x {result.memory_mb:.0f} MB", limit=f"at most {result.free_mb:.0f} MB free",
    )  # fmt: skip


def _of_decisions(limits: GateSettings, result: CheckResult) -> Iterator[Gate]:
    counts = [one for one in result.golden_lost if RANK[one.severity] >= RANK[limits.golden_severity]]
    listed = ", ".join(f"{one.name} ({one.label}: {one.decided})" for one in counts[:3])
    yield Gate(
        name="golden", passed=not counts, limit=f"none of severity {limits.golden_severity} or above",
        figure=f"{len(counts)} of {result.golden} lost" + f": {listed}" * bool(counts),
    )  # fmt: skip
    yield Gate(
        name="frames", passed=result.replayed >= limits.min_frames, of_model=False,
        figure=f"{result.replayed} compared, {result.left_out} left out", limit=f"at least {limits.min_frames}",
    )  # fmt: skip
    for severity in RANK:
        yield _of_flips(severity, result.flips.get(severity, FlipCount(0, 0)), limits)
    chance = chance_of_loss(result.lost, result.gained)
    yield Gate(
        name="labels", passed=chance >= _LEAST_CHANCE, limit=f"not significantly worse (p >= {_LEAST_CHANCE:g})",
        figure=f"{result.lost} lost, {result.gained} gained of {result.labelled} labelled, p = {chance:.2g}",
    )  # fmt: skip
    misses = result.critical_misses
    listed = ", ".join(one.name for one in misses[:3])
    yield Gate(
        name="critical", passed=not misses, limit="none that the serving model finds",
        figure=f"{len(misses)} missed" + f": {listed}" * bool(misses),
    )  # fmt: skip


def _of_flips(severity: str, flips: FlipCount, limits: GateSettings) -> Gate:
    """Return the gate on flips: refused where the interval of their share lies above the limit as a whole."""
    most = float(getattr(limits.max_flip_percent, severity))
    low, high = (100 * bound for bound in wilson(flips.hits, flips.of))
    bounds = f"{low:.1f} to {high:.1f}%"
    if flips.of and not flips.hits:  # the rule of three: 95% sure, one-sided
        bounds = f"below {min(100.0, 300 / flips.of):.3g}%"
    return Gate(
        name=f"flips_{severity}", passed=not flips.of or low <= most,
        figure=f"{flips.hits} of {flips.of}" + f", {bounds}" * bool(flips.of), limit=f"at most {most:g}%",
    )  # fmt: skip
