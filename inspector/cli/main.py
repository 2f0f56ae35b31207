# PYTHON_ARGCOMPLETE_OK
"""Owns the `inspector` command: which function serves a command, and errors as lines and exit codes.

Modules are imported by the command that needs them, so that `--help` and completion are quick.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import argcomplete

from inspector.cli.arguments.parser import parser
from inspector.errors import InspectorError, QuestionError
from inspector.host.printable import printable
from inspector.settings import config_file

#: Exit codes. 0: done. 1: the answer is no, as for sums that do not balance. 2: a config, bundle or command that cannot
#: be used. `run`: 3: stopped by force; 4: every process of a role was given up, see supervisor. `status`: 3: the line
#: does not run, as in `systemctl status`.
EXIT_OK, EXIT_NO, EXIT_UNUSABLE, EXIT_NOT_RUNNING = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console command and return its exit code."""
    commands = parser()
    argcomplete.autocomplete(commands)
    options = commands.parse_args(arguments)
    try:
        if "config" in options and options.command != "demo":
            options.config = config_file.chosen(options.config, os.environ)
        return _COMMANDS[options.command](options)
    except InspectorError as error:
        is_option = isinstance(error, QuestionError) and str(error).split(" ")[0] in options
        for line in str(error).split("\n"):
            print(f"inspector: {'--' * is_option}{printable(line)}", file=sys.stderr)
        return EXIT_UNUSABLE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader is gone, as after `| head`
        return EXIT_OK


def _run(options: argparse.Namespace) -> int:
    from inspector.cli.commands import line

    return line.run(options)


def _check(options: argparse.Namespace) -> int:
    from inspector.cli.commands import line

    line.check(options)
    return EXIT_OK


def _demo(options: argparse.Namespace) -> int:
    from inspector.cli import demo

    return demo.run(options)


def _status(options: argparse.Namespace) -> int:
    from inspector.cli.commands import status

    now = status.run(options)
    return EXIT_OK if now.ready else EXIT_NO if now.running else EXIT_NOT_RUNNING


def _defects(options: argparse.Namespace) -> int:
    from inspector.cli.commands import defects

    defects.run(options)
    return EXIT_OK


def _account(options: argparse.Namespace) -> int:
    from inspector.cli.commands import account

    return _exit_code(account.run(options))


def _alarms(options: argparse.Namespace) -> int:
    from inspector.cli.commands import rules

    rules.alarms(options)
    return EXIT_OK


def _grade(options: argparse.Namespace) -> int:
    from inspector.cli.commands import grades

    return _exit_code(grades.run(options))


def _map(options: argparse.Namespace) -> int:
    from inspector.cli.commands import reports

    reports.map_of_piece(options)
    return EXIT_OK


def _report(options: argparse.Namespace) -> int:
    from inspector.cli.commands import reports

    reports.report(options)
    return EXIT_OK


def _piece(options: argparse.Namespace) -> int:
    from inspector.cli.commands import pieces

    pieces.run(options)
    return EXIT_OK


def _optics(options: argparse.Namespace) -> int:
    from inspector.cli.commands import optics

    return _exit_code(optics.run(options))


def _pin(options: argparse.Namespace) -> int:
    from inspector.cli.commands import pins

    pins.pin(options)
    return EXIT_OK


def _unpin(options: argparse.Namespace) -> int:
    from inspector.cli.commands import pins

    pins.unpin(options)
    return EXIT_OK


def _model(options: argparse.Namespace) -> int:
    from inspector.cli.commands import models

    return _exit_code(models.run(options))


def _quality(options: argparse.Namespace) -> int:
    from inspector.cli.commands.learning import agreement

    agreement.run(options)
    return EXIT_OK


def _review(options: argparse.Namespace) -> int:
    from inspector.cli.commands.learning import review

    review.run(options)
    return EXIT_OK


def _label(options: argparse.Namespace) -> int:
    from inspector.cli.commands.learning import labels

    labels.label(options)
    return EXIT_OK


def _labels(options: argparse.Namespace) -> int:
    from inspector.cli.commands.learning import labels

    return _exit_code(labels.listing(options))


def _retry(options: argparse.Namespace) -> int:
    from inspector.cli.commands import files

    return _exit_code(files.retry(options))


def _backup(options: argparse.Namespace) -> int:
    from inspector.cli.commands import files

    files.back_up(options)
    return EXIT_OK


def _restore(options: argparse.Namespace) -> int:
    from inspector.cli.commands import files

    files.restore(options)
    return EXIT_OK


def _keys(options: argparse.Namespace) -> int:
    from inspector.cli.commands import setup

    setup.keys(options)
    return EXIT_OK


def _cameras(options: argparse.Namespace) -> int:
    from inspector.cli.commands import cameras

    return _exit_code(cameras.run(options))


def _settings(_: argparse.Namespace) -> int:
    from inspector.cli.commands import setup

    setup.settings()
    return EXIT_OK


def _examples(options: argparse.Namespace) -> int:
    from inspector.cli.commands import setup

    setup.examples(options)
    return EXIT_OK


def _exit_code(good: bool) -> int:
    return EXIT_OK if good else EXIT_NO


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "check": _check,
    "demo": _demo,
    "status": _status,
    "defects": _defects,
    "account": _account,
    "alarms": _alarms,
    "grade": _grade,
    "map": _map,
    "report": _report,
    "piece": _piece,
    "optics": _optics,
    "pin": _pin,
    "unpin": _unpin,
    "model": _model,
    "quality": _quality,
    "review": _review,
    "label": _label,
    "labels": _labels,
    "retry": _retry,
    "backup": _backup,
    "restore": _restore,
    "keys": _keys,
    "cameras": _cameras,
    "settings": _settings,
    "examples": _examples,
}
