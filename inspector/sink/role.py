"""Owns the life of the sink's process: port, record, followers, socket and maintenance open, then the sink runs."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from inspector.host import disk
from inspector.host.disk_reserve import Reserve
from inspector.protocol.canary import Canary
from inspector.protocol.control import Ready, send
from inspector.protocol.sockets import Router, sink_address
from inspector.record.followers import Follower
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.settings.sources.push import PushSourceSettings
from inspector.sink import defect_log, maintenance, record_start, rule_runner
from inspector.sink.follower_group import FollowerGroup
from inspector.sink.health import Health
from inspector.sink.health_server import HealthServer
from inspector.sink.known_sources import KnownSources
from inspector.sink.metrics import Metrics
from inspector.sink.sink import Collaborators, Sink

log = logging.getLogger(__name__)

#: Seconds in which a sink that replaces another waits for sources and workers before it reports them as missing. The
#: canary takes longest: see protocol/canary.py.
GRACE_S = 15.0

#: Makes the followers of a record that is open.
MakeFollowers = Callable[[Settings, Store, Metrics], list[Follower[Any]]]


def followers(settings: Settings, store: Store, metrics: Metrics) -> list[Follower[Any]]:
    """Return every follower that these settings ask for. Raise ConfigError if the defect log cannot be opened."""
    logging_defects = defect_log.followers(settings.record.defect_log, store)
    judging = rule_runner.follower(settings, store, metrics)
    return [*logging_defects[:1], *([judging] if judging else []), *logging_defects[1:]]


class SinkRole:
    """The sink's process. `run` serves until `stop` says so."""

    def __init__(
        self,
        settings: Settings,
        sockets: Path,
        supervisor: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
        worked: Callable[[], None] = lambda: None,
        canary: Canary | None = None,
        renewed: bool = False,
        make_followers: MakeFollowers = followers,
    ) -> None:
        """`supervisor` brings its messages; `stop` is asked in every turn, `worked` called at every commit.

        With a `canary`, readiness needs it to come through from every source. `renewed`: the line runs already.
        """
        self._settings = settings
        self._sockets = sockets
        self._supervisor = supervisor
        self._stop = stop
        self._worked = worked
        self._canary = canary
        self._renewed = renewed
        self._make_followers = make_followers

    def run(self) -> None:
        """Serve.

        Raise StoreError if the record can never be opened, BusyError if the port is taken, ConfigError if the defect
        log cannot be opened.
        """
        with self._collaborators() as parts:
            if parts is None:
                return
            if self._supervisor:
                send(self._supervisor, Ready("sink"))
            Sink(self._settings, parts, self._supervisor, self._stop, self._worked, self._canary).run()

    @contextmanager
    def _collaborators(self) -> Iterator[Collaborators | None]:
        """Open all that the sink works with; None where the stop comes before the record can be opened."""
        settings = self._settings
        if kind := disk.network_file_system(settings.data):
            log.warning("data: %s is on %s: a record on a network share may be damaged", settings.data, kind)
        metrics, health = Metrics(), self._health()
        with ExitStack() as stack:
            _listen(stack, settings, metrics, health)
            reserve = Reserve(settings.data, settings.record.reserve_mb * 1_000_000)
            opened = record_start.open_at_last(settings, reserve, health, self._stop)
            if opened is None:
                yield None
                return
            store, is_complete = opened
            stack.callback(store.close)
            group = FollowerGroup(self._make_followers(settings, store, metrics), metrics, health)
            stack.callback(group.close)
            group.turn()  # one that is new begins with the next row: with none that this sink has written already
            router = Router()
            stack.callback(router.close)
            router.bind(sink_address(self._sockets))
            _keep_up(stack, settings, metrics, health, not is_complete)
            judged = (source.name for source in settings.sources if isinstance(source, PushSourceSettings))
            sources = KnownSources(store, router, judged)
            yield Collaborators(
                store=store, reserve=reserve, router=router, sources=sources, followers=group,
                metrics=metrics, health=health,
            )  # fmt: skip

    def _health(self) -> Health:
        return Health(
            {source.name for source in self._settings.sources},
            self._settings.workers.batch_timeout_s,
            expects_canary=self._canary is not None,
            grace_s=GRACE_S if self._renewed else 0.0,
        )


def _listen(stack: ExitStack, settings: Settings, metrics: Metrics, health: Health) -> None:
    """Answer on the port until the stack ends."""
    server = HealthServer(settings.metrics.host, settings.metrics.port, metrics, health)
    stack.callback(server.close)
    server.start()
    log.info("metrics on %s/metrics", server.address)
    if settings.metrics.exposed:
        log.warning("%s", settings.metrics.exposed)


def _keep_up(stack: ExitStack, settings: Settings, metrics: Metrics, health: Health, read_record: bool) -> None:
    """Keep the data folder within its bounds, in a thread of its own, until the stack ends."""
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: maintenance.serve(settings, metrics, health, stop, read_record), name="maintenance", daemon=True
    )
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)
