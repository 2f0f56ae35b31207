"""Owns what can be typed after `inspector`: the commands, their options, their help."""

import argparse
import re
from pathlib import Path

from inspector import __version__
from inspector.cli.arguments import learning, models, record
from inspector.cli.arguments.options import JSON, JSON_LINES, ONE_SOURCE, Commands
from inspector.settings.config_file import INSTALLED, VARIABLE


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command; parsed, `command` is its name."""
    top = argparse.ArgumentParser(
        prog="inspector", description="Inspects steel strip: every frame is inspected, or on record as not inspected."
    )
    top.add_argument("--version", action="version", version=f"inspector {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    config = _config()
    for add in (_line, record.add, learning.add, models.add, _retry, _backup):
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


def _line(commands: Commands, config: argparse.ArgumentParser) -> None:
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
    status.add_argument("--json", action="store_true", help=JSON)


def _retry(commands: Commands, config: argparse.ArgumentParser) -> None:
    retry = commands.add_parser(
        "retry", parents=[config], help="put files of failed/ back into the drop folder; exit 1 if one could not be"
    )
    retry.add_argument("patterns", nargs="*", metavar="pattern", help="only these, such as 'coil-4711/*'; none: all")
    retry.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    retry.add_argument("--json", action="store_true", help=JSON_LINES)


def _backup(commands: Commands, config: argparse.ArgumentParser) -> None:
    backup = commands.add_parser(
        "backup", parents=[config], help="copy the record, while the line runs or not; evidence is not in it"
    )
    backup.add_argument("--to", type=Path, metavar="FILE", required=True, help="a new file; none is overwritten")

    restore = commands.add_parser(
        "restore", parents=[config], help="put a copy of the record back, while the line is stopped"
    )
    restore.add_argument("copy", type=Path, metavar="FILE", help="what `inspector backup` wrote")


def _host(commands: Commands) -> None:
    keys = commands.add_parser("keys", help="make the keys for a push source that other machines may reach")
    keys.add_argument("folder", type=Path, metavar="DIR", help="where to; it is made, for you alone")
    keys.add_argument(
        "--client", type=_key_name, default="client", metavar="NAME", help="one name for each machine; default: client"
    )

    cameras = commands.add_parser("cameras", help="list the cameras that are here, and the address to write for each")
    cameras.add_argument("--json", action="store_true", help=JSON)
    commands.add_parser("settings", help="every setting: default, bounds and what it does")

    examples = commands.add_parser("examples", help="copy the example configs and the push client into a folder")
    examples.add_argument("folder", type=Path, metavar="DIR", help="where to; a file that is there stays as it is")


def _key_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", text) or text == "server":
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits, - and _ are right, and not the name server")
    return text
