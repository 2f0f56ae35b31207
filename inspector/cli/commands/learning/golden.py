"""Owns the command `model golden`: frames that no model of the line may forget."""

import argparse
import sys
from collections.abc import Sequence

from msgspec import json
from rich.text import Text

from inspector.answers.learning import golden
from inspector.answers.learning.golden import GoldenFrame
from inspector.cli.terminal import Grid, moment, show
from inspector.host.printable import printable, printable_json
from inspector.settings.settings import Settings


def run(options: argparse.Namespace, settings: Settings) -> None:
    """Do what the action says, and show the frames that it was about."""
    match options.golden:
        case "add":
            _shown(options, golden.add(settings, options.frames, options.by, options.why))
        case "list":
            _shown(options, golden.every(settings))
        case "remove":
            _shown(options, golden.remove(settings, options.numbers, options.by, options.why))


def _shown(options: argparse.Namespace, frames: Sequence[GoldenFrame]) -> None:
    if options.json:
        for one in frames:
            print(printable_json(json.encode(one).decode()))
        return
    table = Grid("number", "source", "frame", "label", "by", "since", "why")
    for one in frames:
        number = str(one.id if one.removes is None else one.removes)
        cells = (number, one.source, one.record["name"], one.label, one.person, moment(one.at), one.why)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    show(table)
    if not frames:
        print("no frame is in the golden set; `inspector model golden add FRAME` adds a labelled one", file=sys.stderr)
