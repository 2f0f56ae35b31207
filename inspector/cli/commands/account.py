"""Owns the command `account`: the sums of sources, what was not inspected, and how much of a piece was."""

import argparse
from collections.abc import Mapping, Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from inspector.answers import account
from inspector.answers.account import (
    AccountQuestion,
    LineAccount,
    PieceAccount,
    PieceAccountQuestion,
    Stretch,
)
from inspector.cli import config
from inspector.cli.commands import pieces
from inspector.cli.terminal import Grid, moment, show
from inspector.errors import ConfigError
from inspector.host.printable import printable
from inspector.record.gaps import Gap
from inspector.record.sums.accounts import Account
from inspector.vocabulary import OUTCOMES, Outcome


def run(options: argparse.Namespace) -> bool:
    """Show sums and gaps; return whether they balance, or with `--piece` whether all of the piece was inspected."""
    if options.piece:
        return _of_piece(options)
    with config.record(options) as line:
        question = AccountQuestion(since=options.since, until=options.until, sources=options.source)
        answer = account.of_line(line, question)
    if options.json:
        print(account.to_json(answer))
    else:
        _draw_line(answer)
    return not answer.unbalanced


def _of_piece(options: argparse.Namespace) -> bool:
    if options.since is not None or options.until is not None:
        raise ConfigError("account: --piece has its own times: leave --since and --until out")
    with config.record(options) as line:
        answer = account.of_piece(line, PieceAccountQuestion(piece=options.piece, sources=options.source))
    if options.json:
        print(msgspec.json.encode(answer).decode())
    else:
        _draw_piece(answer)
    return answer.whole


def _draw_line(answer: LineAccount) -> None:
    show(sums(answer.accounts))
    if answer.window is not None:
        show("\ncaptured in that time:", _within(answer.window, answer.gaps))
    show(*(("\nnot inspected:", _gap_list(answer.gaps)) if answer.gaps else ("\nno gaps",)))
    print(f"does not balance: {', '.join(answer.unbalanced)}" if answer.unbalanced else "balanced")


def sums(accounts: Sequence[Account], rates: Mapping[str, float] | None = None) -> Table:
    """Return the sums, a row a source: captured = ok + defect + unsure + error + dropped + in flight."""
    table = Grid()
    table.outcome_columns(("captured", *OUTCOMES, "dropped", "in flight", *(["per second"] if rates else [])))
    for one in accounts:
        tally = one.tally
        counts = tally.outcomes if tally else one.recorded
        cells = [
            one.source,
            str(tally.captured if tally else 0),
            *(str(counts.get(outcome, 0)) for outcome in OUTCOMES),
            _dropped(tally.dropped if tally else {}),
            str(tally.in_flight if tally else 0),
        ]
        table.add_row(*cells, *([f"{rates.get(one.source, 0):.1f}"] if rates else []))
    return table


def _within(window: Mapping[str, Mapping[Outcome, int]], gaps: Sequence[Gap]) -> Table:
    """Return how many frames captured within a time are on record and in gaps, a row a source."""
    table = Grid()
    table.outcome_columns((*OUTCOMES, "not inspected"))
    for source in sorted({*window, *(gap.source for gap in gaps)}):
        counts = window.get(source, {})
        missed = sum(gap.frames for gap in gaps if gap.source == source)
        table.add_row(source, *(str(counts.get(outcome, 0)) for outcome in OUTCOMES), str(missed))
    return table


def _gap_list(gaps: Sequence[Gap]) -> Table:
    """Return what was not inspected, a row a gap; without a number of frames if that is unknown."""
    table = Grid()
    for column in ("source", "from", "to", "frames", "reason"):
        table.column(column, right=column == "frames")
    for gap in gaps:
        reason = f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
        until = "now" if gap.state == "open" else moment(gap.ended_at)
        began = moment(gap.began_at) if gap.began_at else "unknown"
        table.add_row(gap.source, began, until, str(gap.frames or "?"), Text(printable(reason)))
    return table


def _draw_piece(answer: PieceAccount) -> None:
    show(Text(pieces.sentence(answer.piece)))
    table = Grid()
    table.outcome_columns((*OUTCOMES, "seen", "in doubt", "without a place"))
    for share in answer.sources:
        counts = (str(share.outcomes[outcome]) for outcome in OUTCOMES)
        seen, in_doubt = _metres(share.seen) if share.seen else "?", f"{100 * share.in_doubt:.2g} %"
        table.add_row(share.source, *counts, seen, in_doubt, str(share.unplaced))
    show(table if answer.sources else "no frame of it is on record")
    for share in answer.sources:
        for stretch in share.missing:
            show(Text(f"not inspected: {share.source}, {_metres(stretch)}"))
        for stretch in share.twice:
            why = "frames overlap, or the encoder ran backwards"
            show(Text(f"covered twice: {share.source}, {_metres(stretch)}: {why}"))
    if answer.gaps:
        show("\nnot inspected while it was on the line:", _gap_list(answer.gaps))


def _metres(stretch: Stretch) -> str:
    return f"{stretch.from_mm / 1000:.3f} to {stretch.to_mm / 1000:.3f} m"


def _dropped(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "0"
