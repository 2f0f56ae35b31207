"""Owns the answer to how a line is: asked of its port, lock, record and disk."""

import http.client
import math
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec.structs import asdict, replace

from inspector.errors import ConfigError, StoreError
from inspector.host import disk, instance
from inspector.host.disk_reserve import Reserve
from inspector.host.redaction import origin
from inspector.record import findings
from inspector.record.evidence.retention import Gallery, Stock
from inspector.record.findings import Alarm, RollMark
from inspector.record.queries import Query
from inspector.record.store import Store
from inspector.record.sums.accounts import Account
from inspector.settings import loading, running_settings
from inspector.settings.settings import MetricsSettings, Settings

#: Upper bound on the sink's answer, which takes milliseconds and has a thread of its own, in seconds.
_ANSWER_S = 5.0
_MAX_ANSWER_BYTES = 1 << 20
DAY_S = 86_400.0


class ProcessStatus(msgspec.Struct, frozen=True):
    """A process of the line: `pid` is 0 where none runs, `ends` how often one exited on its own, by cause."""

    name: str
    role: str
    pid: int
    ends: dict[str, int]
    trouble: str


class LineReport(msgspec.Struct, frozen=True):
    """The state that a running line reports: the answer of /status, see sink/health.py."""

    ready: bool
    problems: list[str]
    processes: list[ProcessStatus]
    models: list[str]
    heard_s_ago: dict[str, float | None]
    canary_s_ago: dict[str, float]  # since the last canary that was decided right


