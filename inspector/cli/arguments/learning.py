"""Owns the options of commands by which people correct the model."""

import argparse
import re

from inspector.cli.arguments.options import JSON, JSON_LINES, ONE_SOURCE, UNTIL, Commands, moment


def add(commands: Commands, config: argparse.ArgumentParser) -> None:
    """Add these commands; `config` has the options that choose the line."""
    for add in (_review, _labels, _agreement):
        add(commands, config)


def _labels(commands: Commands, config: argparse.ArgumentParser) -> None:
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
    label.add_argument("--json", action="store_true", help=JSON_LINES)

    labels = commands.add_parser("labels", parents=[config], help="list what people said of frames")
    labels.add_argument("--since", type=moment, help="given from: 10m, 2h, 1d ago, or 2026-11-24T06:00")
    labels.add_argument("--until", type=moment, help=UNTIL)
    labels.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    labels.add_argument("--label", action="append", default=[], help="only this label; may be repeated")
    labels.add_argument("--by", action="append", default=[], metavar="NAME", help="of this person; may be repeated")
    form = labels.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=JSON_LINES)
    form.add_argument("--csv", action="store_true", help="comma-separated, with a header")
    labels.add_argument("--bom", action="store_true", help="with --csv: begin with the mark that tells Excel UTF-8")


def _review(commands: Commands, config: argparse.ArgumentParser) -> None:
    review = commands.add_parser("review", parents=[config], help="list the frames that people should look at next")
    review.add_argument("--since", type=moment, help="frames captured from: 2h, 30d ago, or 2026-11-24T06:00")
    review.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    review.add_argument("--limit", type=int, help="at most this many, the most urgent first (a table shows 20)")
    review.add_argument("--json", action="store_true", help=JSON_LINES)


def _agreement(commands: Commands, config: argparse.ArgumentParser) -> None:
    quality = commands.add_parser(
        "quality", parents=[config], help="how far people and model agree: escapes, false alarms, by label and week"
    )
    quality.add_argument("--since", type=moment, help="frames captured from: 30d ago, or 2026-11-24T06:00")
    quality.add_argument("--until", type=moment, help=UNTIL)
    quality.add_argument("--source", action="append", default=[], help=ONE_SOURCE)
    quality.add_argument("--model", help="only decided by this bundle id")
    quality.add_argument("--json", action="store_true", help=JSON)


def _region(text: str) -> int | tuple[int, ...]:
    parts = text.split(",")
    if len(parts) not in (1, 4) or not all(re.fullmatch(r"\d{1,9}", part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: write the number of a region, or X,Y,WIDTH,HEIGHT in pixels")
    return int(parts[0]) if len(parts) == 1 else tuple(map(int, parts))
