"""Owns what can be typed after `inspector`: the commands, their options, their help."""

import argparse
import re
import time
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from inspector import __version__
from inspector.settings.config_file import INSTALLED, VARIABLE

#: A unit of time in seconds.
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: The help of options that several commands have.
_SINCE, _UNTIL = "from: 10m, 2h, 1d ago, or 2026-11-24T06:00", "up to, in the same forms"
_ONE_SOURCE, _JSON, _JSON_LINES = "only of this source; may be repeated", "for machines", "one JSON object a line"
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command; parsed, `command` is its name."""
    top = argparse.ArgumentParser(
        prog="inspector", description="Inspects steel strip: every frame is inspected, or on record as not inspected."
    )
    top.add_argument("--version", action="version", version=f"inspector {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    config = _config()
    for add in (_line, _defects, _account, _rules, _paper, _piece, _optics, _pins, _labels, _models, _retry, _backup):
        add(commands, config)
    _host(commands)
    return top


def _config() -> argparse.ArgumentParser:
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "-c", "--config", type=Path,
        help=f"the line's YAML file; default: the one that {VARIABLE} names, else {INSTALLED}",
    )  # fmt: skip
    config.add_argument(
        "-o", "--override", action="append", default=[], metavar="KEY=VALUE",
        help="lay a setting over file and environment, for example workers.count=4 or sources.drop.path=/mnt/drop",
    )  # fmt: skip
    return config


def _line(commands: _Commands, config: argparse.ArgumentParser) -> None:
    commands.add_parser("run", parents=[config], help="run the line until SIGTERM; a second one forces")

    check = commands.add_parser("check", parents=[config], help="validate a config and its bundle without starting")
    check.add_argument(
        "--sample", action="append", default=[], metavar="NAME",
        help="also show what place.pattern of each source reads in this file name; may be repeated",
    )  # fmt: skip

    demo = commands.add_parser(
        "demo", parents=[config],
        help="run a line and show it live; without -c simulated strip, with its files in ./demo",
    )  # fmt: skip
    demo.add_argument("--seconds", type=float, help="end this many seconds after the line is ready")

    status = commands.add_parser(
        "status", parents=[config], help="how the line is: exit 0 ready, 1 running but not ready, 3 not running"
    )
    status.add_argument("--json", action="store_true", help=_JSON)


def _defects(commands: _Commands, config: argparse.ArgumentParser) -> None:
    defects = commands.add_parser(
        "defects", parents=[config], help="list or export records: defects, unless --verdict says otherwise"
    )
    defects.add_argument("--since", type=moment, help=_SINCE)
    defects.add_argument("--until", type=moment, help=_UNTIL)
    defects.add_argument("--source", action="append", default=[], help=_ONE_SOURCE)
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
    form.add_argument("--json", action="store_true", help=_JSON_LINES)
    form.add_argument("--csv", action="store_true", help="comma-separated, with a header, a row a region")
    defects.add_argument("--bom", action="store_true", help="with --csv: begin with the mark that tells Excel UTF-8")


def _account(commands: _Commands, config: argparse.ArgumentParser) -> None:
    account = commands.add_parser(
        "account", parents=[config], help="sums and gaps of each source; exit 1 if they do not balance",
        description="Sums and gaps of each source; exit 1 if they do not balance. What that proves: each frame that"
        " the source counted is on record, in a gap, or in flight. The source's own sums are held against the rows,"
        " counted as they were written, and against the gaps. What sums cannot show: a frame that the source never"
        " got, and one that is on record twice. The record's key excludes the latter: without it no row is written.",
    )  # fmt: skip
    account.add_argument("--since", type=moment, help="frames and gaps from: 10m, 2h, 1d ago, or 2026-11-24T06:00")
    account.add_argument("--until", type=moment, help=_UNTIL)
    for option, name in (("--from", "since"), ("--to", "until")):  # what version 0.1 called them
        account.add_argument(option, dest=name, type=moment, help=argparse.SUPPRESS)
    account.add_argument("--source", action="append", default=[], help=_ONE_SOURCE)
    account.add_argument("--piece", help="how much of this coil, plate or lot was inspected; exit 1 if not all of it")
    account.add_argument("--json", action="store_true", help=_JSON)


def _rules(commands: _Commands, config: argparse.ArgumentParser) -> None:
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
    grade.add_argument("--json", action="store_true", help=_JSON)


def _paper(commands: _Commands, config: argparse.ArgumentParser) -> None:
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


def _piece(commands: _Commands, config: argparse.ArgumentParser) -> None:
    piece = commands.add_parser(
        "piece", parents=[config], help="say which coil, plate or lot is on the line; alone: list the last ones"
    )
    piece.add_argument("action", nargs="?", choices=["start", "stop"], help="it is on the line from now on; none is")
    piece.add_argument("piece", nargs="?", metavar="name", help="what it is called, for start")
    piece.add_argument("--grade", default="", help="its steel grade, for start: the recipe that lists it decides")
    piece.add_argument("--recipe", default="", help="the recipe that decides, whatever the grade, for start")
    piece.add_argument("--json", action="store_true", help=_JSON)


def _optics(commands: _Commands, config: argparse.ArgumentParser) -> None:
    optics = commands.add_parser(
        "optics",
        parents=[config],
        help="are the pictures good? figures of each source against what is usual; exit 1: no",
    )
    optics.add_argument("--since", type=moment, help="trend and troubles from: 12h, 90d ago; default: 1d")
    optics.add_argument("--source", action="append", default=[], help=_ONE_SOURCE)
    optics.add_argument(
        "--learn", action="append", default=[], metavar="SOURCE",
        help="learn anew what is usual, from its next pictures: after cleaning, or with another camera or lens",
    )  # fmt: skip
    optics.add_argument("--json", action="store_true", help=_JSON)


def _pins(commands: _Commands, config: argparse.ArgumentParser) -> None:
    pin = commands.add_parser(
        "pin", parents=[config], help="keep evidence and records in dispute, whatever their age; alone: list the pins"
    )
    pin.add_argument("--source", help="only of this source")
    pin.add_argument("--since", type=moment, help="captured from: 2h, 1d ago, or 2026-11-24T06:00")
    pin.add_argument("--until", type=moment, help="captured up to, in the same forms")
    pin.add_argument("--name", help="only frames of this name, a pattern such as 'coil-4711/*'")
    pin.add_argument("--json", action="store_true", help=_JSON)

    unpin = commands.add_parser("unpin", parents=[config], help="let go of what a pin holds")
    unpin.add_argument("pin", type=int, help="its number, as `inspector pin` lists it")


def _labels(commands: _Commands, config: argparse.ArgumentParser) -> None:
    label = commands.add_parser(
        "label", parents=[config],
        help="say what frames show, with your name; it is kept for ever, and the model learns from it",
    )  # fmt: skip
    label.add_argument("frames", nargs="*", metavar="frame", help="numbers of records, or names of frames")
    label.add_argument("--as", dest="label", metavar="LABEL", help="what it is: a label of the line, or ok")
    label.add_argument("--by", required=True, metavar="NAME", help="who says so")
    label.add_argument(
        "--region",
        type=_region,
        metavar="N",
        help="only this region: its number, or X,Y,WIDTH,HEIGHT in px",
    )
    label.add_argument("--note", default="", help="why, in a few words")
    label.add_argument("--new-label", action="store_true", help="the line does not know the label, and it is meant")
    label.add_argument("--adjudicate", action="store_true", help="decide where people differ")
    label.add_argument("--undo", type=int, metavar="NUMBER", help="take this label back")
    label.add_argument("--json", action="store_true", help=_JSON_LINES)

    labels = commands.add_parser("labels", parents=[config], help="list what people said of frames")
    labels.add_argument("--since", type=moment, help="given from: 10m, 2h, 1d ago, or 2026-11-24T06:00")
    labels.add_argument("--until", type=moment, help=_UNTIL)
    labels.add_argument("--source", action="append", default=[], help=_ONE_SOURCE)
    labels.add_argument("--label", action="append", default=[], help="only this label; may be repeated")
    labels.add_argument("--by", action="append", default=[], metavar="NAME", help="of this person; may be repeated")
    form = labels.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=_JSON_LINES)
    form.add_argument("--csv", action="store_true", help="comma-separated, with a header")
    labels.add_argument("--bom", action="store_true", help="with --csv: begin with the mark that tells Excel UTF-8")


def _models(commands: _Commands, config: argparse.ArgumentParser) -> None:
    model = commands.add_parser("model", help="the models of the line: import, list, compare, reject")
    actions = model.add_subparsers(dest="action", required=True, metavar="action")

    def action(name: str, help: str, *arguments: str, changes: bool = False) -> argparse.ArgumentParser:
        added = actions.add_parser(name, parents=[config], help=help)
        for argument in arguments:
            added.add_argument(argument, help="its id, or how its address begins")
        if changes:
            added.add_argument("--by", default="", metavar="NAME", help="who does it; default: you")
            added.add_argument("--why", default="", help="the reason, which stands in the history")
        added.add_argument("--json", action="store_true", help=_JSON)
        return added

    action("import", "copy a bundle into the line's own folder", changes=True).add_argument(
        "folder", type=Path, metavar="FOLDER", help="what `trainer export` wrote"
    )
    action("list", "every model that the line knows, and what it is now")
    action("show", "one model: its labels, its figures, what became of it", "model")
    action("history", "what became of models, by whom and why").add_argument(
        "model", nargs="?", help="only of this one"
    )
    action("diff", "how a model differs from another: labels, thresholds, figures", "before", "after")
    action("reject", "keep a model from serving", "model", changes=True)
    action("readmit", "let a model serve again that was rejected or rolled back", "model", changes=True)


def _retry(commands: _Commands, config: argparse.ArgumentParser) -> None:
    retry = commands.add_parser(
        "retry", parents=[config], help="put files of failed/ back into the drop folder; exit 1 if one could not be"
    )
    retry.add_argument("patterns", nargs="*", metavar="pattern", help="only these, such as 'coil-4711/*'; none: all")
    retry.add_argument("--source", action="append", default=[], help=_ONE_SOURCE)
    retry.add_argument("--json", action="store_true", help=_JSON_LINES)


def _backup(commands: _Commands, config: argparse.ArgumentParser) -> None:
    backup = commands.add_parser(
        "backup", parents=[config], help="copy the record, while the line runs or not; evidence is not in it"
    )
    backup.add_argument("--to", type=Path, metavar="FILE", required=True, help="a new file; none is overwritten")

    restore = commands.add_parser(
        "restore", parents=[config], help="put a copy of the record back, while the line is stopped"
    )
    restore.add_argument("copy", type=Path, metavar="FILE", help="what `inspector backup` wrote")


def _host(commands: _Commands) -> None:
    keys = commands.add_parser("keys", help="make the keys for a push source that other machines may reach")
    keys.add_argument("folder", type=Path, metavar="DIR", help="where to; it is made, for you alone")
    keys.add_argument(
        "--client", type=_key_name, default="client", metavar="NAME", help="one name for each machine; default: client"
    )

    cameras = commands.add_parser("cameras", help="list the cameras that are here, and the address to write for each")
    cameras.add_argument("--json", action="store_true", help=_JSON)
    commands.add_parser("settings", help="every setting: default, bounds and what it does")

    examples = commands.add_parser("examples", help="copy the example configs and the push client into a folder")
    examples.add_argument("folder", type=Path, metavar="DIR", help="where to; a file that is there stays as it is")


def _region(text: str) -> int | tuple[int, ...]:
    parts = text.split(",")
    if len(parts) not in (1, 4) or not all(re.fullmatch(r"\d{1,9}", part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: write the number of a region, or X,Y,WIDTH,HEIGHT in pixels")
    return int(parts[0]) if len(parts) == 1 else tuple(map(int, parts))


def _key_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", text) or text == "server":
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits, - and _ are right, and not the name server")
    return text


def moment(text: str) -> float:
    """Seconds since 1970 of "10m" (ago) or of an ISO time, local unless it names its zone."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return time.time() - float(match[1]) * _UNITS_S[match[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write 10m, 2h, 1d or 2026-11-24T06:00") from None
