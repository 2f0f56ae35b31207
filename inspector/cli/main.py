# PYTHON_ARGCOMPLETE_OK
"""Owns what the inspector's commands do: options to calls, answers to text or JSON, errors to a line and exit codes."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import argcomplete
from rich.console import Console

from inspector.cli.arguments import parser
from inspector.errors import InspectorError, QuestionError
from inspector.host.printable import printable
from inspector.settings import config_file

#: 0: done. 1: the answer is no (sums that do not balance). 2: a config, bundle or command that cannot be used.
#: `run`: 3: stopped by force; 4: every process of a role was given up: see supervisor.
#: `status`: 3: the line does not run, as `systemctl status` has it.
EXIT_OK, EXIT_NO, EXIT_UNUSABLE, EXIT_NOT_RUNNING = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of the console command; returns the exit code."""
    commands = parser()
    argcomplete.autocomplete(commands)
    options = commands.parse_args(arguments)
    try:
        if "config" in options and options.command != "demo":
            options.config = config_file.chosen(options.config, os.environ)
        return _COMMANDS[options.command](options)
    except QuestionError as error:
        print(f"inspector: --{printable(str(error))}", file=sys.stderr)  # its fields are called as the options are
        return EXIT_UNUSABLE
    except InspectorError as error:
        for line in str(error).split("\n"):
            print(f"inspector: {printable(line)}", file=sys.stderr)
        return EXIT_UNUSABLE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough
        return EXIT_OK


def _run(options: argparse.Namespace) -> int:
    from inspector.host import log
    from inspector.settings import loading
    from inspector.settings.settings import Settings
    from inspector.supervisor import preflight
    from inspector.supervisor.supervisor import Supervisor

    def load() -> Settings:
        settings = loading.load(options.config, options.override)
        preflight.check_keys(settings)
        return settings

    settings = load()
    log.setup("supervisor", settings.log_level)
    return Supervisor(settings, load).run()


def _check(options: argparse.Namespace) -> int:
    from inspector.settings import loading
    from inspector.supervisor import preflight

    settings = loading.load(options.config, options.override)
    model, tried = preflight.usable(settings)
    print(f"{options.config}: good")
    for line in [*preflight.describe(settings, model, tried), *preflight.samples(settings, options.sample)]:
        print(f"  {line}")
    return EXIT_OK


def _demo(options: argparse.Namespace) -> int:
    from inspector.cli import demo
    from inspector.settings import loading

    if options.config is None:
        options.config, own = demo.shipped(Path.cwd())
        options.override = [*own, *options.override]
    settings = loading.load(options.config, options.override)
    return demo.run(options.config, options.override, settings, options.seconds, Console())


def _status(options: argparse.Namespace) -> int:
    from inspector.answers import status
    from inspector.cli import status_screen, terminal

    now = status.of_config(options.config, options.override)
    if options.json:
        print(status.to_json(now))
    else:
        terminal.show(status_screen.draw(now))
    return EXIT_OK if now.ready else EXIT_NO if now.running else EXIT_NOT_RUNNING


def _defects(options: argparse.Namespace) -> int:
    from inspector.cli import defects

    defects.run(options)
    return EXIT_OK


def _account(options: argparse.Namespace) -> int:
    from inspector.cli import account

    return _exit_code(account.run(options))


def _alarms(options: argparse.Namespace) -> int:
    from inspector.cli import rules

    rules.alarms(options)
    return EXIT_OK


def _grade(options: argparse.Namespace) -> int:
    from inspector.cli import rules

    return _exit_code(rules.grade(options))


def _map(options: argparse.Namespace) -> int:
    from inspector.cli import config
    from inspector.reports import export

    print(export.write_map(config.settings(options), options.piece, options.to))
    return EXIT_OK


def _report(options: argparse.Namespace) -> int:
    from inspector.cli import config
    from inspector.reports import export

    print(export.write_report(config.settings(options), options.piece, options.to))
    return EXIT_OK


def _piece(options: argparse.Namespace) -> int:
    from inspector.cli import pieces

    pieces.run(options)
    return EXIT_OK


def _optics(options: argparse.Namespace) -> int:
    from inspector.cli import optics

    return _exit_code(optics.run(options))


def _pin(options: argparse.Namespace) -> int:
    from inspector.cli import pins

    pins.pin(options)
    return EXIT_OK


def _unpin(options: argparse.Namespace) -> int:
    from inspector.cli import pins

    pins.unpin(options)
    return EXIT_OK


def _label(options: argparse.Namespace) -> int:
    from inspector.cli import labels

    labels.label(options)
    return EXIT_OK


def _labels(options: argparse.Namespace) -> int:
    from inspector.cli import labels

    return _exit_code(labels.listing(options))


def _retry(options: argparse.Namespace) -> int:
    from inspector.cli import files

    return _exit_code(files.retry(options))


def _backup(options: argparse.Namespace) -> int:
    from inspector.cli import files

    files.backup(options)
    return EXIT_OK


def _restore(options: argparse.Namespace) -> int:
    from inspector.cli import files

    files.restore(options)
    return EXIT_OK


def _keys(options: argparse.Namespace) -> int:
    from inspector.protocol import keys

    folder, client = options.folder, options.client
    for path in keys.make(folder, client):
        print(f"new: {path}")
    print("for the line's config, readable by the line's user:")
    print(f"  secret_key: {(folder / 'server.key_secret').absolute()}")
    print(f"  clients: {(folder / 'clients').absolute()}")
    print(f"for the machine of {client}, by a safe way; and there only, {client}.key_secret is not needed here:")
    print(f"  {folder / 'server.key'}\n  {folder / f'{client}.key_secret'}")
    return EXIT_OK


def _cameras(options: argparse.Namespace) -> int:
    from inspector.cli import cameras

    return _exit_code(cameras.run(options))


def _settings(_: argparse.Namespace) -> int:
    from inspector.settings.reference import describe

    for key, default, text in describe():
        print(f"{key:34} {default:12} {text}")
    return EXIT_OK


def _examples(options: argparse.Namespace) -> int:
    for path in config_file.copy_examples(options.folder):
        print(f"new: {path}")
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
