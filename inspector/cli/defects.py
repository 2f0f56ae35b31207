"""Owns what `inspector defects` and `inspector account` answer from the record: as tables, JSON lines or CSV."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from inspector.cli import spreadsheet, tables
from inspector.cli.tables import listing
from inspector.cli.terminal import show
from inspector.errors import ConfigError
from inspector.quality import coverage
from inspector.quality.defects import Defect
from inspector.quality.defects import of as of_piece
from inspector.record import pieces, settings_history
from inspector.record.gaps import silence
from inspector.record.queries import Query
from inspector.record.records import Record, to_json
from inspector.record.store import Store
from inspector.settings import loading
from inspector.settings.mistakes import meant
from inspector.settings.settings import Settings


def defects(options: argparse.Namespace) -> None:
    """Print the records asked for: those of a piece joined, unless its frames are wanted."""
    if options.piece and not options.verdict:
        _defects_of_piece(options)
        return
    settings = loading.load(options.config, options.override)
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
    _check_names(store, settings, options)
    counted = _Counted(store.records(query))
    records = _drawn(counted, options.draw) if options.draw else counted
    if options.json:
        for record in records:
            print(to_json(record))
    elif options.csv:
        spreadsheet.write(Record, records, sys.stdout, options.bom)
    else:
        show(listing(records, full=True))
    if not counted.count:
        print("no record matches", file=sys.stderr)
    store.close()


def _defects_of_piece(options: argparse.Namespace) -> None:
    if any((options.since, options.until, options.model, options.draw)):
        raise ConfigError("defects: --piece takes --source, --label and --limit; for its frames add --verdict defect")
    settings = loading.load(options.config, options.override)
    store = Store(settings.data, read_only=True)
    sources = _check_names(store, settings, options)
    found = [
        one
        for one in of_piece(store, pieces.find(store, options.piece))
        if one.source in (sources or [one.source]) and one.label in (options.label or [one.label])
    ]
    store.close()
    if options.json:
        for one in found[: options.limit]:
            print(msgspec.json.encode(one).decode())
    elif options.csv:
        spreadsheet.write(Defect, found[: options.limit], sys.stdout, options.bom)
    else:
        shown = found[: 50 if options.limit is None else options.limit]
        show(tables.defect_list(shown))
        print(f"{len(found)} defects{f', {len(shown)} of them shown' if len(shown) < len(found) else ''}")


def _drawn(records: Iterable[Record], folder: Path) -> Iterator[Record]:
    """The records as they pass, each drawn into the folder if its picture is kept; says how many at the end."""
    from inspector.reports import annotate

    drawn, without = 0, 0
    for record in records:
        path = annotate.save(record, folder)
        drawn, without = drawn + (path is not None), without + (path is None)
        yield record
    print(f"{drawn} pictures in {folder}, {without} records without one", file=sys.stderr)


def account(options: argparse.Namespace) -> bool:
    """Print sums and gaps; whether they balance, or all of the piece was inspected."""
    if options.piece:
        return _account_of_piece(options)
    settings = loading.load(options.config, options.override)
    query = Query(since=options.since, until=options.until, sources=known(options.source, settings))
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
        print(tables.accounts_json(accounts, gaps, window))
        return not unbalanced
    show(tables.sums(accounts))
    if window is not None:
        show("\ncaptured in that time:", tables.within(window, gaps))
    show(*(("\nnot inspected:", tables.gap_list(gaps)) if gaps else ("\nno gaps",)))
    print(f"does not balance: {', '.join(unbalanced)}" if unbalanced else "balanced")
    return not unbalanced


def _account_of_piece(options: argparse.Namespace) -> bool:
    """How much of a piece was inspected, and the line's gaps while it was there."""
    if options.since is not None or options.until is not None:
        raise ConfigError("account: --piece has its own times: leave --since and --until out")
    settings = loading.load(options.config, options.override)
    sources = known(options.source, settings)
    store = Store(settings.data, read_only=True)
    piece = pieces.find(store, options.piece)
    shares = [share for share in coverage.of(store, piece) if share.source in (sources or [share.source])]
    gaps = store.gaps(Query(since=piece.began_at, until=piece.ended_at, sources=sources))
    store.close()
    if options.json:
        print(msgspec.json.encode({"piece": piece, "sources": shares, "gaps": gaps}).decode())
    else:
        tables.show_piece(piece, shares, gaps)
    return bool(shares) and all(share.whole for share in shares)


def sources_of(store: Store, settings: Settings, names: list[str]) -> list[str]:
    """Return the sources asked for. ConfigError for one that neither the record nor the line has."""
    _check(names, "source", {account.source for account in store.accounts()} | {one.name for one in settings.sources})
    return names


def _check_names(store: Store, settings: Settings, options: argparse.Namespace) -> list[str]:
    """Return the sources asked for. ConfigError for a source, label or model that the record has never heard of."""
    labels, models = settings_history.named(store)
    _check(options.label, "label", labels)
    _check(options.model, "model", models)
    return sources_of(store, settings, list(options.source))


def _check(names: Iterable[str], option: str, there_are: set[str]) -> None:
    for name in names:
        if there_are and name not in there_are:
            known_names = sorted(there_are)
            raise ConfigError(
                f"--{option} {name}: not on record{meant(name, known_names)}; it has {', '.join(known_names)}"
            )


class _Counted(Iterator[Record]):
    """Counts records as they pass."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = iter(records)
        self.count = 0

    def __next__(self) -> Record:
        record = next(self._records)
        self.count += 1
        return record


def known(names: list[str], settings: Settings) -> list[str]:
    """ConfigError for a source that the line does not have: an empty answer would look like a good one."""
    there_are = [source.name for source in settings.sources]
    for name in names:
        if name not in there_are:
            raise ConfigError(f"--source {name}: the line has no such source; it has {', '.join(there_are)}")
    return names
