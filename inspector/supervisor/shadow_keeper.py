"""Owns the process of the model in shadow: it runs while the history says so, and nothing of the line depends on it."""

import logging
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from multiprocessing.connection import Pipe
from pathlib import Path

from inspector.errors import StoreError
from inspector.protocol.canary import Canary
from inspector.protocol.control import Ready, Unusable
from inspector.protocol.heartbeat import LifeSign
from inspector.record.models import model_history
from inspector.record.models.model_history import FILE, FOLDER, LINE, ModelEvent, ModelHistory
from inspector.settings.settings import Settings
from inspector.supervisor.child import Child
from inspector.supervisor.launch import launch
from inspector.supervisor.restart_policy import Restarts
from inspector.supervisor.role import Assignment
from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)

#: Time without a turn after which the process counts as hung, in seconds: at idle priority it may get no processor for
#: long, and while it hangs the line loses nothing.
HUNG_S = 1800.0
#: Longest wait for the end of a process that was killed, in seconds.
_END_S = 1.0


class ShadowKeeper:
    """Starts, replaces and ends the one process in shadow. It raises nothing: a trial must not end the line."""

    def __init__(self, hung_s: float = HUNG_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._hung_s = hung_s
        self._clock = clock
        self._child: Child | None = None
        self._started_with: Settings | None = None
        self._tried: ModelEvent | None = None
        self._seen: list[tuple[int, int, int] | None] = []

    def turn(self, settings: Settings, sockets: Path, canary: Canary, model: Bundle) -> None:
        """Bring about what the history says, as far as that takes no wait. `model` is the one that serves."""
        try:
            self._look(settings)
            if self._tried is not None:
                self._keep(self._tried, settings, sockets, canary, model)
        except (StoreError, OSError) as error:
            log.error("the model in shadow: %s", error)
            self.end()
            self._tried = None  # until the history changes

    def end(self) -> None:
        """End the process by force: it holds nothing that could be lost."""
        child, self._child = self._child, None
        if child is not None:
            if child.process is not None:
                child.kill()
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(_END_S)
            child.close_words()
            child.sign.close()

    def _look(self, settings: Settings) -> None:
        """Read the history again if it has changed."""
        path = settings.data / FOLDER / FILE
        seen = [_state(path), _state(path.with_name(f"{FILE}-wal"))]
        if seen == self._seen:
            return
        self._seen = seen
        with closing(ModelHistory(settings.data, read_only=True)) as history:
            tried = model_history.in_shadow(history.every())
        if (tried and tried.id) != (self._tried and self._tried.id):
            self.end()
            self._tried = tried

    def _keep(self, tried: ModelEvent, settings: Settings, sockets: Path, canary: Canary, model: Bundle) -> None:
        if self._child is not None and self._started_with is not settings:
            self.end()  # a reload: the next one decides by the new settings
        if self._child is None:
            self._child = Child("worker", "shadow", LifeSign(), Restarts(settings.supervision.give_up_after))
            self._started_with = settings
        child = self._child
        if child.process is None and self._clock() >= child.restarts.at:
            child.begin(child.incarnation + 1)
            assignment = Assignment(
                role="worker", name=child.name, settings=settings, sockets=sockets, canary=canary, model=model,
                shadow=tried.address,
            )  # fmt: skip
            child.words, theirs = Pipe()
            with theirs:
                child.process = launch(assignment, theirs, child.sign)
            log.info("%s tries %s in shadow", child.name, tried.model)
            log.info("%s started, pid %d", child.name, child.pid)
        self._hear(child)
        self._bury(child, tried, settings)

    def _hear(self, child: Child) -> None:
        while child.words is not None and child.words.poll():
            message = child.hear()
            if isinstance(message, Ready):
                log.info("%s is ready", child.name)
            elif isinstance(message, Unusable):
                child.reason = message.reason

    def _bury(self, child: Child, tried: ModelEvent, settings: Settings) -> None:
        """Note that the process ended; end the trial where another process would only end, too."""
        now = self._clock()
        if child.process is None:
            return
        if not child.stuck and now - max(child.sign.turned, child.sign.began, child.started_at) > self._hung_s:
            log.error("%s made no turn for more than %g s: killed", child.name, self._hung_s)
            child.kill()
            child.stuck = True
        exit_code = child.process.poll()
        if exit_code is None:
            return
        self._hear(child)
        child.process = None
        child.close_words()
        cause = child.note_end(exit_code, now)
        log.warning("%s ended: %s", child.name, child.reason)
        if cause == "unusable" or child.restarts.given_up:
            with closing(ModelHistory(settings.data)) as history:
                history.note(
                    "shadow_ended", model=tried.model, address=tried.address, person=LINE, at=time.time(),
                    why=f"given up: {child.reason}"[:1024],
                )  # fmt: skip


def _state(path: Path) -> tuple[int, int, int] | None:
    """Return what tells two states of a file apart; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
