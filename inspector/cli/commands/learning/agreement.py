"""Owns the command `quality`: how far people and model agree."""

import argparse
import sys

from msgspec import json
from rich.text import Text

from inspector.answers.review import agreement
from inspector.answers.review.agreement import Agreement, AgreementQuestion, EscapeRate, Share
from inspector.cli import config
from inspector.cli.terminal import Grid, counted, show
from inspector.host.printable import printable


def run(options: argparse.Namespace) -> None:
    """Show by label and by week what people say of frames, and what the model had said."""
    question = AgreementQuestion(since=options.since, until=options.until, model=options.model, sources=options.source)
    answer = agreement.of(config.settings(options), question)
    if options.json:
        print(json.encode(answer).decode())
        return
    if not answer.frames:
        print("no frame is labelled: `inspector label` says what one shows", file=sys.stderr)
        return
    show(_labels(answer), "", _weeks(answer), "", _shares(answer))


def _labels(answer: Agreement) -> Grid:
    table = Grid("people say")
    for column in ("frames", "model agrees", "other defect", "passed as ok", "unsure"):
        table.column(column, right=True)
    for one in answer.labels:
        figures = (one.frames, one.same, one.other, one.ok, one.unsure)
        table.add_row(Text(printable(one.label)), *map(str, figures))
    return table


def _weeks(answer: Agreement) -> Grid:
    table = Grid("week", "agreed, of frames that the model was sure of", "escapes, of passed frames chosen at random")
    for one in answer.weeks:
        table.add_row(one.week, _share(one.agreed), _share(one.escape_rate.escapes))
    return table


def _shares(answer: Agreement) -> Grid:
    table = Grid("", "")
    table.add_row("escapes, of what people call a defect", _share(answer.escapes))
    table.add_row("false alarms, of what people call ok", _share(answer.false_alarms))
    table.add_row("escapes, of passed frames chosen at random", _share(answer.sampled_escapes))
    table.add_row("escapes, of all passed frames, by these", _estimate(answer.escape_rate))
    if answer.disputed:
        table.add_row("disputed", f"{counted(answer.disputed, 'frame')}: `inspector label --adjudicate` decides")
    return table


def _share(share: Share) -> str:
    if not share.of:
        return "none was labelled"
    return f"{share.hits} of {share.of}, {share.hits / share.of:.1%} ({share.low:.1%} to {share.high:.1%})"


def _estimate(rate: EscapeRate) -> str:
    if rate.missed is None:
        missed = "not known"
    else:
        missed = f"about {rate.missed:,.0f} of {rate.passed:,} ({rate.missed_low:,.0f} to {rate.missed_high:,.0f})"
    return f"{missed}; {rate.escapes.of} of {rate.sampled} chosen at random are labelled"
