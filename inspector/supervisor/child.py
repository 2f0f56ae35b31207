"""Owns one place in the line as the supervisor sees it: the process that fills it now, and its messages."""

import logging
import select
import signal
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from inspector.errors import MessageError
from inspector.protocol.control import Cause, ControlMessage, receive, send
from inspector.protocol.heartbeat import LifeSign
from inspector.settings.settings import SupervisionSettings
from inspector.supervisor.restart_policy import TROUBLE_ENDS, Restarts
from inspector.supervisor.role import EXIT_UNUSABLE, Role

log = logging.getLogger(__name__)

#: What a text for people is cut to, in characters: as much as a message takes.
_TEXT_CHARS = 1024


@dataclass(slots=True)
class Child:
    """A place and its process. `sign` and `restarts` outlive the process; the rest is of this one.

    `leaving`: it was asked to end, and is not to be started again. `renewed`: its next process follows one that was
    asked to end. Times are monotonic seconds: nothing before `pardoned_at` counts against it, and at `busy_at` it was
    seen with a batch, so its last turn was before that.
    """

    role: Role
    slot: str
    sign: LifeSign
    restarts: Restarts
    process: subprocess.Popen[bytes] | None = None
    words: Connection | None = None
    name: str = ""
    incarnation: int = 0
    ready: bool = False
    was_ready: bool = False  # this process or one before it
    stuck: bool = False
    leaving: bool = False
    renewed: bool = False
    started_at: float = 0.0
    pardoned_at: float = 0.0
    busy_at: float = 0.0
    reason: str = ""  # why the last process ended, for people
    unsent: deque[ControlMessage] = field(default_factory=deque)

    @property
    def alive(self) -> bool:
        """Whether a process fills the place: it runs, or its end was not noted yet."""
        return self.process is not None

    @property
    def pid(self) -> int:
        """The id of the process, 0 if there is none."""
        return self.process.pid if self.process else 0

    def trouble(self, now: float) -> str:
        """Return what is wrong with the place, for readiness; empty if nothing is."""
        if self.restarts.given_up:
            return f"given up, it ended again and again: {self.reason}"[:_TEXT_CHARS]
        ends = self.restarts.recent(now)
        return f"ended {ends} times within a minute: {self.reason}"[:_TEXT_CHARS] if ends >= TROUBLE_ENDS else ""

    def begin(self, incarnation: int) -> None:
        """Name the next process, and forget what was of the one before it."""
        self.incarnation = incarnation
        self.name = f"{self.slot}.{incarnation}" if self.role == "worker" else self.slot
        self.sign.clear()
        self.unsent.clear()
        self.ready = self.stuck = False
        self.started_at = time.monotonic()

    def tell(self, word: ControlMessage) -> None:
        """Send a message, or queue it: a process that is stuck and reads nothing must not hold up the supervisor."""
        self.unsent.append(word)
        self.flush()

    def flush(self) -> None:
        """Send what is queued, as far as the process takes it without waiting."""
        while self.words is not None and self.unsent and _takes_more(self.words):
            try:
                send(self.words, self.unsent.popleft())
            except OSError:
                self.unsent.clear()  # it has just ended, and none of this is for the next one

    def hear(self) -> ControlMessage | None:
        """Return its next message; None if that is no message of ours, or it has left. Waits for one."""
        if self.words is None:
            return None
        try:
            return receive(self.words)
        except MessageError:
            return None
        except (EOFError, OSError):
            self.close_words()
            return None

    def close_words(self) -> None:
        """Close the pipe to the process."""
        if self.words is not None:
            self.words.close()
            self.words = None

    def note_failed_start(self, error: OSError, now: float) -> None:
        """Note at monotonic time `now` that the system gave no process."""
        self.close_words()
        self.reason = f"cannot be started: {error}"
        log.error("%s %s", self.name, self.reason)
        self.restarts.ended("exit", worked=False, now=now)

    def note_end(self, exit_code: int, now: float) -> Cause:
        """Note at monotonic time `now` that the process ended, which nobody had asked for; return why."""
        cause: Cause = "exit"
        if self.stuck:
            cause = "stuck"
        elif exit_code < 0:
            cause = "signal"
        elif exit_code == EXIT_UNUSABLE:
            cause = "unusable"
        if cause != "unusable":
            self.reason = "killed, it was stuck" if self.stuck else described(exit_code)
        self.restarts.ended(cause, self.sign.work > 0, now)
        if self.restarts.given_up:
            log.error("%s is given up: %s", self.slot, self.trouble(now))
        return cause

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.process is not None:
            self.process.send_signal(number)  # does nothing once it has ended

    def kill(self) -> None:
        """End it by force, if it still runs."""
        self.send_signal(signal.SIGKILL)

    def stuck_for(self, now: float, batch_timeout_s: float, limits: SupervisionSettings) -> str:
        """Return how it is stuck at monotonic time `now`; empty if it is not.

        One that never went round its loop is loading, which may take `limits.start_s`.
        """
        began, turned = self.sign.began, self.sign.turned
        if began:
            most_s, what = (batch_timeout_s, "a batch") if self.role == "worker" else (limits.stuck_s, "one picture")
            if now - max(began, self.pardoned_at) > most_s:
                return f"is stuck in {what} for more than {most_s:g} s"
            self.busy_at = now
        elif turned:
            if now - max(turned, self.busy_at, self.pardoned_at) > limits.stuck_s:
                return f"made no turn for more than {limits.stuck_s:g} s"
        elif now - max(self.started_at, self.pardoned_at) > limits.start_s:
            return f"is not at work more than {limits.start_s:g} s after its start"
        return ""


def described(exit_code: int) -> str:
    """Return how a process ended, for people: by which signal, or with which exit code."""
    if exit_code < 0:
        return f"signal {-exit_code} ({signal.strsignal(-exit_code) or 'real-time'})"
    return f"exit code {exit_code}"


def _takes_more(pipe: Connection) -> bool:
    """Return whether something can be written at once. By poll: select raises at descriptors above 1,023."""
    writable = select.poll()
    writable.register(pipe, select.POLLOUT)
    return bool(writable.poll(0))
