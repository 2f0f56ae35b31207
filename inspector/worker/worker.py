"""Owns the loop of a worker: it asks sources for frames, batches them, has them scored and hands verdicts to the sink.

Reads top to bottom: `run` is the life, `_turn` one step of it.
"""

import logging
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from inspector.protocol.control import DecideBy, Ready, receive_all, send
from inspector.protocol.frames import CANARY, FrameOf
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.sockets import Poller
from inspector.worker.backlog import Backlog
from inspector.worker.batch_inspector import BatchInspector
from inspector.worker.inlet import Inlet
from inspector.worker.outlet import Outlet
from inspector.worker.recipes import Recipes

log = logging.getLogger(__name__)

#: Interval at which an idle worker repeats credits and life sign, in seconds: a restarted source or sink needs them.
BEAT_S = 0.25


class Worker:
    """Serves until told to stop, then finishes what it holds."""

    def __init__(
        self,
        name: str,
        inlets: Sequence[Inlet],
        backlog: Backlog,
        batch_inspector: BatchInspector,
        outlet: Outlet,
        sign: LifeSign,
        words: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`words` leads to the supervisor and back; `sign` shows the batch in hand; `stop` is asked in every turn."""
        self._name = name
        self._inlets = {inlet.source: inlet for inlet in inlets}
        self._backlog = backlog
        self._batch_inspector = batch_inspector
        self._outlet = outlet
        self._sign = sign
        self._words = words
        self._stop = stop

    def run(self) -> None:
        """Serve; close what the worker was given at the end."""
        try:
            self._serve()
        finally:
            for inlet in self._inlets.values():
                inlet.close()
            self._outlet.close()
            self._backlog.close()

    def _serve(self) -> None:
        if self._words:
            send(self._words, Ready(self._name))
        words = [self._words.fileno()] if self._words else []
        poller = Poller([inlet.dealer for inlet in self._inlets.values()], words)
        while not (self._stop() and not len(self._backlog)):
            self._turn(poller)

    def _turn(self, poller: Poller) -> None:
        if self._backlog.due_ms() is None:
            self._ask()
            self._outlet.beat()
        poller.wait(self._backlog.idle_ms(BEAT_S * 1000))
        self._hear_supervisor()
        self._receive()
        due_ms = self._backlog.due_ms()
        if due_ms is not None and (due_ms <= 0 or self._stop()):
            self._infer()

    def _hear_supervisor(self) -> None:
        try:
            for message in receive_all(self._words):
                if isinstance(message, DecideBy):
                    self._backlog.recipes = Recipes(self._batch_inspector.model, message)
                    log.info("decides by the numbers and recipes of the new config from now on")
        except (EOFError, OSError):
            self._words = None  # the supervisor is gone, and the kernel is about to end us too

    def _ask(self) -> None:
        for inlet in self._inlets.values():
            inlet.ask(stopping=self._stop())

    def _receive(self) -> None:
        """Take what sources sent into the backlog, and what waits there into batches."""
        for inlet in self._inlets.values():
            for frame, pixels in inlet.receive():
                self._backlog.add(frame, pixels)
        for job in self._backlog.admit():
            header = job.frame.header
            if header.frame != CANARY:
                self._inlets[header.source].tiles = len(job.tiles)

    def _infer(self) -> None:
        """Score the next batch and hand its verdicts to the sink; the sources send more meanwhile."""
        jobs = self._backlog.take()
        for job in jobs:
            self._inlets[job.frame.header.source].release()
        self._ask()
        self._sign.begin(FrameOf(job.frame.header.source, job.frame.header.frame) for job in jobs)
        self._outlet.deliver(self._batch_inspector.inspect(jobs), jobs)
        self._sign.end()
