"""Owns what `inspector alarms` and `inspector grade` answer from the record: as tables and sentences, or JSON."""

import argparse
import time
from collections.abc import Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from inspector.cli.tables import moment
from inspector.cli.terminal import Grid, show
from inspector.host.printable import printable
from inspector.quality import wording
from inspector.quality.grading import judge
from inspector.quality.piece_summary import gather
from inspector.record import findings, pieces
from inspector.record.findings import Alarm, Mark
from inspector.record.store import Store
from inspector.settings import loading

_COLOURS = {"prime": "green", "second": "yellow", "hold": "red"}


def alarms(options: argparse.Namespace) -> None:
    """Print the alarms and marks of rolls asked for, the newest first."""
    settings = loading.load(options.config, options.override)
    store = Store(settings.data, read_only=True)
    piece = pieces.find(store, options.piece).id if options.piece else None
    raised = findings.read(store, Alarm, piece, options.since, options.until)[::-1]
    marks = findings.read(store, Mark, piece, options.since, options.until)[::-1]
    store.close()
    if options.json:
        for line in [*map(findings.to_json, raised), *map(findings.to_json, marks)]:
            print(line)
        return
    shown = options.limit
    show(_alarm_table(raised[:shown]) if raised else "no alarms")
    if marks:
        show("\nmarks of rolls:", _mark_table(marks[:shown]))
    elif settings.rolls:
        show("no marks of rolls")
    if left := max(len(raised) - shown, 0) + max(len(marks) - shown, 0):
        print(f"{left} older ones are not shown: --limit")


def grade(options: argparse.Namespace) -> bool:
    """Print the grade of a piece and its reasons; whether it is not on hold."""
    settings = loading.load(options.config, options.override)
    store = Store(settings.data, read_only=True)
    dossier = gather(store, settings, options.piece)
    store.close()
    graded = judge(dossier, settings, time.time())
    if options.json:
        print(msgspec.json.encode(graded).decode())
    else:
        show(Text(printable(f"{graded.piece}: {graded.grade}"), style=f"bold {_COLOURS[graded.grade]}"))
        for reason in graded.reasons:
            show(Text(printable(f"  {reason.grade}: {reason.text}")))
        if dossier.marks:
            show("marks of rolls:", _mark_table(dossier.marks))
    return graded.grade != "hold"


def _alarm_table(raised: Sequence[Alarm]) -> Table:
    table = Grid()
    for column in ("raised", "cleared", "source", "piece", "alarm", "from, m", "to, m", "defects", "rule"):
        table.column(column, right=column in ("from, m", "to, m", "defects"))
    for one in raised:
        cleared = Text("goes on", style="red") if one.cleared_at is None else Text(moment(one.cleared_at))
        along = ("?" if mm is None else f"{mm / 1000:.3f}" for mm in (one.from_mm, one.to_mm))
        table.add_row(
            moment(one.raised_at),
            cleared,
            one.source,
            Text(printable(one.piece)),
            one.rule,
            *along,
            str(one.count),
            Text(printable(one.detail)),
        )
    return table


def _mark_table(marks: Sequence[Mark]) -> Table:
    table = Grid()
    for column in ("found", "source", "piece", "label", "every, mm", "roll", "confidence", "across, mm", "from, m",
                   "to, m", "times"):  # fmt: skip
        table.column(column, right=column not in ("found", "source", "piece", "label", "roll"))
    for one in marks:
        numbers = (f"{one.x_mm:.0f}", f"{one.first_mm / 1000:.3f}", f"{one.last_mm / 1000:.3f}", str(one.repeats))
        roll = Text(wording.rolls(one))
        piece, distance = Text(printable(one.piece)), f"{one.distance_mm:.0f}"
        table.add_row(moment(one.found_at), one.source, piece, one.label, distance, roll, f"{one.confidence:.5f}",
                      *numbers)  # fmt: skip
    return table
