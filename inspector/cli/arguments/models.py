"""Owns the options of `inspector model`: the models of the line, and which one decides."""

import argparse
import re
from pathlib import Path

from inspector.cli.arguments.options import JSON, JSON_LINES, Commands, moment


def add(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add the command; `config` has the options that choose the line."""
    model = commands.add_parser("model", help="the models of the line: import, check, compare, approve, reject")
    actions = model.add_subparsers(dest="action", required=True, metavar="action")

    def action(name: str, help: str, *arguments: str, changes: bool = False) -> argparse.ArgumentParser:
        added = actions.add_parser(name, parents=[config], help=help)
        for argument in arguments:
            added.add_argument(argument, help="its id, or how its address begins")
        if changes:
            added.add_argument("--by", default="", metavar="NAME", help="who does it; default: you")
            added.add_argument("--why", default="", help="the reason, which stands in the history")
        added.add_argument("--json", action="store_true", help=JSON)
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
    checked = action("check", "try a model on the line's own pictures, beside the line", "model")
    checked.add_argument("--by", default="", metavar="NAME", help="who does it; default: you")
    checked.add_argument("--since", type=moment, help="kept frames captured from: 30d ago, or 2026-11-24T06:00")
    checked.add_argument("--limit", type=_count, default=2000, help="at most this many kept frames (2000)")
    action("gate", "every condition under which a model may serve, with its figure", "model")
    approved = action("approve", "let a model serve that passes its gates", "model", changes=True)
    approved.add_argument("--force", action="store_true", help="also where a gate is not passed; it is on record")
    tried = action("shadow", "try a model on live frames, at idle priority, without deciding", "model", changes=True)
    tried.add_argument("--stop", action="store_true", help="end the trial")
    action("agreement", "how a model in shadow agrees with what decided", "model")
    _golden(actions, config)


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,7}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: write a whole number, 0 or more")
    return int(text)


def _golden(actions: Commands, config: argparse.ArgumentParser) -> None:
    golden = actions.add_parser("golden", help="labelled frames that no model of the line may forget")
    frames = golden.add_subparsers(dest="golden", required=True, metavar="action")
    added = frames.add_parser("add", parents=[config], help="freeze labelled frames, with picture and label, for ever")
    added.add_argument("frames", nargs="+", metavar="frame", help="numbers of records, or names of frames")
    added.add_argument("--why", default="", help="why no model may forget them")
    removed = frames.add_parser("remove", parents=[config], help="take frames out of the set; its history keeps them")
    removed.add_argument("numbers", nargs="+", type=int, metavar="number", help="their numbers in the set")
    removed.add_argument("--why", required=True, help="the reason, which stands in the history")
    for parser in (added, removed):
        parser.add_argument("--by", required=True, metavar="NAME", help="who does it")
    listed = frames.add_parser("list", parents=[config], help="list the frames in the set")
    for parser in (added, removed, listed):
        parser.add_argument("--json", action="store_true", help=JSON_LINES)
