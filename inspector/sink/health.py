"""Owns the answers to "is it alive, is it ready": what the sink last experienced, served beside /metrics."""

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec.structs import asdict

from inspector.errors import BusyError
from inspector.host.redaction import origin
from inspector.protocol import canary
from inspector.protocol.control import Process
from inspector.sink.metrics import CONTENT_TYPE, Metrics

log = logging.getLogger(__name__)

#: Not heard from for so long, a source or a worker counts as gone. A worker that infers is silent: see worker.py.
FRESH_S = 5.0
#: Who may ask at once: each has a thread. A scanner that opens more loses its oldest, and a scrape gets its answer.
MAX_CLIENTS = 64


class Health:
    """Readiness from facts: who was heard from when, and how the last write ended. Times are monotonic seconds."""

    def __init__(
        self,
        sources: set[str],
        batch_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        expects_canary: bool = False,
        grace_s: float = 0.0,
    ) -> None:
        """For `grace_s`, who was not heard from yet is no problem: the line runs, and we have just come to it."""
        self._clock = clock
        self._grace_until = clock() + grace_s
        self._expects_canary = expects_canary
        self._canaries: dict[str, float] = {}
        self._wrong: dict[str, str] = {}
        self._batch_timeout_s = batch_timeout_s
        self._sources: dict[str, float | None] = dict.fromkeys(sources)
        self._source_problems: dict[str, str] = {}
        self._workers: dict[str, tuple[float, str]] = {}
        self._write_error: str | None = None
        self._troubles: dict[str, str] = {}
        self._processes: list[Process] = []

    def source(self, name: str, problem: str = "") -> None:
        """A source was heard from, and what keeps it from capturing, if anything does."""
        self._sources[name] = self._clock()
        self._source_problems[name] = problem

    def worker(self, name: str, model: str) -> None:
        """A worker was heard from: it beats while idle and answers after each batch."""
        self._workers[name] = (self._clock(), model)

    def worker_gone(self, name: str) -> None:
        """The supervisor saw a worker end."""
        self._workers.pop(name, None)
        self._wrong.pop(name, None)

    def canary(self, source: str, worker: str, offered_at: float, wrong: str) -> None:
        """What `source` offered at `offered_at` came through `worker`; what is wrong with the answer, if so."""
        if wrong:
            self._wrong[worker] = wrong
            return
        self._wrong.pop(worker, None)
        self._canaries[source] = max(offered_at, self._canaries.get(source, 0.0))

    def processes(self, processes: list[Process]) -> None:
        """The supervisor says who runs."""
        self._processes = processes

    def wrote(self, error: str | None) -> None:
        """The last write to the record went well (None), or why not."""
        self._write_error = error

    def trouble(self, what: str, text: str) -> None:
        """What else is wrong, by the part that says so; an empty text: nothing any more."""
        self._troubles[what] = text

    def ready_workers(self) -> dict[str, str]:
        """Workers heard from within the time one batch may take, and their models; the others are forgotten."""
        oldest = self._clock() - max(FRESH_S, self._batch_timeout_s)
        self._workers = {name: seen for name, seen in self._workers.copy().items() if seen[0] >= oldest}
        return {name: model for name, (_, model) in self._workers.copy().items()}

    def problems(self) -> list[str]:
        """Why the line is not ready; empty where it is."""
        now = self._clock()
        silent = [
            f"source {name}: " + ("not started" if heard is None else f"silent for {now - heard:.0f} s")
            for name, heard in self._sources.copy().items()
            if (now >= self._grace_until if heard is None else now - heard > FRESH_S)
        ]
        shut = self._shut(now) if self._expects_canary else []
        hindered = [f"source {name}: {text}" for name, text in self._source_problems.copy().items() if text]
        no_worker = [] if self.ready_workers() or now < self._grace_until else ["no worker is ready"]
        unwritten = [f"record: {self._write_error}"] if self._write_error else []
        others = [f"{what}: {text}" for what, text in self._troubles.copy().items() if text]
        troubled = [f"{one.name}: {one.trouble}" for one in self._processes if one.trouble]
        return silent + hindered + no_worker + shut + unwritten + others + troubled

    def _shut(self, now: float) -> list[str]:
        """Where no canary comes through, and who answers it wrong; but for whom another word says it already."""
        workers = self.ready_workers()
        wrong = [f"{worker}: {text}" for worker, text in self._wrong.copy().items() if worker in workers]
        limit_s = canary.MISSED * canary.EVERY_S + self._batch_timeout_s
        for source, heard in self._sources.copy().items():
            if heard is None or now - heard > FRESH_S or not workers:
                continue
            came_at = self._canaries.get(source)
            if (now >= self._grace_until) if came_at is None else (now - came_at > limit_s):
                since = "yet" if came_at is None else f"for {now - came_at:.0f} s"
                wrong.append(f"source {source}: no canary picture has come through with the right answer {since}")
        return wrong

    def status(self) -> dict[str, Any]:
        """All of it at once, for `inspector status`."""
        now, problems = self._clock(), self.problems()
        return {
            "ready": not problems,
            "problems": problems,
            "processes": [asdict(one) for one in self._processes],
            "models": sorted(set(self.ready_workers().values())),
            "heard_s_ago": {name: None if at is None else round(now - at, 2) for name, at in self._sources.items()},
            "canary_s_ago": {name: round(now - at, 2) for name, at in self._canaries.copy().items()},
        }


