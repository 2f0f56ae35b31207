"""Owns the answer to "how is the line": asked of its port, lock, record and disk, and shown in one screen."""

import http.client
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from inspector import disk, tenancy
from inspector.account import Account
from inspector.config import Metrics, Settings
from inspector.errors import ConfigError, StoreError
from inspector.screen import span, sums
from inspector.store import Store

#: The sink answers from a thread of its own, in milliseconds: one that takes longer is held.
_ANSWER_S = 5.0
_MAX_ANSWER_BYTES = 1 << 20


class Place(msgspec.Struct, frozen=True):
    """A place in the line: its process (0: none runs), how often one ended without being told, by cause."""

    name: str
    role: str
    pid: int
    ends: dict[str, int]
    trouble: str


class Told(msgspec.Struct, frozen=True):
    """What a running line says of itself: the answer of /status, see health.py."""

    ready: bool
    problems: list[str]
    processes: list[Place]
    models: list[str]
    heard_s_ago: dict[str, float | None]


class Status(msgspec.Struct, frozen=True):
    """How a line is at one moment. `told` is None where it does not run or does not answer; then it is not ready."""

    running: bool
    told: Told | None
    problems: list[str]
    accounts: list[Account]
    data: Path
    free_bytes: int | None
    min_free_bytes: int

    @property
    def ready(self) -> bool:
        """Whether the line runs, says it is ready, and nothing was found that speaks against it."""
        return self.told is not None and self.told.ready and not self.problems


def look(settings: Settings) -> Status:
    """Ask the line of this config. ConfigError where this user may not look into its data folder."""
    data = settings.data
    try:
        running = tenancy.runs(data)
        free = disk.free_bytes(data) if data.exists() else None
    except OSError as error:
        raise ConfigError(f"data: {data}: {error.strerror}; ask as the user that the line runs as") from None
    told, problems = _ask(settings) if running else (None, [])
    try:
        accounts = _accounts(data)
    except StoreError as error:
        accounts = []
        problems = [*problems, f"record: {error}"]
    return Status(running, told, problems, accounts, data.absolute(), free, settings.disk.min_free_mb * 1_000_000)


def _ask(settings: Settings) -> tuple[Told | None, list[str]]:
    """What the line says, and why that is not to be believed or nothing was said."""
    metrics = settings.metrics
    if not metrics.port:
        return None, ["metrics.port is 0, any free port: its log names it; ask with -o metrics.port=NUMBER"]
    address = _address(metrics)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
    try:
        with opener.open(address, timeout=_ANSWER_S) as answer:
            told = msgspec.json.decode(answer.read(_MAX_ANSWER_BYTES), type=Told)
    except msgspec.MsgspecError as error:
        return None, [f"{address}: not the answer of a line: {error}; is metrics.port another's?"]
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        return None, [f"{address} does not answer: {why}; the line is starting, or its log says more"]
    ours = {source.name for source in settings.sources}
    if told.heard_s_ago.keys() != ours:
        theirs = ", ".join(sorted(told.heard_s_ago))
        return told, [f"{address} speaks of the sources {theirs}: another line, or the config was changed since"]
    return told, told.problems


def _address(metrics: Metrics) -> str:
    return f"http://{metrics.host}:{metrics.port}/status"


def _accounts(data: Path) -> list[Account]:
    store = Store(data, read_only=True)
    try:
        return store.accounts()
    finally:
        store.close()


def draw(status: Status) -> RenderableType:
    """One screen, for rich to draw."""
    word = "ready" if status.ready else "running, not ready" if status.running else "not running"
    colour = "green" if status.ready else "yellow" if status.running else "red"
    parts: list[RenderableType] = [Text(word, style=f"bold {colour}")]
    parts += [Text(f"  {problem}") for problem in status.problems]
    if status.told:
        parts.append(Panel(_processes(status.told.processes), title="processes", title_align="left"))
    title = "sources" if status.running else "sources, when it last ran"
    tables = [sums(status.accounts), *([_heard(status.told, status.accounts)] if status.told else [])]
    parts.append(Panel(Group(*tables), title=title, title_align="left"))
    room = "no data folder" if status.free_bytes is None else f"{status.free_bytes / 1e9:.1f} GB free"
    parts.append(Text(f"disk   {room} at {status.data} (evidence needs {status.min_free_bytes / 1e9:.1f} GB)"))
    if status.told:
        parts.append(Text(f"model  {', '.join(status.told.models) or 'none: no worker is ready'}"))
    return Group(*parts)


def _processes(places: Sequence[Place]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("process", "role", "pid", "ended, by cause", "trouble"):
        table.add_column(column, justify="right" if column == "pid" else "left")
    for place in places:
        ends = ", ".join(f"{count} {cause}" for cause, count in place.ends.items() if count) or "never"
        pid = Text(str(place.pid)) if place.pid else Text("none", style="red")
        table.add_row(Text(place.name), place.role, pid, ends, Text(place.trouble))
    return table


def _heard(told: Told, accounts: Sequence[Account]) -> Table:
    """When each source was heard, and got its last frame."""
    now = time.time()
    lasts = {one.source: one.tally.last_frame_at for one in accounts if one.tally}
    table = Table("source", "heard", "last frame", box=None, padding=(0, 2, 0, 0))
    for name, heard in told.heard_s_ago.items():
        last = lasts.get(name)
        cells = (heard, now - last if last else None)
        table.add_row(Text(name), *("never" if ago is None else f"{span(ago)} ago" for ago in cells))
    return table


def to_json(status: Status) -> str:
    """The same for machines: one object. Sums are the record's, a second behind at most."""
    told = status.told
    heard = told.heard_s_ago if told else {}
    answer = {
        "running": status.running,
        "ready": status.ready,
        "problems": status.problems,
        "processes": told.processes if told else [],
        "models": told.models if told else [],
        "sources": [
            {
                "source": one.source,
                "heard_s_ago": heard.get(one.source),
                "last_frame_at": one.tally.last_frame_at if one.tally else None,
                "balanced": one.balanced,
                "captured": one.tally.captured if one.tally else 0,
                "recorded": one.recorded,
                "dropped": one.tally.dropped if one.tally else {},
                "in_flight": one.tally.in_flight if one.tally else 0,
            }
            for one in status.accounts
        ],
        "disk": {"free_bytes": status.free_bytes, "min_free_bytes": status.min_free_bytes},
    }
    return msgspec.json.encode(answer).decode()
