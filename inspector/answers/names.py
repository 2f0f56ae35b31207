"""Owns the check of the names in a question: an empty answer to a misspelt name would look like a good one."""

from collections.abc import Collection, Iterable, Sequence

from inspector.errors import QuestionError
from inspector.record import settings_history
from inspector.record.store import Store
from inspector.settings.mistakes import meant
from inspector.settings.settings import Settings


def of_line(settings: Settings, sources: Sequence[str]) -> list[str]:
    """Return the sources asked for. Raise QuestionError for one that the line does not have."""
    there_are = [source.name for source in settings.sources]
    for name in sources:
        if name not in there_are:
            raise QuestionError(f"source {name}: the line has no such source; it has {', '.join(there_are)}")
    return list(sources)


def check_sources(store: Store, settings: Settings, sources: Iterable[str]) -> None:
    """Raise QuestionError for a source that neither the record nor the line has."""
    known = {account.source for account in store.accounts()} | {source.name for source in settings.sources}
    _check("source", sources, known)


def check_decided(store: Store, labels: Iterable[str], models: Iterable[str] = ()) -> None:
    """Raise QuestionError for a label or model by which no frame on record was ever decided."""
    known_labels, known_models = settings_history.named(store)
    _check("label", labels, known_labels)
    _check("model", models, known_models)


def _check(field: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if known and name not in known:
            there_are = sorted(known)
            raise QuestionError(f"{field} {name}: not on record{meant(name, there_are)}; it has {', '.join(there_are)}")
