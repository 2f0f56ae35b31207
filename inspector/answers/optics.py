"""Owns the answers about pictures: each source's figures against what is usual, their trend, and what was wrong."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec

from inspector.answers import names
from inspector.answers.line_record import LineRecord
from inspector.errors import ConfigError
from inspector.protocol.optics import FIGURE_OF, Figures, OpticsBaseline, OpticsState
from inspector.record import optics_history
from inspector.record.optics_history import PastTrouble, Trend
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings.settings import Settings

__all__ = ["FIGURE_OF", "Figures", "OpticsAnswer", "OpticsQuestion", "PastTrouble", "SourceOptics", "Trend", "ask",
           "learn"]  # fmt: skip

_DAY_S, _HOUR_S = 86_400, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OpticsQuestion:
    """Which sources (none: all); trend and troubles since then, seconds since 1970 UTC; None: the last day."""

    sources: Sequence[str] = ()
    since: float | None = None


class SourceOptics(msgspec.Struct, frozen=True):
    """The pictures of a source. `figures`: of the pictures up to `at`; None before the first picture was analysed.

    `usual`: the mean of the `learned` of `needed` pictures, of this size in px, since then; None before the first.
    """

    source: str
    at: float | None
    figures: dict[str, float] | None
    usual: dict[str, float] | None
    since: float | None
    learned: int
    needed: int
    width: int
    height: int


class OpticsAnswer(msgspec.Struct, frozen=True):
    """The sources' pictures now, the trend of their figures (a mean an hour, or a day), and their troubles."""

    sources: list[SourceOptics]
    trend: list[Trend]
    troubles: list[PastTrouble]

    @property
    def good(self) -> bool:
        """Whether no trouble goes on."""
        return all(one.ended_at is not None for one in self.troubles)


def ask(line: LineRecord, question: OpticsQuestion) -> OpticsAnswer:
    """Return how the pictures are. Raise QuestionError for a source that the line does not have."""
    store, now = line.store, line.clock()
    sources = names.of_line(line.settings, question.sources) or [one.name for one in line.settings.sources]
    since = now - _DAY_S if question.since is None else question.since
    query = Query(since=since, sources=sources)
    states = {account.source: account.tally.optics for account in store.accounts() if account.tally}
    return OpticsAnswer(
        [_source(name, states.get(name), optics_history.baseline(store, name)) for name in sources],
        optics_history.trend(store, query, _DAY_S if now - since > 2 * _DAY_S else _HOUR_S),
        optics_history.troubles(store, query),
    )


def learn(settings: Settings, sources: Sequence[str], clock: Callable[[], float] = time.time) -> None:
    """Have what is usual for sources learned anew; a running line follows within two seconds.

    Raise QuestionError for a source that the line does not have, ConfigError where `optics.enabled` is false.
    """
    names.of_line(settings, sources)
    if not settings.optics.enabled:
        raise ConfigError("optics.enabled is false: nobody looks at pictures")
    with closing(Store(settings.data)) as store, store.transaction() as cursor:
        for source in sources:
            optics_history.learn_anew(cursor, source, clock())


def _source(name: str, state: OpticsState | None, record: tuple[float, OpticsBaseline | None] | None) -> SourceOptics:
    since, usual = record or (None, None)
    now = state if state and state.since == since else None
    values: dict[str, Any] = {
        "figures": now.figures._asdict() if now and now.figures else None,
        "usual": usual.mean._asdict() if usual else None,
    }
    return SourceOptics(
        source=name,
        at=now.at if now and now.at else None,
        since=since,
        learned=now.learned if now else usual.pictures if usual else 0,
        needed=now.needed if now else 0,
        width=usual.width if usual else 0,
        height=usual.height if usual else 0,
        **values,
    )
