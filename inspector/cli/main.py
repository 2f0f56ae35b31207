# PYTHON_ARGCOMPLETE_OK
"""Owns what the inspector's commands do: options to calls, answers to text or JSON, errors to a line and exit codes."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import argcomplete
import msgspec
from rich.console import Console

from inspector.cli.arguments import parser
from inspector.errors import InspectorError
from inspector.host.printable import printable
from inspector.settings import config_file

if TYPE_CHECKING:
    from inspector.record.evidence.pins import Pin

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

    defects.defects(options)
    return EXIT_OK


def _account(options: argparse.Namespace) -> int:
    from inspector.cli import defects

    return EXIT_OK if defects.account(options) else EXIT_NO


def _alarms(options: argparse.Namespace) -> int:
    from inspector.cli import quality

    quality.alarms(options)
    return EXIT_OK


def _grade(options: argparse.Namespace) -> int:
    from inspector.cli import quality

    return EXIT_OK if quality.grade(options) else EXIT_NO


def _map(options: argparse.Namespace) -> int:
    from inspector.reports import export
    from inspector.settings.loading import load

    print(export.write_map(load(options.config, options.override), options.piece, options.to))
    return EXIT_OK


def _report(options: argparse.Namespace) -> int:
    from inspector.reports import export
    from inspector.settings.loading import load

    print(export.write_report(load(options.config, options.override), options.piece, options.to))
    return EXIT_OK


def _pieces(options: argparse.Namespace) -> int:
    from inspector.cli import tables
    from inspector.errors import ConfigError
    from inspector.record import pieces
    from inspector.record.store import Store
    from inspector.settings import loading
    from inspector.settings.decisions import recipe_of
    from inspector.sink import maintenance

    name, grade = options.piece, options.grade
    if (options.action == "start") != (name is not None) or (name is None and (grade or options.recipe)):
        raise ConfigError("piece: write `piece start NAME [--grade GRADE]`, `piece stop`, or `piece` alone")
    settings = loading.load(options.config, options.override)
    recipe = recipe_of(settings.recipes, grade, options.recipe)
    store = Store(settings.data, read_only=options.action is None)
    if options.action is None:
        told = list(pieces.latest(store, 20))
    else:
        start = partial(pieces.start, name=name, grade=grade, recipe=recipe)
        changed = pieces.switch(store, pieces.stop if name is None else start)
        told = [changed] if changed else []
        if options.action == "start" and (ahead := pieces.ahead(store, maintenance.known_now(settings.data, store))):
            print(f"warning: {ahead}", file=sys.stderr)
    store.close()
    for piece in told:
        print(msgspec.json.encode(piece).decode() if options.json else tables.piece_line(piece))
    if not told:
        print("no piece is on the line" if options.action else "no piece is on record", file=sys.stderr)
    if grade and settings.recipes and not recipe:
        print(f"no recipe lists grade {grade}: `decision` decides", file=sys.stderr)
    return EXIT_OK


def _optics(options: argparse.Namespace) -> int:
    from inspector.cli import optics

    if options.learn:
        optics.learn(options)
        return EXIT_OK
    return EXIT_OK if optics.answer(options) else EXIT_NO


def _pin(options: argparse.Namespace) -> int:
    from inspector.cli import defects
    from inspector.record.evidence import pins
    from inspector.record.store import Store
    from inspector.settings import loading

    settings = loading.load(options.config, options.override)
    lists = not any((options.source, options.since, options.until, options.name))
    store = Store(settings.data, read_only=lists)
    if lists:
        chosen = list(pins.every(store))
        if not chosen:
            print("nothing is pinned", file=sys.stderr)
    else:
        defects.sources_of(store, settings, [options.source] if options.source else [])
        chosen = [pins.add(store, options.source, options.since, options.until, options.name)]
    for pin in chosen:
        count, size = pins.pictures(store, pin)
        if options.json:
            print(msgspec.json.encode({**msgspec.structs.asdict(pin), "pictures": count, "bytes": size}).decode())
        else:
            print(f"pin {pin.id}: {_pinned(pin)}; {count} pictures, {size / 1e6:.1f} MB by now")
    store.close()
    return EXIT_OK


def _pinned(pin: "Pin") -> str:
    since, until = (at and f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}" for at in (pin.since, pin.until))
    parts = zip(("source ", "from ", "until ", "named "), (pin.source, since, until, pin.name), strict=True)
    return ", ".join(f"{word}{value}" for word, value in parts if value is not None)


def _unpin(options: argparse.Namespace) -> int:
    from inspector.record.evidence import pins
    from inspector.record.store import Store
    from inspector.settings import loading

    store = Store(loading.load(options.config, options.override).data)
    pins.remove(store, options.pin)
    store.close()
    print(f"pin {options.pin} is gone: what it held goes when its turn comes")
    return EXIT_OK


def _retry(options: argparse.Namespace) -> int:
    from inspector.cli import defects
    from inspector.settings import loading
    from inspector.settings.sources.folder import FolderSourceSettings
    from inspector.sources.folder.requeue import put_back

    settings = loading.load(options.config, options.override)
    chosen = defects.known(options.source, settings) or [source.name for source in settings.sources]
    folders = [one for one in settings.sources if isinstance(one, FolderSourceSettings) and one.name in chosen]
    back, left = 0, 0
    for folder in folders:
        for one in put_back(folder, options.patterns):
            back, left = back + (not one.problem), left + bool(one.problem)
            if options.json:
                print(msgspec.json.encode(one).decode())
            else:
                print(f"left in failed/: {one.problem}" if one.problem else f"back: {one.source}: {one.name!r}")
    if not options.json:
        matched = "" if back or left or not options.patterns else "0 files match: "
        print(f"{matched}{back} files put back, {left} left where they are")
    return EXIT_NO if left else EXIT_OK


def _backup(options: argparse.Namespace) -> int:
    from inspector.record.evidence import evidence
    from inspector.record.storage import backup
    from inspector.settings import loading

    data = loading.load(options.config, options.override).data
    size = backup.make(data, options.to)
    print(f"{options.to}: {size / 1e6:.1f} MB, all that is on record now")
    print(f"pictures are not in it: copy {(data / evidence.FOLDER).absolute()} after it, if they are to be kept, too")
    return EXIT_OK


def _restore(options: argparse.Namespace) -> int:
    from inspector.record.storage import backup
    from inspector.settings import loading

    data = loading.load(options.config, options.override).data
    aside = backup.restore(data, options.copy)
    print(f"{options.copy} is the record of {data.absolute()} now; start the line")
    if aside:
        print(f"what was there is kept as {', '.join(path.name for path in aside)}")
    print("what was recorded after the copy is a gap; pictures of it go at the next start: copy them away if needed")
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

    found, troubles = cameras.find()
    if options.json:
        print(msgspec.json.encode(found).decode())
    else:
        cameras.show(Console(), found)
    for trouble in troubles:
        print(f"inspector: {trouble}", file=sys.stderr)
    return EXIT_OK if found else EXIT_NO


def _settings(_: argparse.Namespace) -> int:
    from inspector.settings.reference import describe

    for key, default, text in describe():
        print(f"{key:34} {default:12} {text}")
    return EXIT_OK


def _examples(options: argparse.Namespace) -> int:
    for path in config_file.copy_examples(options.folder):
        print(f"new: {path}")
    return EXIT_OK


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
    "piece": _pieces,
    "optics": _optics,
    "pin": _pin,
    "unpin": _unpin,
    "retry": _retry,
    "backup": _backup,
    "restore": _restore,
    "keys": _keys,
    "cameras": _cameras,
    "settings": _settings,
    "examples": _examples,
}
