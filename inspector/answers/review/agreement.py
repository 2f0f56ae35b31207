"""Owns the answer to how far people and model agree."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from inspector.errors import StoreError
from inspector.quality import agreement
from inspector.quality.agreement import Agreement, EscapeRate, LabelAgreement, Passed, Share, WeekAgreement
from inspector.record import samples
from inspector.record.labels.label_file import LabelFile
from inspector.record.labels.labels import opinions
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.settings import Settings

__all__ = ["Agreement", "AgreementQuestion", "EscapeRate", "LabelAgreement", "Share", "WeekAgreement", "of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementQuestion:
    """Of which frames: captured from `since` to before `until`, of these sources, decided by that model. None: any.

    Times are seconds since 1970 UTC; `model` is a bundle's id.
    """

    since: float | None = None
    until: float | None = None
    model: str | None = None
    sources: Sequence[str] = ()


def of(settings: Settings, question: AgreementQuestion) -> Agreement:
    """Return how far the labels in force agree with what the model had said of the same frames."""
    with closing(LabelFile(settings.data, read_only=True)) as file:
        chosen = [
            one
            for one in file.every()
            if (question.since is None or one.record["captured_at"] >= question.since)
            and (question.until is None or one.record["captured_at"] < question.until)
            and question.model in (None, one.record["model"])
            and one.source in (question.sources or [one.source])
        ]
    try:
        with closing(Store(settings.data, read_only=True)) as store:
            return agreement.agreement(opinions(chosen), partial(_passed, store, question))
    except StoreError:  # labels outlive a record
        return agreement.agreement(opinions(chosen))


def _passed(store: Store, question: AgreementQuestion, since: float | None, until: float | None) -> Passed:
    """Return what passed of the question's frames within a time; of one model not how many, which would be slow."""
    query = Query(
        since=max((one for one in (since, question.since) if one is not None), default=None),
        until=min((one for one in (until, question.until) if one is not None), default=None),
        sources=question.sources,
        models=[] if question.model is None else [question.model],
    )
    counts = store.recorded_within(query) if question.model is None else None
    frames = None if counts is None else sum(of_source["ok"] for of_source in counts.values())
    return Passed(frames=frames, sampled=samples.passed(store, query))
