"""Owns the command `review`: which frames people should look at next, and the command that labels them."""

import argparse
import sys

from msgspec import json
from rich.text import Text

from inspector.answers.review import queue
from inspector.answers.review.queue import ReviewItem, ReviewQuestion
from inspector.cli import config
from inspector.cli.terminal import Grid, moment, show
from inspector.host.printable import printable, printable_json

#: Rows of a table.
_SHOWN = 20


def run(options: argparse.Namespace) -> None:
    """Show the queue, the most urgent first."""
    limit = _SHOWN if options.limit is None and not options.json else options.limit
    with config.record(options) as line:
        answer = queue.queue(line, ReviewQuestion(since=options.since, sources=options.source, limit=limit))
    if options.json:
        for item in answer.items:
            print(printable_json(json.encode(item).decode()))
        return
    if not answer.total:
        print("nothing waits for a look", file=sys.stderr)
        return
    show(_table(answer.items), "", "complete a command with a label and your name: --as LABEL --by NAME")
    if left := answer.total - len(answer.items):
        print(f"{left} more {'waits' if left == 1 else 'wait'}: --limit")


def _table(items: list[ReviewItem]) -> Grid:
    table = Grid("why", "time", "source", "frame", "model said", "picture", "command")
    for one in items:
        said = one.record
        judged = f"{said['outcome']} {said['label']} {said['score']:.2f}"
        cells = (said["source"], said["name"], judged, said["evidence"] or "none is kept", _command(one))
        table.add_row(_why(one), moment(said["captured_at"]), *(Text(printable(cell)) for cell in cells))
    return table


def _why(item: ReviewItem) -> str:
    copies = f", {len(item.frames)} near copies" if len(item.frames) > 1 else ""
    why = {
        "disputed": "people differ",
        "near_threshold": f"{item.missed_by or 0:.2f} under its threshold",
        "novel": "novel",
        "critical": "critical defect",
        "sample": "passed, chosen at random",
    }[item.why]
    return why + copies


def _command(item: ReviewItem) -> str:
    if not item.frames:
        return "none: its record is gone"
    words = ["inspector label", *map(str, item.frames)]
    if item.box:
        words.append("--region {},{},{},{}".format(*item.box))
    if item.why == "disputed":
        words.append("--adjudicate")
    return " ".join(words)
