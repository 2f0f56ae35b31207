"""Owns the commands `model check` and `model gate`: whether a model may serve, and why."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import json
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from inspector.answers.learning import model_gate
from inspector.answers.learning.model_gate import GateAnswer
from inspector.cli.terminal import Grid, moment, show
from inspector.host.printable import printable, printable_json
from inspector.settings.settings import Settings
from inspector.supervisor.model_check import check
from inspector.supervisor.model_check.check import CheckQuestion, OnProgress


def run_check(options: argparse.Namespace, settings: Settings) -> bool:
    """Check a model, put the outcome on record and show it; return whether every gate is passed."""
    model, serving = model_gate.candidate(settings, options.model), model_gate.serving(settings)
    question = CheckQuestion(since=options.since, limit=options.limit)
    with _progress() as on_progress:
        result = check.check(settings, model.address, serving, question, on_progress)
    answer = model_gate.note(settings, model, result, options.by)
    _shown(options, answer)
    return answer.passed


def run_gate(options: argparse.Namespace, settings: Settings) -> bool:
    """Show the gates of a model; return whether every one is passed."""
    answer = model_gate.of(settings, options.model)
    _shown(options, answer)
    return answer.passed


def _shown(options: argparse.Namespace, answer: GateAnswer) -> None:
    if options.json:
        print(printable_json(json.encode(answer).decode()))
        return
    table = Grid("gate", "passed", "figure", "limit")
    for one in answer.gates:
        passed = Text("yes", style="green") if one.passed else Text("no", style="red")
        table.add_row(one.name, passed, Text(printable(one.figure)), Text(printable(one.limit)))
    show(table)
    when = "never checked" if answer.checked_at is None else f"checked {moment(answer.checked_at)}"
    print(f"{answer.model}: {when}: {'may serve' if answer.passed else 'may not serve'}")


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """Yield what takes the progress of a check; it is shown on standard error, and only in a terminal."""
    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
