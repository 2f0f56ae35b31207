"""Owns the options of commands that ask the record: defects, sums, pieces, pictures, pins."""

import argparse
from pathlib import Path

from inspector.cli.arguments.options import JSON, JSON_LINES, ONE_SOURCE, SINCE, UNTIL, Commands, moment


def add(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add these commands; `config` has the options that choose the line."""
    for add in (_defects, _account, _rules, _paper, _piece, _optics, _pins):
        add(commands, config)


def _defects(commands: Commands, config: argparse.ArgumentParser) -> None:
    defects = commands.add_parser(
        "defects", parents=[config], help="list or export records: defects, unless --verdict says otherwise"
    )
    defects.add_argument("--since", type=moment, help=SINCE)
    defects.add_argument("--until", type=moment, help=UNTIL)
    defects.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    defects.add_argument("--label", action="append", default=[], help="only with this label; may be repeated")
    defects.add_argument("--verdict", action="append", choices=["ok", "defect", "unsure", "error", "all"])
    defects.add_argument("--model", action="append", default=[], help="only decided by this bundle id")
    defects.add_argument(
        "--piece",
        help="a coil's, plate's or lot's, by place, those that frames cut joined; with --verdict its frames",
    )
    defects.add_argument(
        "--draw", type=Path, metavar="FOLDER", help="also draw the kept pictures, regions boxed, there"
    )
    defects.add_argument("--limit", type=int, help="at most this many, newest first (a table shows 50)")
    form = defects.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=JSON_LINES)
    form.add_argument("--csv", action="store_true", help="comma-separated, with a header, a row a region")
    defects.add_argument("--bom", action="store_true", help="with --csv: begin with the mark that tells Excel UTF-8")


def _account(commands: Commands, config: argparse.ArgumentParser) -> None:
    account = commands.add_parser(
        "account", parents=[config], help="sums and gaps of each source; exit 1 if they do not balance",
        description="Sums and gaps of each source; exit 1 if they do not balance. What that proves: each frame that"
        " the source counted is on record, in a gap, or in flight. The source's own sums are held against the rows,"
        " counted as they were written, and against the gaps. What sums cannot show: a frame that the source never"
        " got, and one that is on record twice. The record's key excludes the latter: without it no row is written.",
    )  # fmt: skip
    account.add_argument("--since", type=moment, help="frames and gaps from: 10m, 2h, 1d ago, or 2026-11-24T06:00")
    account.add_argument("--until", type=moment, help=UNTIL)
    for option, name in (("--from", "since"), ("--to", "until")):  # what version 0.1 called them
        account.add_argument(option, dest=name, type=moment, help=argparse.SUPPRESS)
    account.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    account.add_argument("--piece", help="how much of this coil, plate or lot was inspected; exit 1 if not all of it")
    account.add_argument("--json", action="store_true", help=JSON)


def _rules(commands: Commands, config: argparse.ArgumentParser) -> None:
    alarms = commands.add_parser("alarms", parents=[config], help="list alarms and marks of rolls, the newest first")
    alarms.add_argument("--piece", help="only of this coil, plate or lot")
    alarms.add_argument("--since", type=moment, help="begun since: 10m, 2h, 1d ago, or 2026-11-24T06:00")
    alarms.add_argument("--until", type=moment, help="begun before, in the same forms")
    alarms.add_argument("--limit", type=int, default=50, help="at most this many of each in a table; default: 50")
    alarms.add_argument("--json", action="store_true", help="one JSON object a line, all of them")

    grade = commands.add_parser(
        "grade",
        parents=[config],
        help="what a finished coil, plate or lot is: prime, second or hold, and why; exit 1: hold",
    )
    grade.add_argument("piece", help="its name")
    decision = grade.add_mutually_exclusive_group()
    decision.add_argument(
        "--as", dest="decided", choices=["prime", "second", "hold"],
        help="decide so: release it from hold, or override its grade; the computed one stays beside it",
    )  # fmt: skip
    decision.add_argument("--undo", action="store_true", help="take the last decision back")
    grade.add_argument("--by", default="", metavar="NAME", help="who decides")
    grade.add_argument("--why", default="", metavar="TEXT", help="the reason, which stands in the report")
    grade.add_argument("--json", action="store_true", help=JSON)


def _paper(commands: Commands, config: argparse.ArgumentParser) -> None:
    drawing = commands.add_parser(
        "map", parents=[config], help="draw a coil, plate or lot with its defects, and what was not inspected"
    )
    drawing.add_argument("piece", help="its name")
    drawing.add_argument(
        "--to", type=Path, metavar="FILE",
        help="FILE.svg, .png, or .html with pictures of the defects where one points; default: NAME.svg here",
    )  # fmt: skip

    report = commands.add_parser(
        "report", parents=[config], help="one page on a coil, plate or lot: inspected whole? its defects, map, pictures"
    )
    report.add_argument("piece", help="its name")
    report.add_argument("--to", type=Path, metavar="FILE", help="default: NAME-report.html here")


def _piece(commands: Commands, config: argparse.ArgumentParser) -> None:
    piece = commands.add_parser(
        "piece", parents=[config], help="say which coil, plate or lot is on the line; alone: list the last ones"
    )
    piece.add_argument("action", nargs="?", choices=["start", "stop"], help="it is on the line from now on; none is")
    piece.add_argument("piece", nargs="?", metavar="name", help="what it is called, for start")
    piece.add_argument("--grade", default="", help="its steel grade, for start: the recipe that lists it decides")
    piece.add_argument("--recipe", default="", help="the recipe that decides, whatever the grade, for start")
    piece.add_argument("--json", action="store_true", help=JSON)


def _optics(commands: Commands, config: argparse.ArgumentParser) -> None:
    optics = commands.add_parser(
        "optics",
        parents=[config],
        help="are the pictures good? figures of each source against its baseline; exit 1: no",
    )
    optics.add_argument("--since", type=moment, help="trend and troubles from: 12h, 90d ago; default: 1d")
    optics.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    optics.add_argument(
        "--learn", action="append", default=[], metavar="SOURCE",
        help="learn a new baseline for a source, from its next pictures: after cleaning, or with a new camera or lens",
    )  # fmt: skip
    optics.add_argument("--json", action="store_true", help=JSON)


def _pins(commands: Commands, config: argparse.ArgumentParser) -> None:
    pin = commands.add_parser(
        "pin", parents=[config], help="keep evidence and records in dispute, whatever their age; alone: list the pins"
    )
    pin.add_argument("--source", help="only of this source")
    pin.add_argument("--since", type=moment, help="captured from: 2h, 1d ago, or 2026-11-24T06:00")
    pin.add_argument("--until", type=moment, help="captured up to, in the same forms")
    pin.add_argument("--name", help="only frames of this name, a pattern such as 'coil-4711/*'")
    pin.add_argument("--json", action="store_true", help=JSON)

    unpin = commands.add_parser("unpin", parents=[config], help="let go of what a pin holds")
    unpin.add_argument("pin", type=int, help="its number, as `inspector pin` lists it")
