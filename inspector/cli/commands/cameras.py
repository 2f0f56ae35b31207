"""Owns the command `cameras`: the cameras that this machine can find, and the settings to write for each."""

import argparse
import sys

import msgspec
from rich.console import Console
from rich.table import Table

from inspector.answers import cameras
from inspector.answers.cameras import FoundCamera


def run(options: argparse.Namespace) -> bool:
    """Show the cameras, and on stderr why some cannot be listed; return whether there is one."""
    answer = cameras.find()
    if options.json:
        print(msgspec.json.encode(answer.found).decode())
    else:
        show(Console(), answer.found)
    for problem in answer.problems:
        print(f"inspector: {problem}", file=sys.stderr)
    return bool(answer.found)


def show(console: Console, found: list[FoundCamera]) -> None:
    """Print them as a table, or that there are none."""
    if not found:
        console.print("no camera was found; a GigE camera in another network, and streams, have to be known by address")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("type", "address", "vendor", "model", "serial", "id", "formats"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.type, one.address, one.vendor, one.model, one.serial, one.id, " ".join(one.formats))
    console.print(table)
