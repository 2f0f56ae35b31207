"""Holds liveness and readiness: ready means everyone was heard from and the record can be written, else it says why."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from inspector.errors import BusyError
from inspector.sink.health import FRESH_S, Health
from inspector.sink.health_server import MAX_CLIENTS, HealthServer
from inspector.sink.metrics import CONTENT_TYPE, Metrics
from tests.fakes import wait_until


class Clock:
    """Time as the test says."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """At 100 s."""
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    """Of a line with two sources and batches of at most 60 s, where all is well."""
    made = Health({"drop", "camera"}, 60.0, clock)
    made.source("drop")
    made.source("camera")
    made.worker("worker-0.1", "model-1")
    return made


@pytest.fixture
def server(health: Health) -> Iterator[HealthServer]:
    """It, served."""
    made = HealthServer("127.0.0.1", 0, Metrics(), health)
    made.start()
    yield made
    made.close()


def get(server: HealthServer, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    """Status, type and body."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


def test_a_line_where_all_were_heard_from_is_ready(health: Health) -> None:
    assert health.problems() == []


def test_a_source_that_never_started_and_one_that_fell_silent_are_named(clock: Clock) -> None:
    health = Health({"drop", "camera"}, 60.0, clock)
    health.worker("worker-0.1", "model-1")
    health.source("drop")
    clock.now += FRESH_S + 1

    assert sorted(health.problems()) == ["source camera: not started", "source drop: silent for 6 s"]


def test_without_a_worker_it_is_not_ready() -> None:
    assert Health(set(), 60.0).problems() == ["no worker is ready"]


def test_a_worker_may_be_silent_for_a_batch_and_no_longer(health: Health, clock: Clock) -> None:
    clock.now += 59
    assert health.ready_workers() == {"worker-0.1": "model-1"}
    clock.now += 2
    assert health.ready_workers() == {}


def test_a_worker_that_ended_is_gone_at_once(health: Health) -> None:
    health.worker_gone("worker-0.1")
    health.worker_gone("worker-7.7")

    assert health.problems() == ["no worker is ready"]


def test_a_record_that_cannot_be_written_says_so_until_it_can(health: Health) -> None:
    health.wrote("records.sqlite: database or disk is full")
    assert health.problems() == ["record: records.sqlite: database or disk is full"]
    health.wrote(None)
    assert health.problems() == []


@pytest.fixture
def passing(clock: Clock) -> Health:
    """Of a line with one source and batches of at most 60 s that expects a canary, and had one."""
    made = Health({"drop"}, 60.0, clock, expects_canary=True)
    made.worker("worker-0.1", "model-1")
    made.source("drop")
    assert made.problems() == ["source drop: no canary picture has come through with the right answer yet"]
    made.canary("drop", "worker-0.1", 100.0, "")
    return made


def test_a_canary_may_take_three_turns_and_a_batch_and_no_longer(passing: Health, clock: Clock) -> None:
    def still_there() -> list[str]:
        passing.source("drop")
        passing.worker("worker-0.1", "model-1")
        return passing.problems()

    clock.now += 74
    assert still_there() == []
    clock.now += 2
    assert still_there() == ["source drop: no canary picture has come through with the right answer for 76 s"]
    passing.canary("drop", "worker-0.1", 90.0, "")  # one that was long on its way changes nothing
    assert len(still_there()) == 1
    passing.canary("drop", "worker-0.1", 175.0, "")
    assert still_there() == []


def test_what_another_word_says_already_is_not_said_of_the_canary_too(passing: Health, clock: Clock) -> None:
    passing.canary("drop", "worker-0.1", 100.0, "wrong answer")
    passing.worker_gone("worker-0.1")
    assert passing.problems() == ["no worker is ready"]
    clock.now += 100
    passing.worker("worker-0.2", "model-1")
    assert passing.problems() == ["source drop: silent for 100 s"]


def test_the_pages(server: HealthServer, health: Health) -> None:
    assert get(server, "/livez") == (200, "text/plain", b"alive\n")
    assert get(server, "/readyz?verbose")[0] == 200
    assert get(server, "/metrics")[:2] == (200, CONTENT_TYPE)
    assert get(server, "/") == (404, "text/plain", b"/metrics, /livez, /readyz or /status\n")
    health.wrote("disk full")
    status, kind, body = get(server, "/readyz")
    assert (status, kind) == (503, "application/json")
    assert json.loads(body) == {"ready": False, "problems": ["record: disk full"]}
    assert get(server, "/livez")[0] == 200


def test_clients_that_say_nothing_or_nonsense_or_leave_hold_up_nobody(
    server: HealthServer, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(20)]
    for data in (b"\xff\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70_000):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(data)
    for _ in range(20):
        with socket.create_connection((host, int(port))) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")

    assert get(server, "/livez")[0] == 200
    for connection in silent:
        connection.close()
    assert "Traceback" not in capfd.readouterr().err


def test_a_scanner_that_drips_into_many_connections_costs_a_bounded_number_of_threads_and_no_scrape(
    server: HealthServer,
) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    before = threading.active_count()
    scanner = []
    for number in range(4 * MAX_CLIENTS):
        scanner.append(socket.create_connection((host, int(port)), timeout=5))
        scanner[-1].sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        if number % 50 == 0:
            assert get(server, "/readyz")[0] == 200
    assert get(server, "/metrics")[0] == 200
    wait_until(lambda: threading.active_count() - before <= MAX_CLIENTS)
    assert scanner[0].recv(1) == b""  # cut off
    for connection in scanner:
        connection.close()
    wait_until(lambda: threading.active_count() <= before)


def test_many_may_ask_at_once(server: HealthServer) -> None:
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(get(server, "/metrics")[0])) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 30


def test_an_address_in_use_names_the_setting(server: HealthServer, health: Health) -> None:
    port = int(server.address.rsplit(":", 1)[1])

    with pytest.raises(BusyError, match=rf"metrics\.port: cannot listen on 127\.0\.0\.1:{port}: Address already"):
        HealthServer("127.0.0.1", port, Metrics(), health)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_a_host_that_is_not_ours_names_the_setting(health: Health, host: str) -> None:
    with pytest.raises(BusyError, match=rf"metrics\.\w+: cannot listen on {host}"):
        HealthServer(host, 0, Metrics(), health)


def test_a_server_that_never_started_can_be_closed(health: Health) -> None:
    HealthServer("127.0.0.1", 0, Metrics(), health).close()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/status", "/none"])
def test_head_answers_as_get_does_without_a_body(server: HealthServer, health: Health, path: str) -> None:
    health.trouble("disk", "full")
    asked, head = get(server, path), get(server, path, "HEAD")

    assert head == (*asked[:2], b"") and asked[2]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("::1", "http://[::1]:", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
        pytest.param("::", "http://[::]:", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
        ("localhost", "http://localhost:"),
        ("0.0.0.0", "http://0.0.0.0:"),
    ],
)
def test_any_host_of_this_machine_can_be_listened_on(health: Health, host: str, shown: str) -> None:
    server = HealthServer(host, 0, Metrics(), health)
    server.start()
    with contextlib.closing(server):
        assert server.address.startswith(shown)
        assert get(server, "/livez")[0] == 200
