"""Owns the command `model`: import, list, show, history, diff, approve, reject, readmit; check, gate, shadow."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import json
from rich.text import Text

from inspector.answers.learning import model_gate, models
from inspector.answers.learning.model_diff import ModelDiff
from inspector.answers.learning.models import SHORT, Model, ModelEvent
from inspector.cli import config
from inspector.cli.commands.learning import gate_commands, golden, shadow_commands
from inspector.cli.terminal import Grid, moment, show
from inspector.host.printable import printable, printable_json


def run(options: argparse.Namespace) -> bool:
    """Carry out the action, and show its result; return False where the answer is no."""
    settings = config.settings(options)
    match options.action:
        case "import":
            _shown(options, [models.import_(settings, options.folder, options.by, options.why)])
        case "list":
            _shown(options, models.every(settings))
        case "show":
            _one(options, models.by_name(settings, options.model))
        case "history":
            _history(options, models.history(settings, options.model or ""))
        case "diff":
            _diff(options, models.diff(settings, options.before, options.after))
        case "reject":
            _shown(options, [models.reject(settings, options.model, options.by, options.why)])
        case "readmit":
            _shown(options, [models.readmit(settings, options.model, options.by, options.why)])
        case "approve":
            who_and_why = (options.by, options.why)
            _shown(options, [model_gate.approve(settings, options.model, *who_and_why, force=options.force)])
        case "check":
            return gate_commands.run_check(options, settings)
        case "gate":
            return gate_commands.run_gate(options, settings)
        case "shadow":
            _shown(options, [shadow_commands.changed(options, settings)])
        case "agreement":
            shadow_commands.run_agreement(options, settings)
        case "golden":
            golden.run(options, settings)
    return True


def _shown(options: argparse.Namespace, found: Sequence[Model]) -> None:
    if options.json:
        for one in found:
            _print_json(one)
        return
    table = Grid("model", "address", "state", "since", "by", "epoch", "why")
    for one in found:
        epoch, why = "" if one.epoch is None else str(one.epoch), one.problem or one.why
        cells = (one.model, one.address[:SHORT], one.state, moment(one.since), one.person, epoch, why)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    show(table)
    if not found:
        print("the line knows no model yet: it imports its own when it starts", file=sys.stderr)


def _one(options: argparse.Namespace, model: Model) -> None:
    if options.json:
        _print_json(model)
        return
    table = Grid("", "")
    rows: dict[str, Any] = {
        "model": model.model, "address": model.address, "state": model.state, "since": moment(model.since),
        "by": model.person, "why": model.why, "epoch": "never in service" if model.epoch is None else model.epoch,
        "labels": ", ".join(model.labels), **model.figures, "problem": model.problem,
    }  # fmt: skip
    for name, value in rows.items():
        if value != "":
            table.add_row(name, Text(printable(_figure(value))))
    show(table)


def _history(options: argparse.Namespace, events: Sequence[ModelEvent]) -> None:
    if options.json:
        for one in events:
            _print_json(one)
        return
    table = Grid("time", "event", "model", "by", "source", "epoch", "why")
    for one in events:
        epoch = "" if one.epoch is None else str(one.epoch)
        cells = (moment(one.at), one.event, one.model, one.person, one.source, epoch, one.why)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    show(table)


def _diff(options: argparse.Namespace, diff: ModelDiff) -> None:
    if options.json:
        _print_json(diff)
        return
    table = Grid("", diff.before, diff.after)
    for change in diff.labels:
        table.add_row(change.label, *map(_label, (change.before, change.after)))
    for name, (before, after) in (diff.numbers | diff.figures).items():
        table.add_row(name, _figure(before), _figure(after))
    show(table)
    if not (diff.labels or diff.numbers or diff.figures):
        print("they decide alike and were evaluated alike", file=sys.stderr)


def _label(numbers: Mapping[str, Any] | None) -> str:
    if numbers is None:
        return "-"
    place = numbers["place_threshold"]
    places = "" if place is None else f", places {place:.3f}"
    return f"{numbers['kind']}, {numbers['severity']}, {numbers['threshold']:.3f}{places}"


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_json(one: Any) -> None:
    print(printable_json(json.encode(one).decode()))
