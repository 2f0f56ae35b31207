"""Owns the `inspector` command: what each subcommand takes, prints and exits with."""

import argparse
import csv
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from inspector import __version__
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.config import Settings
    from inspector.pins import Pin
    from inspector.record import Record

#: 0: done. 1: the answer is no (sums that do not balance). 2: a config, bundle or command that cannot be used.
#: `run`: 3: stopped by force; 4: every process of a role was given up: see supervisor.
#: `status`: 3: the line does not run, as `systemctl status` has it.
EXIT_OK, EXIT_NO, EXIT_UNUSABLE, EXIT_NOT_RUNNING = 0, 1, 2, 3

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of the console command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except InspectorError as error:
        print(f"inspector: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `| head` has seen enough
        return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inspector", description="Inspects steel strip: every frame is inspected, or on record as not inspected."
    )
    parser.add_argument("--version", action="version", version=f"inspector {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    config = argparse.ArgumentParser(add_help=False)
    config.add_argument("-c", "--config", type=Path, required=True, help="the line's YAML file")
    config.add_argument(
        "-o", "--override", action="append", default=[], metavar="KEY=VALUE",
        help="lay a setting over file and environment, for example workers.count=4 or sources.drop.path=/mnt/drop",
    )  # fmt: skip

    run = commands.add_parser("run", parents=[config], help="run the line until SIGTERM; a second one forces")
    run.set_defaults(run=_run)

    check = commands.add_parser("check", parents=[config], help="validate a config and its bundle without starting")
    check.set_defaults(run=_check)

    demo = commands.add_parser("demo", parents=[config], help="run the line and show it live")
    demo.add_argument("--seconds", type=float, help="end by itself after so long")
    demo.set_defaults(run=_demo)

    status = commands.add_parser(
        "status", parents=[config], help="how the line is: exit 0 ready, 1 running but not ready, 3 not running"
    )
    status.add_argument("--json", action="store_true", help="for machines")
    status.set_defaults(run=_status)

    defects = commands.add_parser(
        "defects", parents=[config], help="list or export records: defects unless told otherwise"
    )
    defects.add_argument("--since", type=_moment, help="from: 10m, 2h, 1d ago, or 2026-11-24T06:00")
    defects.add_argument("--until", type=_moment, help="up to, in the same forms")
    defects.add_argument("--source", action="append", default=[], help="only of this source; may be repeated")
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
    defects.add_argument("--limit", type=int, help="at most so many, newest first (a table shows 50)")
    form = defects.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--csv", action="store_true", help="comma-separated, with a header")
    defects.set_defaults(run=_defects)

    account = commands.add_parser(
        "account", parents=[config], help="sums and gaps of each source; exit 1 if they do not balance",
        description="Sums and gaps of each source; exit 1 if they do not balance. What that proves: each frame that"
        " the source counted is on record, in a gap, or in flight. The source's own sums are held against the rows,"
        " counted as they were written, and against the gaps. What sums cannot show: a frame that the source never"
        " got, and one that is on record twice. The record's key excludes the latter: without it no row is written.",
    )  # fmt: skip
    account.add_argument(
        "--from", dest="since", type=_moment, help="frames and gaps of this time; 10m, 2026-11-24T06:00"
    )
    account.add_argument("--to", dest="until", type=_moment, help="and up to this, in the same forms")
    account.add_argument("--source", action="append", default=[], help="only of this source; may be repeated")
    account.add_argument("--piece", help="how much of this coil, plate or lot was inspected; exit 1 if not all of it")
    account.add_argument("--json", action="store_true", help="for machines")
    account.set_defaults(run=_account)

    drawing = commands.add_parser(
        "map", parents=[config], help="draw a coil, plate or lot with its defects, and what was not inspected, as SVG"
    )
    drawing.add_argument("piece", help="its name")
    drawing.add_argument("--to", type=Path, metavar="FILE", help="default: NAME.svg here")
    drawing.set_defaults(run=_map)

    piece = commands.add_parser(
        "piece", parents=[config], help="say which coil, plate or lot is on the line; alone: list the last ones"
    )
    piece.add_argument("action", nargs="?", choices=["start", "stop"], help="it is on the line from now on; none is")
    piece.add_argument("piece", nargs="?", metavar="name", help="what it is called, for start")
    piece.add_argument("--json", action="store_true", help="for machines")
    piece.set_defaults(run=_pieces)

    pin = commands.add_parser(
        "pin", parents=[config], help="keep evidence and records in dispute, whatever their age; alone: list the pins"
    )
    pin.add_argument("--source", help="only of this source")
    pin.add_argument("--since", type=_moment, help="captured from: 2h, 1d ago, or 2026-11-24T06:00")
    pin.add_argument("--until", type=_moment, help="captured up to, in the same forms")
    pin.add_argument("--name", help="only frames of this name, a pattern such as 'coil-4711/*'")
    pin.add_argument("--json", action="store_true", help="for machines")
    pin.set_defaults(run=_pin)

    unpin = commands.add_parser("unpin", parents=[config], help="let go of what a pin holds")
    unpin.add_argument("pin", type=int, help="its number, as `inspector pin` lists it")
    unpin.set_defaults(run=_unpin)

    retry = commands.add_parser(
        "retry", parents=[config], help="put files of failed/ back into the drop folder; exit 1 if one could not be"
    )
    retry.add_argument("patterns", nargs="*", metavar="pattern", help="only these, such as 'coil-4711/*'; none: all")
    retry.add_argument("--source", action="append", default=[], help="only of this source; may be repeated")
    retry.add_argument("--json", action="store_true", help="one JSON object a line")
    retry.set_defaults(run=_retry)

    settings = commands.add_parser("settings", help="every setting: default, bounds and what it does")
    settings.set_defaults(run=_settings)
    return parser


def _run(options: argparse.Namespace) -> int:
    from inspector import bundle, config, log
    from inspector.supervisor import Supervisor

    def load() -> config.Settings:
        settings = config.load(options.config, options.override)
        config.pin_thresholds(settings, bundle.load(settings.bundle_path).labels)
        return settings

    settings = load()
    log.setup("supervisor", settings.log_level)
    return Supervisor(settings, load).run()


def _check(options: argparse.Namespace) -> int:
    from inspector import bundle, config, disk

    settings = config.load(options.config, options.override)
    model = bundle.load(settings.bundle_path)
    config.pin_thresholds(settings, model.labels)
    print(f"{options.config}: good")
    share = disk.network_file_system(settings.data)
    warning = f"  (on {share}: a record on a network share may be damaged; use a disk of this machine)" if share else ""
    print(f"  data     {settings.data.absolute()}{warning}")
    print(f"  bundle   {model.id}: {', '.join(label.name for label in model.labels)}")
    if rolling := model.manifest.input.rolling:
        print(f"           made of strip that runs {rolling}ly in the picture: mount the camera so")
    for source in settings.sources:
        print(f"  source   {source.name}: {source.type}")
    workers = settings.workers
    print(f"  workers  {workers.count} of {workers.threads} threads, batches up to {workers.max_batch}")
    exposed = f"  ({settings.metrics.exposed})" if settings.metrics.exposed else ""
    print(f"  metrics  http://{settings.metrics.host}:{settings.metrics.port}/metrics{exposed}")
    return EXIT_OK


def _demo(options: argparse.Namespace) -> int:
    from inspector import config, demo

    settings = config.load(options.config, options.override)
    return demo.run(options.config, options.override, settings, options.seconds, Console())


def _status(options: argparse.Namespace) -> int:
    from inspector import config, status

    now = status.look(config.load(options.config, options.override))
    if options.json:
        print(status.to_json(now))
    else:
        Console().print(status.draw(now))
    return EXIT_OK if now.ready else EXIT_NO if now.running else EXIT_NOT_RUNNING


def _defects(options: argparse.Namespace) -> int:
    from inspector import config, pieces
    from inspector.query import Query
    from inspector.record import Record, to_json
    from inspector.screen import listing
    from inspector.store import Store

    if options.piece and not options.verdict:
        return _defects_of_piece(options)
    settings = config.load(options.config, options.override)
    verdicts = options.verdict or ["defect"]
    table = not (options.json or options.csv)
    query = Query(
        since=options.since,
        until=options.until,
        sources=options.source,
        labels=options.label,
        outcomes=[] if "all" in verdicts else verdicts,
        models=options.model,
        limit=50 if table and options.limit is None else options.limit,
    )
    store = Store(settings.data, read_only=True)
    if options.piece:
        query = replace(query, piece=pieces.find(store, options.piece).id)
    records = store.records(query)
    if options.draw:
        records = _drawn(records, options.draw)
    if options.json:
        for record in records:
            print(to_json(record))
    elif options.csv:
        _print_csv(Record, records)
    else:
        Console().print(listing(records, full=True))
    store.close()
    return EXIT_OK


def _defects_of_piece(options: argparse.Namespace) -> int:
    from inspector import config, defects, pieces, screen
    from inspector.errors import ConfigError
    from inspector.store import Store

    if any((options.since, options.until, options.model, options.draw)):
        raise ConfigError("defects: --piece takes --source, --label and --limit; for its frames add --verdict defect")
    settings = config.load(options.config, options.override)
    sources = _known(options.source, settings)
    store = Store(settings.data, read_only=True)
    found = [
        one
        for one in defects.of(store, pieces.find(store, options.piece))
        if one.source in (sources or [one.source]) and one.label in (options.label or [one.label])
    ]
    store.close()
    if options.json:
        for one in found[: options.limit]:
            print(msgspec.json.encode(one).decode())
    elif options.csv:
        _print_csv(defects.Defect, found[: options.limit])
    else:
        shown = found[: 50 if options.limit is None else options.limit]
        Console().print(screen.defect_list(shown))
        print(f"{len(found)} defects{f', {len(shown)} of them shown' if len(shown) < len(found) else ''}")
    return EXIT_OK


def _drawn(records: Iterable["Record"], folder: Path) -> Iterator["Record"]:
    """The records as they pass, each drawn into the folder if its picture is kept; says how many at the end."""
    from inspector import sketch

    drawn, without = 0, 0
    for record in records:
        path = sketch.save(record, folder)
        drawn, without = drawn + (path is not None), without + (path is None)
        yield record
    print(f"{drawn} pictures in {folder}, {without} records without one", file=sys.stderr)


def _account(options: argparse.Namespace) -> int:
    from inspector import config, screen
    from inspector.gaps import silence
    from inspector.query import Query
    from inspector.store import Store

    if options.piece:
        return _account_of_piece(options)
    settings = config.load(options.config, options.override)
    query = Query(since=options.since, until=options.until, sources=_known(options.source, settings))
    store = Store(settings.data, read_only=True)
    accounts = [account for account in store.accounts() if account.source in (query.sources or [account.source])]
    window = None if query.since is None and query.until is None else store.recorded_within(query)
    gaps = store.gaps(query)
    store.close()
    now = time.time()
    open_gaps = [silence(account.tally, now) for account in accounts if account.tally]
    gaps += [gap for gap in open_gaps if gap and (query.until is None or gap.began_at < query.until)]
    unbalanced = [account.source for account in accounts if not account.balanced]
    if options.json:
        print(screen.accounts_json(accounts, gaps, window))
        return EXIT_NO if unbalanced else EXIT_OK
    console = Console()
    console.print(screen.sums(accounts))
    if window is not None:
        console.print("\ncaptured in that time:", screen.within(window, gaps))
    console.print("\nnot inspected:" if gaps else "\nno gaps", screen.gap_list(gaps) if gaps else "")
    print(f"does not balance: {', '.join(unbalanced)}" if unbalanced else "balanced")
    return EXIT_NO if unbalanced else EXIT_OK


def _account_of_piece(options: argparse.Namespace) -> int:
    """How much of a piece was inspected, and the line's gaps while it was there."""
    from inspector import config, coverage, pieces, screen
    from inspector.errors import ConfigError
    from inspector.query import Query
    from inspector.store import Store

    if options.since is not None or options.until is not None:
        raise ConfigError("account: --piece has its own times: leave --from and --to out")
    settings = config.load(options.config, options.override)
    sources = _known(options.source, settings)
    store = Store(settings.data, read_only=True)
    piece = pieces.find(store, options.piece)
    shares = [share for share in coverage.of(store, piece) if share.source in (sources or [share.source])]
    gaps = store.gaps(Query(since=piece.began_at, until=piece.ended_at, sources=sources))
    store.close()
    if options.json:
        print(msgspec.json.encode({"piece": piece, "sources": shares, "gaps": gaps}).decode())
    else:
        screen.print_piece(Console(), piece, shares, gaps)
    return EXIT_OK if shares and all(share.whole for share in shares) else EXIT_NO


def _map(options: argparse.Namespace) -> int:
    from inspector import coil_map, config, coverage, defects, pieces
    from inspector.errors import ConfigError
    from inspector.store import Store

    settings = config.load(options.config, options.override)
    store = Store(settings.data, read_only=True)
    piece = pieces.find(store, options.piece)
    sizes = {source.name: source.place.mm_per_px or 0.0 for source in settings.sources}
    drawn = coil_map.draw(piece, coverage.of(store, piece), defects.of(store, piece), sizes)
    store.close()
    path = options.to or Path(coil_map.file_name(piece))
    try:
        path.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--to {path}: {error.strerror}") from None
    print(path)
    return EXIT_OK


def _pieces(options: argparse.Namespace) -> int:
    from inspector import config, pieces, screen
    from inspector.errors import ConfigError
    from inspector.store import Store

    if (options.action == "start") != (options.piece is not None):
        raise ConfigError("piece: write `piece start NAME`, `piece stop`, or `piece` alone")
    settings = config.load(options.config, options.override)
    store = Store(settings.data, read_only=options.action is None)
    if options.action is None:
        chosen = list(pieces.latest(store, 20))
    else:
        with store.transaction() as cursor:
            now = time.time()
            changed = pieces.start(cursor, options.piece, now) if options.piece else pieces.stop(cursor, now)
        chosen = [changed] if changed else []
    store.close()
    for piece in chosen:
        print(msgspec.json.encode(piece).decode() if options.json else screen.piece_line(piece))
    if options.action == "stop" and not chosen:
        print("no piece is on the line", file=sys.stderr)
    return EXIT_OK


def _known(names: list[str], settings: "Settings") -> list[str]:
    """ConfigError for a source that the line does not have: an empty answer would look like a good one."""
    from inspector.errors import ConfigError

    there_are = [source.name for source in settings.sources]
    for name in names:
        if name not in there_are:
            raise ConfigError(f"--source {name}: the line has no such source; it has {', '.join(there_are)}")
    return names


def _pin(options: argparse.Namespace) -> int:
    from inspector import config, pins
    from inspector.store import Store

    settings = config.load(options.config, options.override)
    lists = not any((options.source, options.since, options.until, options.name))
    store = Store(settings.data, read_only=lists)
    if lists:
        chosen = list(pins.every(store))
    else:
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
    from inspector import config, pins
    from inspector.store import Store

    store = Store(config.load(options.config, options.override).data)
    pins.remove(store, options.pin)
    store.close()
    print(f"pin {options.pin} is gone: what it held goes when its turn comes")
    return EXIT_OK


def _retry(options: argparse.Namespace) -> int:
    from inspector import config
    from inspector.retry import put_back

    settings = config.load(options.config, options.override)
    chosen = _known(options.source, settings) or [source.name for source in settings.sources]
    folders = [one for one in settings.sources if isinstance(one, config.FolderSource) and one.name in chosen]
    back, left = 0, 0
    for folder in folders:
        for one in put_back(folder, options.patterns):
            back, left = back + (not one.problem), left + bool(one.problem)
            if options.json:
                print(msgspec.json.encode(one).decode())
            else:
                print(f"left in failed/: {one.problem}" if one.problem else f"back: {one.source}: {one.name!r}")
    if not options.json:
        print(f"{back} files put back, {left} left where they are")
    return EXIT_NO if left else EXIT_OK


def _settings(_: argparse.Namespace) -> int:
    from inspector.config import describe

    for key, default, text in describe():
        print(f"{key:34} {default:12} {text}")
    return EXIT_OK


def _print_csv(kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(kind.__struct_fields__)
    for row in rows:
        cells = (getattr(row, name) for name in kind.__struct_fields__)
        writer.writerow(msgspec.json.encode(cell).decode() if isinstance(cell, list) else cell for cell in cells)


def _moment(text: str) -> float:
    """Seconds since 1970 of "10m" (ago) or of an ISO time, local unless it names its zone."""
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return time.time() - float(match[1]) * _UNITS_S[match[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write 10m, 2h, 1d or 2026-11-24T06:00") from None
