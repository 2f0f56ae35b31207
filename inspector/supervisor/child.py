"""Owns one place in the line as the supervisor sees it: the process that fills it now, and words to and from it."""

import select
import signal
import subprocess
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from inspector.errors import MessageError
from inspector.protocol.control import Word, hear, say
from inspector.protocol.heartbeat import LifeSign
from inspector.settings.settings import SupervisionSettings
from inspector.supervisor.restart_policy import TROUBLE_ENDS, Restarts
from inspector.supervisor.role import Role


@dataclass(slots=True)
class Child:
    """A place and its process. `sign` and `restarts` outlive the process; the rest is of this one."""

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
    leaving: bool = False  # it was told to end, and is not to be started again
    renewed: bool = False  # its next process follows one that was told to end
    started_at: float = 0.0
    pardoned_at: float = 0.0  # nothing before this counts against it
    busy_at: float = 0.0  # seen with a batch: its last turn was before that
    reason: str = ""  # the last end, for people
    unsent: deque[Word] = field(default_factory=deque)

    @property
    def alive(self) -> bool:
        """Whether a process fills the place: it runs, or its end was not noted yet."""
        return self.process is not None

    @property
    def pid(self) -> int:
        """The process, or 0."""
        return self.process.pid if self.process else 0

    def trouble(self, now: float) -> str:
        """What is wrong with it, for readiness; empty where nothing is."""
        if self.restarts.given_up:
            return f"given up, it ended again and again: {self.reason}"[:1024]
        ends = self.restarts.recent(now)
        return f"ended {ends} times within a minute: {self.reason}"[:1024] if ends >= TROUBLE_ENDS else ""

    def tell(self, word: Word) -> None:
        """Say something, or later: a process that is stuck and reads nothing must not hold up the supervisor."""
        self.unsent.append(word)
        self.flush()

    def flush(self) -> None:
        """Say what waits, as far as it can be taken without waiting."""
        while self.words is not None and self.unsent and _takes_more(self.words):
            try:
                say(self.words, self.unsent.popleft())
            except OSError:
                self.unsent.clear()  # it has just ended, and a new one has nothing to be told of

    def hear(self) -> Word | None:
        """What it says; None where that cannot be understood or it has left. MessageError is not raised."""
        if self.words is None:
            return None
        try:
            return hear(self.words)
        except MessageError:
            return None
        except (EOFError, OSError):
            self.words.close()
            self.words = None
            return None

    def send_signal(self, number: signal.Signals) -> None:
        """A signal, if it still runs."""
        if self.process is not None:
            self.process.send_signal(number)  # nothing where it has ended

    def kill(self) -> None:
        """End it by force, if it still runs."""
        self.send_signal(signal.SIGKILL)

    def stuck_for(self, now: float, batch_timeout_s: float, limits: SupervisionSettings) -> str:
        """How it is stuck, or nothing. One that was not round its loop yet is loading, which takes its time."""
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


def _takes_more(pipe: Connection) -> bool:
    """Whether something can be written without waiting. By poll: select raises at descriptors above 1,023."""
    writable = select.poll()
    writable.register(pipe, select.POLLOUT)
    return bool(writable.poll(0))
