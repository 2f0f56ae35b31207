"""Owns the live picture of a running line in a terminal, and its summary at the end. Reads the record, nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import asdict
from rich.table import Table
from rich.text import Text

from inspector.cli.terminal import Grid, show
from inspector.host.printable import printable
from inspector.quality.coverage import Coverage, Stretch
from inspector.quality.defects import Defect
from inspector.record.accounts import Account
from inspector.record.gaps import Gap
from inspector.record.pieces import Piece
from inspector.record.records import Record
from inspector.vocabulary import OUTCOMES, Outcome

_COLOURS = {"ok": "green", "defect": "red", "unsure": "yellow", "error": "magenta"}


def sums(accounts: Sequence[Account], rates: dict[str, float] | None = None) -> Table:
    """The sums of the promise, a row a source: captured = ok + defect + unsure + error + dropped + in flight."""
    table = Grid()
    for column in ("source", "captured", *OUTCOMES, "dropped", "in flight", *(["per second"] if rates else [])):
        table.column(column, right=column != "source", style=_COLOURS.get(column))
    for account in accounts:
        tally = account.tally
        counts = tally.outcomes if tally else account.recorded
        cells = [
            account.source,
            str(tally.captured if tally else 0),
            *(str(counts.get(outcome, 0)) for outcome in OUTCOMES),
            _dropped(tally.dropped if tally else {}),
            str(tally.in_flight if tally else 0),
        ]
        table.add_row(*cells, *([f"{rates.get(account.source, 0):.1f}"] if rates else []))
    return table


def within(window: Mapping[str, Mapping[Outcome, int]], gaps: Sequence[Gap]) -> Table:
    """What is on record of frames captured within a time, and how many frames its gaps hold, a row a source."""
    table = Grid()
    for column in ("source", *OUTCOMES, "not inspected"):
        table.column(column, right=column != "source", style=_COLOURS.get(column))
    for source in sorted({*window, *(gap.source for gap in gaps)}):
        counts = window.get(source, {})
        missed = sum(gap.frames for gap in gaps if gap.source == source)
        table.add_row(source, *(str(counts.get(outcome, 0)) for outcome in OUTCOMES), str(missed))
    return table


def gap_list(gaps: Sequence[Gap]) -> Table:
    """What was not inspected, a row a gap; without a number of frames where nobody knows it."""
    table = Grid()
    for column in ("source", "from", "to", "frames", "reason"):
        table.column(column, right=column == "frames")
    for gap in gaps:
        reason = f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
        until = "now" if gap.state == "open" else moment(gap.ended_at)
        began = moment(gap.began_at) if gap.began_at else "unknown"
        table.add_row(gap.source, began, until, str(gap.frames or "?"), Text(printable(reason)))
    return table


def piece_line(piece: Piece) -> str:
    """A piece and when it was on the line."""
    until = "now" if piece.ended_at is None else moment(piece.ended_at)
    named = ", named by its frames" * piece.by_frames
    grade = f", grade {printable(piece.grade)}" if piece.grade else ""
    recipe = f", recipe {piece.recipe}" if piece.recipe else ""
    return f"piece {printable(piece.name)}: from {moment(piece.began_at)} to {until}{named}{grade}{recipe}"


def show_piece(piece: Piece, shares: Sequence[Coverage], gaps: Sequence[Gap]) -> None:
    """How much of a piece was inspected, and what was not."""
    show(Text(piece_line(piece)))
    table = Grid()
    for column in ("source", *OUTCOMES, "seen", "in doubt", "without a place"):
        table.column(column, right=column != "source", style=_COLOURS.get(column))
    for share in shares:
        counts = (str(share.outcomes[outcome]) for outcome in OUTCOMES)
        seen, in_doubt = _metres(share.seen) if share.seen else "?", f"{100 * share.in_doubt:.2g} %"
        table.add_row(share.source, *counts, seen, in_doubt, str(share.unplaced))
    show(table if shares else "no frame of it is on record")
    for share in shares:
        for stretch in share.missing:
            show(Text(f"not inspected: {share.source}, {_metres(stretch)}"))
        for stretch in share.twice:
            told = f"told twice: {share.source}, {_metres(stretch)}: frames overlap, or the encoder ran backwards"
            show(Text(told))
    if gaps:
        show("\nnot inspected while it was on the line:", gap_list(gaps))


def defect_list(defects: Sequence[Defect]) -> Table:
    """The defects of a piece, a row each: place along and across, size, and its first frame."""
    table = Grid()
    for column in ("source", "along, m", "across, mm", "length, mm", "width, mm", "label", "severity", "score",
                   "frames", "first frame"):  # fmt: skip
        table.column(column, right=column not in ("source", "label", "severity", "first frame"))
    for one in defects:
        along = "?" if one.y_mm is None else f"{one.y_mm / 1000:.3f}"
        sides = ("?" if side is None else f"{side:.0f}" for side in (one.x_mm, one.length_mm, one.width_mm))
        name = Text(printable(one.name))
        cells = (one.label, one.severity, f"{one.score:.3f}", str(one.frames))
        table.add_row(one.source, along, *sides, *map(Text, cells), name)
    return table


def _metres(stretch: Stretch) -> str:
    return f"{stretch.from_mm / 1000:.3f} to {stretch.to_mm / 1000:.3f} m"


def accounts_json(
    accounts: Sequence[Account], gaps: Sequence[Gap], window: Mapping[str, Mapping[Outcome, int]] | None
) -> str:
    """The same for machines: a list, an object a source; `window` holds the records of the time asked for."""
    rows = []
    for account in accounts:
        tally = asdict(account.tally) if account.tally else None
        for internal in ("number", "spans"):
            (tally or {}).pop(internal, None)
        row: dict[str, Any] = {
            "source": account.source,
            "balanced": account.balanced,
            "recorded": account.recorded,
            "tally": tally,
            "gaps": [gap for gap in gaps if gap.source == account.source],
        }
        if window is not None:
            row["window"] = window.get(account.source, dict.fromkeys(OUTCOMES, 0))
        rows.append(row)
    return msgspec.json.encode(rows).decode()


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit: 0.3 s, 12 min, 5 h, 3 d."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.1f} s"


def moment(at: float) -> str:
    """Local time, to the second."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def _dropped(reasons: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "0"


