"""Owns the life of the processes: starts them, replaces the dead and the stuck, stops them in order.

Start: sink, workers, sources. Stop: sources first, so that what is in flight finishes; then workers; then the sink.
"""

import fcntl
import logging
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

from inspector import messages, process
from inspector.config import Settings
from inspector.errors import BusyError, ConfigError, MessageError
from inspector.messages import Ready, WorkerGone
from inspector.process import EXIT_UNUSABLE, STOP_SIGNAL, Assignment, Role
from inspector.transport import socket_folder

log = logging.getLogger(__name__)

EXIT_OK = 0
#: The line was stopped by force: something did not end in time.
EXIT_FORCED = 3

#: Back-off of a child that keeps dying: doubles from the first to the second, by deaths within the window.
FIRST_RESTART_S, LAST_RESTART_S, DEATHS_WINDOW_S = 0.1, 30.0, 60.0
#: How long workers and sink get to end once nothing is in flight.
STOP_S = 15.0
_TURN_S = 0.1


@dataclass(slots=True)
class _Child:
    """One place in the line and the process that fills it now."""

    role: Role
    slot: str
    began: Any
    process: SpawnProcess | None = None
    words: Connection | None = None
    name: str = ""
    incarnation: int = 0
    restart_at: float = 0.0
    deaths: deque[float] = field(default_factory=deque)

    @property
    def alive(self) -> bool:
        return self.process is not None


