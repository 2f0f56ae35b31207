"""Owns the command `optics`: the figures of each source's pictures against the baseline, their trend and troubles."""

import argparse
from datetime import datetime

import msgspec
from rich.text import Text

from inspector.answers import optics
from inspector.answers.optics import FIGURE_OF, Figures, OpticsAnswer, OpticsQuestion, PastTrouble, SourceOptics
from inspector.cli import config
from inspector.cli.terminal import Grid, show
from inspector.host.printable import printable


def run(options: argparse.Namespace) -> bool:
    """Show the optics, or have a new baseline learned; return whether no source's pictures have a trouble now."""
    if options.learn:
        _learn(options)
        return True
    with config.record(options) as line:
        answer = optics.ask(line, OpticsQuestion(sources=options.source, since=options.since))
    if options.json:
        print(msgspec.json.encode(answer).decode())
    else:
        _draw(answer)
        if not line.settings.optics.enabled:
            print("optics.enabled is false: nobody looks at pictures")
    return answer.good


def _learn(options: argparse.Namespace) -> None:
    settings = config.settings(options)
    optics.learn(settings, options.learn)
    for source in options.learn:
        print(f"{source}: the baseline is learned from the next {settings.optics.learn_pictures} pictures")


def _draw(answer: OpticsAnswer) -> None:
    table = Grid("source", "", *Figures._fields)
    for one in answer.sources:
        table.add_row(Text(one.source), "now", *_cells(one.figures))
        table.add_row("", "baseline", *_cells(one.usual))
    show(table)
    for one in answer.sources:
        print(f"{one.source}: {_learning(one)}")
    if answer.trend:
        table = Grid("source", "mean from", *Figures._fields)
        for mean in answer.trend:
            table.add_row(Text(mean.source), _minute(mean.began_at), *_cells(msgspec.structs.asdict(mean)))
        show("", table)
    print()
    for trouble in answer.troubles:
        print(printable(_sentence(trouble)))
    if not answer.troubles:
        print("no trouble in that time")


def _sentence(trouble: PastTrouble) -> str:
    ended = "and goes on" if trouble.ended_at is None else f"to {_minute(trouble.ended_at)}"
    name = FIGURE_OF.get(trouble.kind)
    figure = f": {name} {trouble.figure:.3g}, in the baseline {trouble.usual:.3g}" if name else ""
    detail = f": {trouble.detail}" if trouble.detail else ""
    return f"{trouble.source}: {trouble.kind} from {_minute(trouble.began_at)} {ended}{figure}{detail}"


def _cells(figures: dict[str, float] | None) -> list[str]:
    if figures is None:
        return ["-"] * len(Figures._fields)
    forms = {"brightness": ".0f", "saturation": ".1%"}
    return [format(figures[name], forms.get(name, ".3f")) for name in Figures._fields]


def _learning(one: SourceOptics) -> str:
    if one.since is None:
        return "no picture was looked at yet"
    if one.learned < one.needed or not one.needed:
        return f"learning: {one.learned} of {one.needed or 'the'} pictures needed"
    return f"learned from {one.learned} pictures of {one.width}x{one.height}, from {_minute(one.since)} on"


def _minute(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"
