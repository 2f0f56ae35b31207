"""Owns the answer to how far people and model agree."""

from contextlib import closing
from dataclasses import dataclass

from inspector.quality import agreement
from inspector.quality.agreement import Agreement, LabelAgreement, Share, WeekAgreement
from inspector.record.labels.label_file import LabelFile
from inspector.record.labels.labels import opinions
from inspector.settings.settings import Settings

__all__ = ["Agreement", "AgreementQuestion", "LabelAgreement", "Share", "WeekAgreement", "of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementQuestion:
    """Of which labelled frames: captured from `since` to before `until`, decided by that model. None: any.

    Times are seconds since 1970 UTC; `model` is a bundle's id.
    """

    since: float | None = None
    until: float | None = None
    model: str | None = None


def of(settings: Settings, question: AgreementQuestion) -> Agreement:
    """Return how far the labels in force agree with what the model had said of the same frames."""
    with closing(LabelFile(settings.data, read_only=True)) as file:
        chosen = [
            one
            for one in file.every()
            if (question.since is None or one.record["captured_at"] >= question.since)
            and (question.until is None or one.record["captured_at"] < question.until)
            and question.model in (None, one.record["model"])
        ]
        return agreement.agreement(opinions(chosen))
