"""Owns the command `piece`, and the line of text on a piece for other commands."""

import argparse
import sys

import msgspec

from inspector.answers import pieces
from inspector.answers.pieces import Piece, PieceStart
from inspector.cli import config
from inspector.cli.terminal import moment
from inspector.errors import ConfigError
from inspector.host.printable import printable


def run(options: argparse.Namespace) -> None:
    """Start or stop a piece, or list the last ones."""
    name, warnings = options.piece, list[str]()
    if (options.action == "start") != (name is not None) or (name is None and (options.grade or options.recipe)):
        raise ConfigError("piece: write `piece start NAME [--grade GRADE]`, `piece stop`, or `piece` alone")
    match options.action:
        case None:
            with config.record(options) as line:
                shown = pieces.latest(line)
        case "start":
            request = PieceStart(name=name, grade=options.grade, recipe=options.recipe)
            started = pieces.start(config.settings(options), request)
            shown, warnings = [started.piece], started.warnings
        case _:
            ended = pieces.stop(config.settings(options))
            shown = [ended] if ended else []
    for piece in shown:
        print(msgspec.json.encode(piece).decode() if options.json else sentence(piece))
    if not shown:
        warnings = ["no piece is on the line" if options.action else "no piece is on record"]
    for warning in warnings:
        print(warning, file=sys.stderr)


def sentence(piece: Piece) -> str:
    """Return a piece, and when it was on the line, as text."""
    until = "now" if piece.ended_at is None else moment(piece.ended_at)
    named = ", named by its frames" * piece.by_frames
    grade = f", grade {printable(piece.grade)}" if piece.grade else ""
    recipe = f", recipe {piece.recipe}" if piece.recipe else ""
    return f"piece {printable(piece.name)}: from {moment(piece.began_at)} to {until}{named}{grade}{recipe}"