def listing(records: Iterable[Record], full: bool = False) -> Table:
    """Records as a table, a row each; in full with the date and where on the frame the worst of it is."""
    table = Grid()
    region = ["region"] if full else []
    for column in ("time", "source", "frame", "verdict", "label", "severity", "score", *region, "reason"):
        table.column(column, right=column == "score")
    for record in records:
        captured = moment(record.captured_at)[0 if full else 11 :]
        verdict = Text(record.outcome, style=_COLOURS[record.outcome])
        where = [_where(record)] if full else []
        cells = (record.label, record.severity, f"{record.score:.3f}", *where, record.reason)
        # Text: a file may be called [red].bmp, or carry a line break.
        table.add_row(
            captured, record.source, Text(printable(record.name)), verdict, *(Text(printable(cell)) for cell in cells)
        )
    return table


def _where(record: Record) -> str:
    """The worst region, else the largest doubt: where it begins, how large it is, how many more there are.

    In pixels unless mm are known.
    """
    parts = record.regions or record.doubts
    if not parts:
        return ""
    worst, *others = parts
    more = f" +{len(others)}" if others else ""
    if worst["x_mm"] is None or worst["y_mm"] is None:
        return f"{worst['x']},{worst['y']} {worst['width']}x{worst['height']}{more}"
    x_mm, y_mm, width_mm, length_mm = (worst[name] for name in ("x_mm", "y_mm", "width_mm", "length_mm"))
    return f"{x_mm:.0f} mm, {y_mm / 1000:.3f} m: {width_mm:.0f}x{length_mm:.0f} mm{more}"
