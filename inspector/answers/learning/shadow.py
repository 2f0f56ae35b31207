"""Owns the answers about a model in shadow: it is put there and taken back, and how it agrees with what decided."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from statistics import fmean

import msgspec

from inspector.answers.learning import models
from inspector.answers.learning.models import Model
from inspector.errors import QuestionError
from inspector.quality.proportions import chance_of_loss, wilson
from inspector.record.labels import labels
from inspector.record.labels.label_file import LabelFile
from inspector.record.labels.labels import check_note, check_person
from inspector.record.models import model_history, shadow_record
from inspector.record.models.model_history import ModelHistory
from inspector.record.models.shadow_record import Judged
from inspector.settings.settings import Settings


class Flips(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the frames that were `kind` a model in shadow decides otherwise; `low`, `high`: 95% interval."""

    kind: str
    frames: int
    flips: int
    low: float
    high: float


class ShadowAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How a model in shadow agrees with the ones that decided the same frames.

    `missed`: frames that it was not shown, as it was busy. `in_all`: any flip of any frame; without a flip, `high` is
    close to the rule of three, 3 / frames. `severities`, `labels` and `outcomes` are those of the live verdict.
    `live_ms`: mean scoring time of a frame in its batch; `cpu_ms`: mean CPU time of the shadow for a frame, alone.
    `reviewed`: frames that people labelled; of these the shadow has `lost` right ones and `gained` wrong ones, and
    `chance` is how likely this many losses are by accident (McNemar's exact test, one-sided).
    """

    model: str
    address: str
    frames: int
    missed: int
    in_all: Flips
    outcomes: list[Flips]
    severities: list[Flips]
    labels: list[Flips]
    live_ms: float | None
    cpu_ms: float | None
    reviewed: int
    lost: int
    gained: int
    chance: float


def begin(settings: Settings, name: str, person: str = "", why: str = "") -> Model:
    """Ask the line to try a model in shadow, in place of one that is tried now.

    Raise QuestionError for a model that serves, may not serve, or whose copy is damaged.
    """
    model = models.by_name(settings, name)
    if model.state in ("serving", "rejected", "rolled_back", "refused", "retired"):
        raise QuestionError(f"model {name}: it is {model.state}: there is nothing to try in shadow")
    if model.problem:
        raise QuestionError(f"model {name}: {model.problem}")
    return _noted(settings, model, "shadow", person, why)


def end(settings: Settings, name: str, person: str = "", why: str = "") -> Model:
    """Ask the line to end the trial of a model. Raise QuestionError where it is not in shadow."""
    model = models.by_name(settings, name)
    with closing(ModelHistory(settings.data, read_only=True)) as file:
        tried = model_history.in_shadow(file.every())
    if tried is None or tried.address != model.address:
        raise QuestionError(f"model {name}: it is not in shadow")
    return _noted(settings, model, "shadow_ended", person, why)


def agreement(settings: Settings, name: str) -> ShadowAgreement:
    """Return how a model in shadow, now or before, agrees with what decided. Raise QuestionError if unknown."""
    model = models.by_name(settings, name)
    judged = shadow_record.judged(settings.data, model.address)
    lost, gained, reviewed = _reviewed(settings, judged)
    return ShadowAgreement(
        model=model.model, address=model.address, frames=len(judged), missed=sum(one.missed for one in judged),
        in_all=_flips("all", judged),
        outcomes=_by(judged, [one.live_outcome for one in judged]),
        severities=_by(judged, [one.live_severity for one in judged]),
        labels=_by(judged, [one.live_label if one.live_outcome == "defect" else "" for one in judged]),
        live_ms=1000 * fmean(one.live_s for one in judged) if judged else None,
        cpu_ms=1000 * fmean(one.cpu_s for one in judged) if judged else None,
        reviewed=reviewed, lost=lost, gained=gained, chance=chance_of_loss(lost, gained),
    )  # fmt: skip


def _noted(settings: Settings, model: Model, event: model_history.Event, person: str, why: str) -> Model:
    name, note = check_person(person or models.user()), check_note(why)
    with models.writing(settings) as file:
        file.note(event, model=model.model, address=model.address, person=name, at=time.time(), why=note)
    return models.by_name(settings, model.address)


def _by(judged: Sequence[Judged], kinds: Sequence[str]) -> list[Flips]:
    most = Counter(kind for kind in kinds if kind)
    return [
        _flips(kind, [one for one, its in zip(judged, kinds, strict=True) if its == kind])
        for kind, _ in most.most_common()
    ]


def _flips(kind: str, judged: Sequence[Judged]) -> Flips:
    flips = sum(one.is_flip for one in judged)
    low, high = wilson(flips, len(judged))
    return Flips(kind=kind, frames=len(judged), flips=flips, low=low, high=high)


def _reviewed(settings: Settings, judged: Sequence[Judged]) -> tuple[int, int, int]:
    """Return how many labelled frames the shadow lost and gained, and how many were labelled; disputes do not count."""
    with closing(LabelFile(settings.data, read_only=True)) as file:
        said = {(at[0], at[1]): one for at, one in labels.opinions(file.every()).items() if at[2] is None}
    lost = gained = reviewed = 0
    for one in judged:
        opinion = said.get((one.source, one.frame))
        if opinion is None or opinion.disputed:
            continue
        reviewed += 1
        before = opinion.label == _said(one.live_outcome, one.live_label)
        after = opinion.label == _said(one.outcome, one.label)
        lost += before and not after
        gained += after and not before
    return lost, gained, reviewed


def _said(outcome: str, label: str) -> str | None:
    """Return the label that a verdict stands for; None: it decides nothing."""
    return {"ok": labels.OK, "defect": label}.get(outcome)
