"""Owns the command `grade`: what a piece is, computed and decided, and the decision of a person."""

import argparse

import msgspec
from rich.text import Text

from inspector.answers import grades
from inspector.answers.grades import GradeAnswer
from inspector.cli import config
from inspector.cli.commands.rules import mark_table
from inspector.cli.terminal import COLOURS, moment, show
from inspector.errors import ConfigError
from inspector.host.printable import printable, printable_json


def run(options: argparse.Namespace) -> bool:
    """Decide if that is asked, and show the grade of a piece; return whether it is not on hold."""
    if not (options.decided or options.undo) and (options.by or options.why):
        raise ConfigError("grade: write `grade PIECE --as GRADE --by NAME --why TEXT`, or --undo for --as")
    with config.record(options) as line:
        if options.decided:
            answer = grades.decide(line, options.piece, options.decided, options.by, options.why)
        elif options.undo:
            answer = grades.undo(line, options.piece, options.by, options.why)
        else:
            answer = grades.of(line, options.piece)
    if options.json:
        print(_json(answer))
    else:
        _show(answer)
    return answer.final != "hold"


def _json(answer: GradeAnswer) -> str:
    """Return the computed grade with its reasons, the decision, and which grade counts."""
    decided = answer.decided
    values = {
        **msgspec.structs.asdict(answer.grade),
        "decision": None if decided is None else decided.decision,
        "unknown_then": [] if decided is None else decided.unknown_then,
        "final": answer.final,
    }
    return printable_json(msgspec.json.encode(values).decode())


def _show(answer: GradeAnswer) -> None:
    computed = answer.grade
    show(Text(printable(f"{computed.piece}: {answer.final}"), style=f"bold {COLOURS[answer.final]}"))
    if decided := answer.decided:
        one = decided.decision
        show(Text(printable(f"  {one.kind} to {one.grade} by {one.person}, {moment(one.at)}: {one.why}")))
        for text in decided.unknown_then:
            show(Text(printable(f"  which does not count any more: unknown then: {text}")))
        show(f"  computed: {computed.grade}")
    for reason in computed.reasons:
        show(Text(printable(f"  {reason.grade}: {reason.text}")))
    if answer.marks:
        show("marks of rolls:", mark_table(answer.marks))
