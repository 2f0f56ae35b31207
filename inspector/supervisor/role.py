"""Owns the inside of a child process: runs one role until the supervisor stops it. launch.py starts it."""

import contextlib
import faulthandler
import logging
import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Literal

from inspector.errors import BundleError, BusyError, ConfigError, StoreError
from inspector.host import priority, signals
from inspector.host.log import setup
from inspector.protocol.canary import Canary
from inspector.protocol.control import Unusable, send
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.rejections import Refusals
from inspector.protocol.sockets import flush
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)

Role = Literal["sink", "worker", "source"]

#: Exit code of a child that can never serve as it is set up: starting it again would change nothing.
EXIT_UNUSABLE = 2
#: The signal by which the supervisor stops a child. SIGTERM (from systemd) and SIGINT (Ctrl-C) come to every process at
#: once: the supervisor alone acts on them, because the order in which the roles stop matters.
STOP_SIGNAL = signal.SIGUSR1


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a child process is to be. `name` is of this incarnation: worker-0.3 follows worker-0.2.

    `renewed`: it takes the place of a process that was stopped, while the line went on.
    `shadow`: the address of the model that a worker tries in shadow; empty: it serves.
    """

    role: Role
    name: str
    settings: Settings
    sockets: Path
    canary: Canary
    model: Bundle
    renewed: bool = False
    shadow: str = ""

    def encode(self, words: int, sign: int) -> bytes:
        """Return what the child reads from its stdin, with its descriptors. Pickled: nobody else writes there."""
        return pickle.dumps((self, words, sign))

    @classmethod
    def decode(cls, data: bytes) -> tuple["Assignment", Connection, LifeSign]:
        """Return what `encode` wrote, and what the descriptors stand for."""
        assignment, words, sign = pickle.loads(data)
        return assignment, Connection(words), LifeSign(sign)


def main() -> None:
    """Run a child; never return. Libraries get no chance to act while the interpreter ends."""
    assignment, words, sign = Assignment.decode(sys.stdin.buffer.read())
    setup(assignment.name, assignment.settings.log_level)
    exit_code = 1
    try:
        exit_code = _serve(assignment, words, sign)
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else 1
    except Exception:
        log.exception("ended by an error of its own")
    finally:
        sys.stdout.flush()
        os._exit(exit_code)


def _serve(assignment: Assignment, words: Connection, sign: LifeSign) -> int:
    """Run the role to its end; return the exit code."""
    try:
        run = _prepare(assignment, words, sign)
        run()
        flush()
    except (ConfigError, BundleError, BusyError, StoreError) as error:
        log.error("%s", error)
        with contextlib.suppress(OSError):
            send(words, Unusable(assignment.name, str(error)[:1024]))
        return EXIT_UNUSABLE
    return 0


def _prepare(assignment: Assignment, words: Connection, sign: LifeSign) -> Callable[[], None]:
    """Return what runs the role. Each imports only what it needs: no Paddle in sources and sink."""
    settings, sockets = assignment.settings, assignment.sockets
    if assignment.shadow:
        priority.lower()  # before any thread is started: each inherits it
    if assignment.role == "worker" and settings.workers.engine == "paddle":
        from inspector.vision.predictor import load_engine

        load_engine()
    told = _stop_when_told()

    def stop() -> bool:
        sign.turn()  # every role asks this in every turn: one that does not ask any more is stuck
        return told()

    if assignment.shadow:
        from inspector.worker.factory import shadow

        trial = shadow(assignment.shadow, settings, sockets, sign)
        return lambda: trial.run(assignment.name, words, stop)
    if assignment.role == "worker":
        from inspector.worker.factory import worker

        return worker(assignment.name, settings, assignment.model, sockets, sign, words, stop).run
    if assignment.role == "sink":
        from inspector.sink.role import SinkRole

        return SinkRole(settings, sockets, words, stop, sign.worked, assignment.canary, assignment.renewed).run
    from inspector.sources import factory
    from inspector.sources.crash_guard import CrashGuard
    from inspector.sources.delivery.supervisor_link import SupervisorLink
    from inspector.sources.optics.monitor import OpticsMonitor

    chosen = next(source for source in settings.sources if source.name == assignment.name)
    refusals, guard = Refusals(), CrashGuard(chosen.name, sign)
    guard.resume(settings.data)
    return factory.source(
        chosen.name,
        factory.connector(chosen, refusals, guard),
        settings.delivery,
        sockets,
        SupervisorLink(words, stop, sign.worked),
        refusals=refusals,
        monitor=OpticsMonitor(settings.optics, chosen.strip) if settings.optics.enabled else None,
        canary=assignment.canary,
        samples=factory.sampler(chosen, settings.evidence, settings.data).samples,
    ).run


def _stop_when_told() -> Callable[[], bool]:
    told: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        told.append(number)

    signal.signal(STOP_SIGNAL, remember)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signals.release()
    faulthandler.enable()
    return lambda: bool(told)
