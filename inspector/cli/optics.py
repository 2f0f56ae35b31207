"""Owns what `inspector optics` answers: each source's pictures now, against what is usual, their trend and troubles."""

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

import msgspec
from rich.text import Text

from inspector.cli.defects import known
from inspector.cli.terminal import Grid, show
from inspector.errors import ConfigError
from inspector.host.printable import printable
from inspector.protocol.messages import Sight, Usual
from inspector.protocol.optics import Figures
from inspector.record import optics_history
from inspector.record.optics_history import PastTrouble, Trend
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.settings import loading
from inspector.sources.optics.conditions import FIGURE_OF

_DAY_S, _HOUR_S = 86_400, 3600


class View(msgspec.Struct, frozen=True):
    """How a source's pictures are. `figures` are of late, seen last `at`; None: no picture was looked at yet.

    `usual` is learned from `learned` of the `needed` pictures, of this size, since then; None: nothing yet.
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


def learn(options: argparse.Namespace) -> None:
    """Have what is usual for sources learned anew; a line that runs hears of it within a second or two."""
    settings = loading.load(options.config, options.override)
    sources = known(options.learn, settings)
    if not settings.optics.enabled:
        raise ConfigError("optics.enabled is false: nobody looks at pictures")
    with closing(Store(settings.data)) as store, store.transaction() as cursor:
        for source in sources:
            optics_history.learn_anew(cursor, source, time.time())
    for source in sources:
        print(f"{source}: what is usual is learned from the next {settings.optics.learn_pictures} pictures")


def answer(options: argparse.Namespace) -> bool:
    """Print it; whether no source's pictures have a trouble now."""
    settings = loading.load(options.config, options.override)
    sources = known(options.source, settings) or [source.name for source in settings.sources]
    since = time.time() - _DAY_S if options.since is None else options.since
    query = Query(since=since, sources=sources)
    with closing(Store(settings.data, read_only=True)) as store:
        sights = {account.source: account.tally.sight for account in store.accounts() if account.tally}
        views = [_view(name, sights.get(name), optics_history.usual(store, name)) for name in sources]
        every_s = _DAY_S if time.time() - since > 2 * _DAY_S else _HOUR_S
        trend = optics_history.trend(store, query, every_s)
        troubles = optics_history.troubles(store, query)
    good = all(one.ended_at is not None for one in troubles)
    if options.json:
        print(msgspec.json.encode({"sources": views, "trend": trend, "troubles": troubles}).decode())
    else:
        _draw(views, trend, troubles)
        if not settings.optics.enabled:
            print("optics.enabled is false: nobody looks at pictures")
    return good


def _view(source: str, sight: Sight | None, record: tuple[float, Usual | None] | None) -> View:
    since, usual = record or (None, None)
    now = sight if sight and sight.since == since else None
    figures = now.figures._asdict() if now and now.figures else None
    mean = usual.mean._asdict() if usual else None
    size = (usual.width, usual.height) if usual else (0, 0)
    learned = now.learned if now else usual.pictures if usual else 0
    at = now.at if now and now.at else None
    return View(source, at, figures, mean, since, learned, now.needed if now else 0, *size)


def _draw(views: Sequence[View], trend: Sequence[Trend], troubles: Sequence[PastTrouble]) -> None:
    table = Grid("source", "", *Figures._fields)
    for view in views:
        table.add_row(Text(view.source), "now", *_cells(view.figures))
        table.add_row("", "usual", *_cells(view.usual))
    show(table)
    for view in views:
        print(f"{view.source}: {_learning(view)}")
    if trend:
        table = Grid("source", "mean from", *Figures._fields)
        for one in trend:
            table.add_row(Text(one.source), _time(one.began_at), *_cells(msgspec.structs.asdict(one)))
        show("", table)
    print()
    for trouble in troubles:
        print(printable(_line(trouble)))
    if not troubles:
        print("no trouble in that time")


def _line(trouble: PastTrouble) -> str:
    ended = "and goes on" if trouble.ended_at is None else f"to {_time(trouble.ended_at)}"
    name = FIGURE_OF.get(trouble.kind)
    figure = f": {name} {trouble.figure:.3g}, usually {trouble.usual:.3g}" if name else ""
    detail = f": {trouble.detail}" if trouble.detail else ""
    return f"{trouble.source}: {trouble.kind} from {_time(trouble.began_at)} {ended}{figure}{detail}"


def _cells(figures: dict[str, float] | None) -> list[str]:
    if figures is None:
        return ["-"] * len(Figures._fields)
    forms = {"brightness": ".0f", "saturation": ".1%"}
    return [format(figures[name], forms.get(name, ".3f")) for name in Figures._fields]


def _learning(view: View) -> str:
    if view.since is None:
        return "no picture was looked at yet"
    if view.learned < view.needed or not view.needed:
        return f"learning: {view.learned} of {view.needed or 'the'} pictures needed"
    return f"learned from {view.learned} pictures of {view.width}x{view.height}, from {_time(view.since)} on"


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"
