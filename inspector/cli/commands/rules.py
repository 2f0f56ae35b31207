"""Owns the command `alarms`: alarms and marks of rolls that the rules found."""

import argparse
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from inspector.answers import rules
from inspector.answers.rules import Alarm, FindingsQuestion, RollMark
from inspector.cli import config
from inspector.cli.terminal import Grid, moment, show
from inspector.host.printable import printable
from inspector.record import findings


def alarms(options: argparse.Namespace) -> None:
    """Show the alarms and marks of rolls in question, the newest first."""
    with config.record(options) as line:
        question = FindingsQuestion(piece=options.piece or "", since=options.since, until=options.until)
        answer = rules.found(line, question)
    if options.json:
        for line_of_json in [*map(findings.to_json, answer.alarms), *map(findings.to_json, answer.marks)]:
            print(line_of_json)
        return
    shown = options.limit
    show(_alarm_table(answer.alarms[:shown]) if answer.alarms else "no alarms")
    if answer.marks:
        show("\nmarks of rolls:", mark_table(answer.marks[:shown]))
    elif line.settings.rolls:
        show("no marks of rolls")
    if left := max(len(answer.alarms) - shown, 0) + max(len(answer.marks) - shown, 0):
        print(f"{left} older {'one is' if left == 1 else 'ones are'} not shown: --limit")


def _alarm_table(raised: Sequence[Alarm]) -> Table:
    table = Grid()
    for column in ("raised", "cleared", "source", "piece", "alarm", "from, m", "to, m", "defects", "rule"):
        table.column(column, right=column in ("from, m", "to, m", "defects"))
    for one in raised:
        cleared = Text("goes on", style="red") if one.cleared_at is None else Text(moment(one.cleared_at))
        along = ("?" if mm is None else f"{mm / 1000:.3f}" for mm in (one.from_mm, one.to_mm))
        piece, rule = Text(printable(one.piece)), Text(printable(one.detail))
        table.add_row(moment(one.raised_at), cleared, one.source, piece, one.rule, *along, str(one.count), rule)
    return table


def mark_table(marks: Sequence[RollMark]) -> Table:
    """Return marks of rolls as a table, a row each."""
    table = Grid()
    for column in ("found", "source", "piece", "label", "every, mm", "roll", "confidence", "across, mm", "from, m",
                   "to, m", "times"):  # fmt: skip
        table.column(column, right=column not in ("found", "source", "piece", "label", "roll"))
    for one in marks:
        numbers = (f"{one.x_mm:.0f}", f"{one.first_mm / 1000:.3f}", f"{one.last_mm / 1000:.3f}", str(one.repeats))
        piece, roll, distance = Text(printable(one.piece)), Text(rules.rolls(one)), f"{one.distance_mm:.0f}"
        table.add_row(moment(one.found_at), one.source, piece, one.label, distance, roll, f"{one.confidence:.5f}",
                      *numbers)  # fmt: skip
    return table
