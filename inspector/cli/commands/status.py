"""Owns the command `status`: how the line is, in one screen."""

import argparse
import math
import time
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from inspector.answers.rules import sentence
from inspector.answers.status import DAY_S, LineReport, Loss, ProcessStatus, Status, of_config, to_json
from inspector.cli.commands.account import sums
from inspector.cli.terminal import Grid, show, span
from inspector.host.printable import printable
from inspector.record.evidence.retention import PINNED
from inspector.record.sums.accounts import Account

#: Number of alarms and marks of rolls that are shown; further ones are counted.
_MAX_FOUND = 5


def run(options: argparse.Namespace) -> Status:
    """Show the status of the line, and return it."""
    now = of_config(options.config, options.override)
    if options.json:
        print(to_json(now))
    else:
        show(draw(now))
    return now


def draw(status: Status) -> RenderableType:
    """Return the status as one screen."""
    state = "ready" if status.ready else "running, not ready" if status.running else "not running"
    colour = "green" if status.ready else "yellow" if status.running else "red"
    parts: list[RenderableType] = [Text(state, style=f"bold {colour}")]
    parts += [Text(printable(f"  {problem}")) for problem in status.problems]
    parts += [Text(f"  note: {note}", style="yellow") for note in status.notes]
    parts += [Text(printable(f"  {sentence(one)}"), style="red") for one in status.found[:_MAX_FOUND]]
    if (more := len(status.found) - _MAX_FOUND) > 0:
        parts.append(Text(f"  and {more} more alarms and marks: inspector alarms", style="red"))
    if status.report:
        parts.append(Panel(_processes(status.report.processes), title="processes", title_align="left"))
    title = "sources" if status.running else "sources, when it last ran"
    tables = [sums(status.accounts), *([_sources(status.report, status)] if status.report else [])]
    parts.append(Panel(Group(*tables), title=title, title_align="left"))
    parts += [
        Text(printable(f"  pictures of {one.source}: {text}")) for one in status.accounts if (text := _wrong(one))
    ]
    parts += [Text(printable(f"  left in {one.source}: {text}")) for one in status.accounts if (text := _left(one))]
    room = "no data folder" if status.free_bytes is None else f"{status.free_bytes / 1e9:.1f} GB free"
    parts.append(Text(f"disk   {room} at {status.data} (evidence needs {status.min_free_bytes / 1e9:.1f} GB)"))
    parts.append(Text(f"        {_kept(status)}"))
    held, size = status.reserve_held_bytes / 1e6, status.reserve_bytes / 1e6
    parts.append(Text(f"        reserve for the record: {held:.0f} of {size:.0f} MB held"))
    if status.report:
        parts.append(Text(f"model  {', '.join(status.report.models) or 'none: no worker is ready'}"))
    return Group(*parts)


def _processes(places: Sequence[ProcessStatus]) -> Table:
    table = Grid()
    for column in ("process", "role", "pid", "ended, by cause", "trouble"):
        table.column(column, right=column == "pid")
    for place in places:
        ends = ", ".join(f"{count} {cause}" for cause, count in place.ends.items() if count) or "never"
        pid = Text(str(place.pid)) if place.pid else Text("none", style="red")
        table.add_row(Text(place.name), place.role, pid, ends, Text(printable(place.trouble)))
    return table


def _kept(status: Status) -> str:
    """Return how much evidence there is, as text."""
    if status.stock is None:
        return "no evidence yet"
    sizes = {tier: size / 1e6 for tier, size in status.stock.bytes.items() if size}
    kept = sum(size for tier, size in sizes.items() if tier != PINNED)
    tiers = ", ".join(f"{tier} {size:.1f}" for tier, size in sizes.items())
    days = status.stock.days_left
    left = "" if math.isinf(days) else f"; {span(days * DAY_S)} left at the rate of the last day"
    return f"evidence: {kept:.1f} of {status.budget_bytes / 1e6:.0f} MB{f' ({tiers})' if tiers else ''}{left}"


def _sources(report: LineReport, status: Status) -> Table:
    """Return a row a source: the age of its last message and frame, and what was not inspected within a day."""
    now = time.time()
    lasts = {one.source: one.tally.last_frame_at for one in status.accounts if one.tally}
    table = Grid("source", "last message", "last frame", "canary", "not inspected, last 24 h")
    for name, heard in report.heard_s_ago.items():
        last = lasts.get(name)
        cells = (heard, now - last if last else None, report.canary_s_ago.get(name))
        ago = ("never" if ago is None else f"{span(ago)} ago" for ago in cells)
        lost = status.lost.get(name, {}).items()
        table.add_row(Text(name), *ago, ", ".join(f"{reason} {_size(loss)}" for reason, loss in lost) or "nothing")
    return table


def _wrong(account: Account) -> str:
    """Return the troubles of a source's pictures in its last tally, as text; empty if there are none."""
    state = account.tally.optics if account.tally else None
    return "; ".join(
        f"{one.kind} since {datetime.fromtimestamp(one.began_at):%Y-%m-%d %H:%M}{f', {one.detail}' * bool(one.detail)}"
        for one in (state.troubles if state else [])
    )


def _size(loss: Loss) -> str:
    frames = f"{loss.frames} frames" if loss.frames else ""
    return " and ".join([*([frames] if frames else []), *([span(loss.seconds)] if loss.seconds else [])]) or "0 s"


def _left(account: Account) -> str:
    """Return which files a drop folder leaves in place by its last tally, as text; empty if there are none."""
    left = account.tally.left if account.tally else []
    return "; ".join(f"{one.count} {one.reason}, as {one.example}" for one in left)