class Supervisor:
    """Runs one line. `run` returns the exit code."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._spawn = multiprocessing.get_context("spawn")
        self._signals: list[int] = []
        self._sockets = Path()
        workers = [("worker", f"worker-{index}") for index in range(settings.workers.count)]
        sources = [("source", source.name) for source in settings.sources]
        self._children = [
            _Child(role, slot, self._spawn.Value("d", 0.0, lock=False))  # type: ignore[arg-type]
            for role, slot in [("sink", "sink"), *workers, *sources]
        ]

    def run(self) -> int:
        """Serve until a signal, or until a child says it never can. BusyError where another owns the data folder."""
        with _locked(self._settings.data), self._listening():
            self._sockets = socket_folder(self._settings.data)
            exit_code = self._supervise(lambda: bool(self._signals), {"sink", "worker", "source"}, float("inf"))
            log.info("stopping: sources first")
            usable = exit_code == EXIT_OK  # otherwise what ended would only end again
            order: tuple[tuple[Role, set[Role], float], ...] = (
                ("source", {"sink", "worker"}, self._settings.delivery.drain_s + STOP_S),
                ("worker", {"sink"}, STOP_S),
                ("sink", set(), STOP_S),
            )
            for role, others, limit_s in order:
                exit_code = max(exit_code, self._end(role, others if usable else set(), limit_s))
        log.info("stopped, exit code %d", exit_code)
        return exit_code

    def _supervise(self, done: Callable[[], bool], keep: set[Role], limit_s: float) -> int:
        """Keep the children of the roles in `keep` running until `done`; at most `limit_s`."""
        deadline = self._clock() + limit_s
        while not done() and self._clock() < deadline:
            for child in self._children:
                if child.role in keep and not child.alive and self._clock() >= child.restart_at:
                    self._start(child)
            self._listen()
            for child in self._children:
                if self._bury(child) == EXIT_UNUSABLE and child.role in keep and child.incarnation == 1:
                    return EXIT_UNUSABLE
                self._kill_if_stuck(child)
        return EXIT_OK

    def _start(self, child: _Child) -> None:
        child.incarnation += 1
        child.name = f"{child.slot}.{child.incarnation}" if child.role == "worker" else child.slot
        child.words, theirs = self._spawn.Pipe()
        child.began.value = 0.0
        assignment = Assignment(child.role, child.name, self._settings, self._sockets, theirs, child.began, os.getpid())
        child.process = self._spawn.Process(target=process.main, args=(assignment,), name=child.name)
        child.process.start()
        theirs.close()
        log.info("%s started, pid %d", child.name, child.process.pid)

    def _listen(self) -> None:
        """Wait a turn, or less if a child ends or speaks."""
        ends = {child.process.sentinel: child for child in self._children if child.process}
        voices = {child.words: child for child in self._children if child.words}
        for ready in wait([*ends, *voices], _TURN_S):
            child = voices.get(ready)  # type: ignore[call-overload]
            if child is not None and child.words is not None:
                self._hear(child, child.words)

    def _hear(self, child: _Child, words: Connection) -> None:
        try:
            message = messages.decode(words.recv_bytes(messages.MAX_MESSAGE_BYTES))
        except (EOFError, OSError):
            words.close()
            child.words = None
        except MessageError as error:
            log.warning("%s says what cannot be understood: %s", child.name, error)
        else:
            if isinstance(message, Ready):
                log.info("%s is ready", message.worker)

    def _bury(self, child: _Child) -> int | None:
        """Note that a child ended, tell the sources, and when it may start again; its exit code if it ended."""
        if child.process is None or child.process.is_alive():
            return None
        exit_code = child.process.exitcode
        child.process.close()
        child.process = None
        if child.words is not None:
            child.words.close()
            child.words = None
        now = self._clock()
        child.deaths.append(now)
        while child.deaths[0] < now - DEATHS_WINDOW_S:
            child.deaths.popleft()
        pause = min(LAST_RESTART_S, FIRST_RESTART_S * 2 ** (len(child.deaths) - 1))
        child.restart_at = now + pause
        log.log(logging.WARNING if exit_code else logging.INFO, "%s ended with %s", child.name, _reason(exit_code))
        if child.role == "worker":
            self._tell_others(WorkerGone(child.name))
        return exit_code

    def _tell_others(self, message: WorkerGone) -> None:
        for child in self._children:
            if child.role != "worker" and child.words is not None:
                try:
                    child.words.send_bytes(messages.encode(message))
                except OSError:
                    continue  # it has just ended itself, and a new one holds no frames

    def _kill_if_stuck(self, child: _Child) -> None:
        began = child.began.value
        limit_s = self._settings.workers.batch_timeout_s
        if child.process is not None and began and time.monotonic() - began > limit_s:
            log.error("%s is stuck in a batch for more than %g s: killed", child.name, limit_s)
            child.process.kill()
            child.began.value = 0.0  # once is enough: its end may take a few turns

    def _end(self, role: Role, others: set[Role], limit_s: float) -> int:
        """Stop the children of a role while the others go on; by force after `limit_s` or a second signal."""
        ending = [child for child in self._children if child.role == role]
        for child in ending:
            if child.process is not None and child.process.pid is not None and child.process.is_alive():
                os.kill(child.process.pid, STOP_SIGNAL)
        forced = len(self._signals) > 1
        self._supervise(
            lambda: len(self._signals) > 1 or not any(child.alive for child in ending), others, 0 if forced else limit_s
        )
        exit_code = EXIT_OK
        for child in ending:
            if child.process is not None:
                log.error("%s does not stop: killed", child.name)
                child.process.kill()
                child.process.join()
                self._bury(child)
                exit_code = EXIT_FORCED
        return exit_code

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Signals set a flag; the loop acts on it."""

        def remember(number: int, _: FrameType | None) -> None:
            self._signals.append(number)

        previous = {number: signal.signal(number, remember) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Own the data folder: two inspectors would take each other's sockets, as binding a live one succeeds."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = open(data / "lock", "w")  # noqa: SIM115
    except OSError as error:
        raise ConfigError(f"data: {error.filename}: {error.strerror}; it must be a folder of our own") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"{data}: another inspector runs on this data folder") from None
        yield


def _reason(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {-exit_code} ({signal.strsignal(-exit_code) or 'real-time'})"
    return f"exit code {exit_code}"
