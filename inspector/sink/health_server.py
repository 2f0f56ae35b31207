"""Owns the port that answers questions: /metrics, /livez, /readyz and /status."""

import json
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from inspector.errors import BusyError
from inspector.host.redaction import origin
from inspector.sink.health import Health
from inspector.sink.metrics import CONTENT_TYPE, Metrics

log = logging.getLogger(__name__)

#: Clients at once, each with a thread. A scanner that opens more loses its oldest, and a scrape gets its answer.
MAX_CLIENTS = 64


class HealthServer:
    """Serves /metrics, /livez, /readyz and /status. Starts listening when constructed, answering with `start`."""

    def __init__(self, host: str, port: int, metrics: Metrics, health: Health) -> None:
        """Raise BusyError if the address cannot be listened on."""

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
        """Listen, by IPv4 where a name has it. Raise OSError if the host is not of this machine or the port taken."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        super().__init__(address, handler)  # type: ignore[arg-type]  # of IPv6 it has four parts
        self._lock = threading.Lock()
        self._clients: dict[Any, None] = {}  # oldest first

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve from a thread of its own; cut off the oldest clients where there are more than MAX_CLIENTS."""
        with self._lock:
            self._clients[request] = None
            too_many = list(self._clients)[:-MAX_CLIENTS]
            for client in too_many:
                with suppress(OSError):  # it has just left
                    client.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a client that is answered, or has left."""
        with self._lock:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Do not report a client that leaves before its answer."""
        log.debug("request of %s ended with an error", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {}  # noqa: RUF012
    timeout = 5  # seconds after which a silent client loses its thread

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> bytes:
        """Send the head of the page that is asked for, and return its body."""
        page = self.pages.get(self.path.partition("?")[0])
        status, kind, body = page() if page else (404, "text/plain", b"/metrics, /livez, /readyz or /status\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return body

    def log_message(self, *_: object) -> None:
        """Do not report a scrape every few seconds."""


def _readiness(problems: list[str]) -> tuple[int, str, bytes]:
    body = json.dumps({"ready": not problems, "problems": problems}) + "\n"
    return 503 if problems else 200, "application/json", body.encode()
