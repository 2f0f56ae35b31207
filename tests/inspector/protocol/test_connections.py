"""Holds what strangers and eager programs can take of a push source: so much memory, so many connections."""

import json
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
import zmq

from inspector.protocol.connections import PublicRouter
from inspector.protocol.sockets import Poller
from tests.fakes import Line, running, wait_until
from tests.inspector.cameras import strip
from tests.inspector.protocol.test_keys import free_port

MB = 1 << 20
FRAME_MB, CLIENTS = 8, 3


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line with a push source on loopback, which may have one frame under way."""
    push = {
        "name": "drop", "type": "push", "address": f"tcp://127.0.0.1:{free_port()}", "max_frame_mb": FRAME_MB,
        "max_clients": CLIENTS,
    }  # fmt: skip
    with running(Line(tmp_path, [push], delivery={"in_flight_frames": 1, "in_flight_mb": 16})) as line:
        line.push = push["address"]  # type: ignore[attr-defined]
        wait_until(lambda: "frames taken over" in line.log)
        yield line


def peak_mb(pid: int) -> float:
    """The most memory that the process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmHWM")) / 1024


def held(pid: int, port: int) -> int:
    """How many connections to its port a process has."""
    connections = psutil.Process(pid).net_connections("tcp")
    return sum(one.laddr.port == port and one.status == "ESTABLISHED" for one in connections)


def program(stack: ExitStack, context: "zmq.Context[zmq.Socket[bytes]]", address: str) -> "zmq.Socket[bytes]":
    made = stack.enter_context(context.socket(zmq.DEALER))
    made.setsockopt(zmq.LINGER, 0)
    made.setsockopt(zmq.SNDHWM, 1)
    made.connect(address)
    return made


def test_programs_that_send_all_they_can_take_no_more_memory_than_is_stated(line: Line) -> None:
    # Given a line whose worker does nothing, and its source's memory before
    pid = line.child("drop")
    worker = psutil.Process(line.child("worker-0"))
    before = peak_mb(pid)
    pixels = np.resize(strip(1), (2048, 4000))
    frame = [json.dumps({"encoding": "gray8", "height": 2048, "width": 4000}).encode(), pixels.tobytes()]
    worker.suspend()
    try:
        with zmq.Context() as context, ExitStack() as stack:
            programs = [program(stack, context, line.push) for _ in range(24)]  # type: ignore[attr-defined]
            sent = 0
            while ready := [one for one in programs if one.poll(100, zmq.POLLOUT)]:
                for one in ready:
                    one.send_multipart(frame)
                    sent += 1
                if sent > 24 * 6:
                    break
            # What is decoded, and a copy on its way there; and what came of some who are just being turned away
            allowed = 3 * CLIENTS * FRAME_MB + 16 + 4 * FRAME_MB + 8 * FRAME_MB
            assert sent > 24
            assert peak_mb(pid) - before < allowed
            assert held(pid, int(line.push.rpartition(":")[2])) <= CLIENTS  # type: ignore[attr-defined]
    finally:
        worker.resume()
    assert line.child("drop") == pid


def test_strangers_that_never_say_a_word_hold_no_more_connections_than_are_allowed(line: Line) -> None:
    pid = line.child("drop")
    port = int(line.push.rpartition(":")[2])  # type: ignore[attr-defined]
    with zmq.Context() as context, ExitStack() as stack:
        strangers = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(60)]

        wait_until(lambda: held(pid, port) <= CLIENTS)
        # When a program hands in a frame, then it is heard, whoever is there
        asker = stack.enter_context(context.socket(zmq.REQ))
        asker.setsockopt(zmq.LINGER, 0)
        asker.connect(line.push)  # type: ignore[attr-defined]
        header = {"encoding": "gray8", "height": 96, "width": 96, "id": "a"}
        asker.send_multipart([json.dumps(header).encode(), strip(1).tobytes()])
        assert asker.poll(60_000)
        assert json.loads(asker.recv())["answer"] == "on record"
        assert len(strangers) == 60
        wait_until(lambda: "more than max_clients (3)" in line.log)


def test_that_no_descriptor_is_left_for_a_program_is_a_trouble_with_its_cause() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    router = PublicRouter(MB, 4)
    router.bind(address)
    try:
        with ExitStack() as stack:
            client = socket.socket()
            stack.enter_context(client)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
            spare = [stack.enter_context(open("/dev/null")) for _ in range(_left())]
            client.connect(("127.0.0.1", int(address.rpartition(":")[2])))
            wait_until(lambda: "no descriptor is left" in router.problem())
            assert spare is not None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        router.close()


def _left() -> int:
    """How many descriptors this process may still open."""
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return len(taken)
    finally:
        for one in taken:
            os.close(one)


def test_who_sends_more_than_one_frame_may_have_is_cut_off_and_that_is_said() -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    router = PublicRouter(MB, 4)
    router.bind(address)
    try:
        with zmq.Context() as context, ExitStack() as stack:
            program(stack, context, address).send_multipart([b"{}", bytes(2 * MB)])
            wait_until(lambda: any("max_frame_mb" in reason for reason in router.turned_away()))
            program(stack, context, address).send_multipart([b"{}", bytes(MB // 2)])
            assert Poller([router]).wait(20_000)
    finally:
        router.close()