class HealthServer:
    """Serves /metrics, /livez, /readyz and /status. Starts listening when constructed, answering with `start`."""

    def __init__(self, host: str, port: int, metrics: Metrics, health: Health) -> None:
        """BusyError where the address cannot be listened on."""

        metrics.ready_when(lambda: not health.problems())

        class Handler(_Handler):
            pages = {  # noqa: RUF012
                "/metrics": lambda: (200, CONTENT_TYPE, metrics.render()),
                "/livez": lambda: (200, "text/plain", b"alive\n"),
                "/readyz": lambda: _readiness(health.problems()),
                "/status": lambda: (200, "application/json", json.dumps(health.status()).encode() + b"\n"),
            }

        try:
            self._server = _Server(host, port, Handler)
        except OSError as error:
            raise BusyError(f"metrics.port: cannot listen on {host}:{port}: {error.strerror}") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="http", daemon=True)
        self.address = origin(host, int(self._server.server_address[1]))

    def start(self) -> None:
        """Answer from a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # the default of 5 makes the sixth of a sudden crowd wait a second

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        """OSError where the host is not this machine's, or the port is taken. Of a name, IPv4 comes first."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        super().__init__(address, handler)  # type: ignore[arg-type]  # of IPv6 it has four parts
        self._lock = threading.Lock()
        self._clients: dict[Any, None] = {}  # oldest first

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve from a thread of its own; with more than MAX_CLIENTS the oldest, that do not get on, are cut off."""
        with self._lock:
            self._clients[request] = None
            too_many = list(self._clients)[:-MAX_CLIENTS]
            for client in too_many:
                with suppress(OSError):  # it has just left
                    client.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """It is answered, or has left."""
        with self._lock:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves before its answer is no news either."""
        log.debug("request of %s ended with an error", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {}  # noqa: RUF012
    timeout = 5  # a client that says nothing does not keep a thread

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> bytes:
        """Send the head of the page that is asked for; its body."""
        page = self.pages.get(self.path.partition("?")[0])
        status, kind, body = page() if page else (404, "text/plain", b"/metrics, /livez, /readyz or /status\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def log_message(self, *_: object) -> None:
        """A scrape every few seconds is not news."""


def _readiness(problems: list[str]) -> tuple[int, str, bytes]:
    body = json.dumps({"ready": not problems, "problems": problems}) + "\n"
    return 503 if problems else 200, "application/json", body.encode()
