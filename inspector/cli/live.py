"""Owns the live view of a running line in a terminal. It reads the record, and asks the line's port for readiness."""

import json
import statistics
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Sequence
from itertools import islice

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from inspector.cli.commands.account import sums
from inspector.cli.commands.defects import record_table
from inspector.errors import StoreError
from inspector.host.redaction import origin
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.record.sums.accounts import Account, since
from inspector.settings.settings import Settings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.vocabulary import OUTCOMES

#: Time over which rates are averaged, in seconds, and number of the last records whose latencies are shown.
_RATE_S, _LATENCY_RECORDS = 6.0, 200


class Screen:
    """The live view of a line. Each `look` reads it anew; rates are computed from earlier looks."""

    def __init__(self, settings: Settings, before: Sequence[Account] = ()) -> None:
        """`before`: the sums of earlier runs, which are subtracted."""
        self._before = before
        self._began_at = time.time()
        self.ready = False  # it was ready at some look
        self._settings = settings
        self._base = origin(settings.metrics.host, settings.metrics.port)
        self._folders = [source for source in settings.sources if isinstance(source, FolderSourceSettings)]
        self._seen: deque[tuple[float, dict[str, int]]] = deque()

    def look(self) -> RenderableType:
        """Return the view now."""
        accounts, latest, defects, dropped_in = self._read()
        table = sums(accounts, self._rates(accounts))
        parts: list[RenderableType] = [
            Panel(table, title=f"Strip Inspector · {self._state()}", title_align="left"),
            Panel(record_table(defects), title="last defects", title_align="left"),
        ]
        for source in self._folders:
            if records := dropped_in[source.name]:
                parts.append(Panel(record_table(records), title=f"last from {source.path}", title_align="left"))
            else:
                parts.append(Text(f"drop an image into {source.path} and see its verdict here"))
        parts.append(Text(f"capture to record: {_latencies(latest)} · metrics: {self._base}/metrics"))
        return Group(*parts)

    def line(self) -> str:
        """Return the view as one line of text."""
        accounts, latest, *_ = self._read()
        rate = sum(self._rates(accounts).values())
        total = {outcome: sum(account.recorded[outcome] for account in accounts) for outcome in OUTCOMES}
        counts = " ".join(f"{outcome} {count}" for outcome, count in total.items())
        return f"{self._state()}: {counts}, {rate:.1f}/s, capture to record {_latencies(latest)}"

    def _read(self) -> tuple[list[Account], list[Record], list[Record], dict[str, list[Record]]]:
        folders = [source.name for source in self._folders]
        try:
            store = Store(self._settings.data, read_only=True)
        except StoreError:
            return [], [], [], {name: [] for name in folders}  # the sink has not made it yet
        try:
            latest = list(store.records(Query(since=self._began_at, limit=_LATENCY_RECORDS)))
            defects = list(store.records(Query(since=self._began_at, outcomes=("defect",), limit=8)))
            dropped_in = {name: list(store.records(Query(sources=(name,), limit=5))) for name in folders}
            self.ready = self.ready or bool(latest)  # also if metrics.port is 0, and there is no port to ask
            return since(store.accounts(), self._before), latest, defects, dropped_in
        finally:
            store.close()

    def _rates(self, accounts: Sequence[Account]) -> dict[str, float]:
        now = time.monotonic()
        self._seen.append((now, {account.source: sum(account.recorded.values()) for account in accounts}))
        while self._seen[0][0] < now - _RATE_S:
            self._seen.popleft()
        since, before = self._seen[0]
        newest = self._seen[-1][1]
        return {name: (newest[name] - before.get(name, 0)) / max(now - since, 0.1) for name in newest}

    def _state(self) -> str:
        try:
            with urllib.request.urlopen(f"{self._base}/readyz", timeout=1) as answer:
                answer.read()
                self.ready = True
                return "inspecting"
        except urllib.error.HTTPError as error:
            return "not ready: " + "; ".join(json.loads(error.read())["problems"])
        except OSError:
            return "starting"


def _latencies(records: Sequence[Record]) -> str:
    times = sorted(record.latency_s * 1000 for record in islice(records, _LATENCY_RECORDS))
    if not times:
        return "nothing yet"
    return f"median {statistics.median(times):.0f} ms, 95% under {times[int(len(times) * 0.95)]:.0f} ms"