class Loss(msgspec.Struct, frozen=True):
    """What was not inspected: frames, where their number is known, else seconds."""

    frames: int = 0
    seconds: float = 0.0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a line is at one moment. `report` is None where it does not run or does not answer: it is not ready then."""

    running: bool
    report: LineReport | None
    problems: list[str]
    accounts: list[Account]
    lost: dict[str, dict[str, Loss]]  # of the last day, by source and reason
    stock: Stock | None  # None: nothing was recorded yet
    budget_bytes: int
    reserve_bytes: int
    reserve_held_bytes: int
    data: Path
    free_bytes: int | None
    min_free_bytes: int
    found: list[Alarm | RollMark] = []  # alarms and marks of rolls that go on
    notes: list[str] = []  # what is worth knowing, and does not speak against the line

    @property
    def ready(self) -> bool:
        """Whether the line runs and reports that it is ready, and no problem was found."""
        return self.report is not None and self.report.ready and not self.problems


def of_config(path: Path, overrides: list[str]) -> Status:
    """Return how the line of a config is, also while the file cannot be used: then by the settings that run.

    Raise ConfigError where no line runs by it, or this user may not look into its data folder.
    """
    try:
        settings = loading.load(path, overrides)
    except ConfigError as error:
        data = running_settings.data_folder(path)
        running = running_settings.read(data) if data is not None and _runs(data) else None
        if running is None:
            raise
        why = "; ".join(str(error).splitlines())
        return replace(look(running), notes=[f"the config cannot be used: {why}", "shown is what runs, by the old one"])
    now, running = look(settings), running_settings.read(settings.data)
    keys = running_settings.changed(running, settings) if now.running and running is not None else []
    differs = f"the config differs from what runs: {', '.join(keys)}; a reload or restart takes it over"
    return replace(now, notes=[differs] * bool(keys))


def look(settings: Settings) -> Status:
    """Return how the line is. Raise ConfigError where this user may not look into its data folder."""
    data = settings.data
    running = _runs(data)
    free = disk.free_bytes(data) if data.exists() else None
    report, problems = _ask(settings) if running else (None, [])
    least_bytes, reserve_bytes = settings.disk.min_free_mb * 1_000_000, settings.record.reserve_mb * 1_000_000
    accounts: list[Account] = []
    lost: dict[str, dict[str, Loss]] = {}
    stock = None
    found: list[Alarm | RollMark] = []
    try:
        with closing(Store(data, read_only=True)) as store:
            accounts = store.accounts()
            lost = _lost(store, time.time() - DAY_S)
            found = [*findings.read(store, Alarm, going_on=True), *findings.read(store, RollMark, going_on=True)]
            stock = Gallery(store, settings.evidence).stock(time.time(), max(0, (free or 0) - least_bytes))
    except StoreError as error:
        problems = [*problems, f"record: {error}"]
    return Status(
        running=running,
        report=report,
        problems=problems,
        accounts=accounts,
        lost=lost,
        stock=stock,
        budget_bytes=settings.evidence.budget_mb * 1_000_000,
        reserve_bytes=reserve_bytes,
        reserve_held_bytes=Reserve(data, reserve_bytes).held,
        data=data.absolute(),
        free_bytes=free,
        min_free_bytes=least_bytes,
        found=found,
    )


def _ask(settings: Settings) -> tuple[LineReport | None, list[str]]:
    """Return the report of the line, and why it cannot be trusted or there is none."""
    metrics = settings.metrics
    if not metrics.port:
        return None, ["metrics.port is 0, any free port: its log names it; ask with -o metrics.port=NUMBER"]
    address = _address(metrics)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine
    try:
        with opener.open(address, timeout=_ANSWER_S) as answer:
            report = msgspec.json.decode(answer.read(_MAX_ANSWER_BYTES), type=LineReport)
    except msgspec.MsgspecError as error:
        return None, [f"{address}: not the answer of a line: {error}; is metrics.port another's?"]
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        return None, [f"{address} does not answer: {why}; the line is starting, or its log says more"]
    ours = {source.name for source in settings.sources}
    if report.heard_s_ago.keys() != ours:
        theirs = ", ".join(sorted(report.heard_s_ago))
        return report, [f"{address} speaks of the sources {theirs}: another line, or the config was changed since"]
    return report, report.problems


def _runs(data: Path) -> bool:
    try:
        return instance.runs(data)
    except PermissionError as error:
        raise ConfigError(f"data: {data}: {error.strerror}; ask as the user that the line runs as") from None
    except OSError as error:
        raise ConfigError(f"data: {error.filename or data}: {error.strerror}") from None


def _address(metrics: MetricsSettings) -> str:
    return f"{origin(metrics.host, metrics.port)}/status"


def _lost(store: Store, since: float) -> dict[str, dict[str, Loss]]:
    """Return what was not inspected since then, by source and reason."""
    lost: dict[str, dict[str, Loss]] = {}
    for gap in store.gaps(Query(since=since)):
        reasons = lost.setdefault(gap.source, {})
        before = reasons.get(gap.reason, Loss())
        seconds = 0.0 if gap.frames else gap.ended_at - max(gap.began_at, since)
        reasons[gap.reason] = Loss(before.frames + gap.frames, round(before.seconds + seconds, 1))
    return lost


def to_json(status: Status) -> str:
    """Return the status as one line of JSON for machines: an object. Its sums are at most a second old."""
    report, stock = status.report, status.stock
    heard = report.heard_s_ago if report else {}
    answer = {
        "running": status.running,
        "ready": status.ready,
        "problems": status.problems,
        "notes": status.notes,
        "processes": report.processes if report else [],
        "models": report.models if report else [],
        "sources": [
            {
                "source": one.source,
                "heard_s_ago": heard.get(one.source),
                "canary_s_ago": report.canary_s_ago.get(one.source) if report else None,
                "last_frame_at": one.tally.last_frame_at if one.tally else None,
                "balanced": one.balanced,
                "captured": one.tally.captured if one.tally else 0,
                "recorded": one.recorded,
                "dropped": one.tally.dropped if one.tally else {},
                "in_flight": one.tally.in_flight if one.tally else 0,
                "picture_troubles": one.tally.optics.troubles if one.tally and one.tally.optics else [],
                "left": [asdict(left) for left in one.tally.left] if one.tally else [],
                "not_inspected_24h": status.lost.get(one.source, {}),
            }
            for one in status.accounts
        ],
        "disk": {"free_bytes": status.free_bytes, "min_free_bytes": status.min_free_bytes},
        "evidence": {
            "bytes": stock.bytes if stock else {},
            "budget_bytes": status.budget_bytes,
            "days_left": None if stock is None or math.isinf(stock.days_left) else round(stock.days_left, 2),
        },
        "alarms": [one for one in status.found if isinstance(one, Alarm)],
        "roll_marks": [one for one in status.found if isinstance(one, RollMark)],
        "reserve": {"held_bytes": status.reserve_held_bytes, "size_bytes": status.reserve_bytes},
    }
    return msgspec.json.encode(answer).decode()
