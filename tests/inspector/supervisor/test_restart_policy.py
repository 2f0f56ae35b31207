"""Holds when a process that ended may start again, what it shows of itself, and what systemd hears."""

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Pipe
from pathlib import Path

from inspector.host.systemd import Notifier
from inspector.protocol.control import WorkerGone, receive
from inspector.protocol.frames import FrameOf
from inspector.protocol.heartbeat import LifeSign
from inspector.settings.settings import SupervisionSettings
from inspector.sources.capture.stderr_reader import StderrReader
from inspector.supervisor.child import Child
from inspector.supervisor.restart_policy import LAST_S, STORM_S, WORKED_LAST_S, Restarts


def test_a_storm_of_ends_without_work_waits_longer_each_time_and_is_then_given_up() -> None:
    restarts, pauses = Restarts(give_up_after=12), []
    for number in range(12):
        assert not restarts.given_up
        restarts.ended("unusable", worked=False, now=100.0 * number)
        pauses.append(restarts.at - 100.0 * number)

    assert restarts.given_up
    assert pauses == sorted(pauses) and pauses[-1] == LAST_S
    assert restarts.causes == {"unusable": 12}
    restarts.forgive()
    assert (restarts.given_up, restarts.at) == (False, 0.0)


def test_one_that_works_before_it_ends_is_never_given_up_and_soon_back() -> None:
    restarts = Restarts(give_up_after=3)
    for number in range(500):
        restarts.ended("signal", worked=True, now=float(number))
        assert restarts.at - number <= WORKED_LAST_S

    assert not restarts.given_up
    assert restarts.recent(499.0) == 61
    assert restarts.recent(700.0) == 0


def test_ends_far_apart_are_no_storm() -> None:
    restarts = Restarts(give_up_after=2)
    for number in range(9):
        restarts.ended("exit", worked=False, now=number * (STORM_S + 1))

    assert not restarts.given_up


def test_a_batch_in_hand_is_seen_from_outside_until_it_ends() -> None:
    sign = LifeSign()
    frames = [FrameOf("s" * 64, f"{number:064}") for number in range(256)]
    sign.begin(frames)
    assert sign.in_hand() == frames

    sign.end()
    assert (sign.in_hand(), sign.work, sign.began) == ([], 1, 0.0)


def test_a_process_is_stuck_that_stands_still_or_is_never_at_work() -> None:
    now = time.monotonic()
    child = Child("worker", "worker-0", LifeSign(), Restarts(3), started_at=now)
    limits = SupervisionSettings(stuck_s=5, start_s=99)
    assert child.stuck_for(now + 98, 9, limits) == ""  # still loading
    assert child.stuck_for(now + 100, 9, limits) == "is not at work more than 99 s after its start"
    child.sign.turn()
    assert child.stuck_for(now + 4, 9, limits) == ""
    assert child.stuck_for(now + 6, 9, limits) == "made no turn for more than 5 s"
    child.sign.begin([])
    assert child.stuck_for(now + 8, 9, limits) == ""  # a batch has its own limit
    assert child.stuck_for(now + 10, 9, limits) == "is stuck in a batch for more than 9 s"
    child.sign.end()
    assert child.stuck_for(now + 11, 9, limits) == ""  # it had a batch a moment ago
    child.pardoned_at = now + 100
    assert child.stuck_for(now + 104, 9, limits) == ""
    source = Child("source", "drop", LifeSign(), Restarts(3), started_at=now)
    source.sign.begin([])
    assert source.stuck_for(now + 4, 9, limits) == ""
    assert source.stuck_for(now + 6, 9, limits) == "is stuck in one picture for more than 5 s"


def test_systemd_is_told_each_word_once_and_the_watchdog_as_often_as_it_wants(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.setblocking(False)
        words = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())}
        notifier = Notifier(words)
        notifier.ready()
        for _ in range(2):
            notifier.status("5 of 5 processes run")
        for second in range(5):
            notifier.alive(float(second))
        notifier.stopping()
        received = []
        while len(received) < 6:
            received.append(systemd.recv(1000).decode())
    watchdog = ["WATCHDOG=1"] * 3
    assert received == ["READY=1", "STATUS=5 of 5 processes run", *watchdog, "STOPPING=1"]
    notifier.ready()  # nobody listens any more: no trouble
    assert Notifier({**words, "WATCHDOG_PID": "1"}).watchdog_s is None
    Notifier({}).ready()


@contextmanager
def many_descriptors(count: int) -> Iterator[None]:
    """All descriptors below `count` are in use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * count), hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while taken[-1] < count:
            taken.append(os.dup(taken[0]))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_child_hears_what_it_is_told_by_a_descriptor_above_1023() -> None:
    with many_descriptors(1100):
        ours, theirs = Pipe()
        child = Child("sink", "sink", LifeSign(), Restarts(3), words=ours)
        child.tell(WorkerGone("worker-0.1"))
        assert ours.fileno() > 1023 and receive(theirs) == WorkerGone("worker-0.1")
        ours.close()
        theirs.close()


def test_what_a_library_prints_is_heard_by_a_descriptor_above_1023() -> None:
    stderr = os.dup(2)
    try:
        with many_descriptors(1100):
            mutter = StderrReader()
            os.write(2, b"no such host\n")
            while mutter.reason("", "") != "no such host":
                time.sleep(0.001)  # its thread reads it
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
