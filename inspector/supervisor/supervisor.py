"""Owns the life of the processes: starts them, replaces the dead and the stuck, stops them in order.

Start: sink, workers, sources. Stop: sources first, so that what is in flight finishes; then workers; then the sink.
"""

import logging
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Pipe, wait
from pathlib import Path

from inspector.host import instance
from inspector.host.systemd import Notifier
from inspector.protocol.canary import Canary
from inspector.protocol.control import Ready, Unusable, WorkerGone
from inspector.protocol.heartbeat import LifeSign
from inspector.settings import bundle_check
from inspector.settings.section import differences
from inspector.settings.settings import Settings
from inspector.settings.terms import decide_by
from inspector.supervisor import known_models
from inspector.supervisor.child import Child, described
from inspector.supervisor.launch import launch
from inspector.supervisor.process_report import ProcessReport
from inspector.supervisor.reload import Renewal, plan
from inspector.supervisor.restart_policy import Restarts
from inspector.supervisor.role import EXIT_UNUSABLE, STOP_SIGNAL, Assignment, Role
from inspector.supervisor.settings_in_force import SettingsInForce
from inspector.supervisor.shadow_keeper import ShadowKeeper
from inspector.supervisor.signal_flags import SignalFlags
from inspector.vision import model_copies
from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)

EXIT_OK = 0
#: Exit code of a line that was stopped by force: a process did not end in time.
EXIT_FORCED = 3
#: Exit code when every process of a role was given up: nothing can be inspected. Whoever started the line may start it
#: again.
EXIT_GIVEN_UP = 4

#: Time that workers and sink get to end once nothing is in flight, in seconds.
STOP_S = 15.0
#: Longest turn while no child sends a message, in seconds.
_TURN_S = 0.1
#: Longest wait for the end of a process that has closed its pipe, in seconds.
_END_S = 0.05
#: A turn of the supervisor longer than this, in seconds, was held up, and so perhaps was every child: none of them
#: counts as stuck for that time.
_HELD_S = 2.0


class Supervisor:
    """Runs one line. `run` returns the exit code."""

    def __init__(
        self,
        settings: SettingsInForce,
        model: Bundle,
        canary: Canary,
        notifier: Notifier,
        signals: SignalFlags,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`model` is the bundle that the config names, `canary` its picture; `signals` stop and reload the line."""
        self._in_force = settings
        self._model = model
        self._canary = canary
        self._notifier = notifier
        self._signals = signals
        self._clock = clock
        self._report = ProcessReport(notifier)
        self._sockets = Path()
        self._shadow = ShadowKeeper()
        self._serves = False
        self._turned_at = clock()
        self._renewal: Iterator[None] | None = None
        self._children = list(_places(settings.settings))

    def run(self) -> int:
        """Serve until a signal, or until nothing can serve. Raise BusyError if another line has the data folder."""
        data = self._in_force.settings.data
        with (
            instance.locked(data),
            model_copies.adopted(data, self._model) as self._model,
            self._signals.listening(),
            instance.sockets(data) as self._sockets,
        ):
            self._in_force.keep()
            known_models.note(data, self._model)
            for note in bundle_check.bit_depth_notes(self._in_force.settings, self._model):
                log.warning("%s", note)
            try:
                exit_code = self._supervise(lambda: self._signals.stops > 0, {"sink", "worker", "source"}, float("inf"))
            finally:
                self._shadow.end()
            log.info("stopping: sources first")
            exit_code = self._stop(exit_code)
        log.info("stopped, exit code %d", exit_code)
        return exit_code

    def _stop(self, exit_code: int) -> int:
        """End the roles one after the other; return the exit code, which is the worst."""
        self._renewal = None
        for child in self._children:
            child.leaving = False
        self._notifier.stopping()
        usable = exit_code == EXIT_OK  # otherwise what ended would only end again
        order: tuple[tuple[Role, set[Role], float], ...] = (
            ("source", {"sink", "worker"}, self._in_force.settings.delivery.drain_s + STOP_S),
            ("worker", {"sink"}, STOP_S),
            ("sink", set(), STOP_S),
        )
        for role, others, limit_s in order:
            exit_code = max(exit_code, self._end(role, others if usable else set(), limit_s))
        return exit_code

    def _supervise(self, done: Callable[[], bool], keep: set[Role], limit_s: float) -> int:
        """Keep the children of the roles in `keep` running until `done`, at most `limit_s`; return the exit code."""
        deadline = self._clock() + limit_s
        while not done() and self._clock() < deadline:
            self._notice_time()
            if self._renewal is None and self._signals.take_hangup():
                self._hang_up()
            if self._renewal is not None and next(self._renewal, True):
                self._renewal = None
                self._notifier.ready()
            for child in self._children:
                if child.role in keep and not child.alive and not child.leaving and self._may_start(child):
                    self._start(child)
            self._listen()
            for child in self._children:
                self._bury(child, expected=child.leaving or child.role not in keep)
                self._kill_if_stuck(child)
            if exit_code := self._hopeless(keep):
                return exit_code
            self._report.send(self._children[0], self._children, self._clock())
            if self._serves and self._signals.stops == 0:
                self._shadow.turn(self._in_force.settings, self._sockets, self._canary, self._model)
        return EXIT_OK

    def _notice_time(self) -> None:
        now = self._clock()
        if now - self._turned_at > _HELD_S:
            for child in self._children:
                child.pardoned_at = time.monotonic()
        self._turned_at = now
        self._notifier.alive(now)

    def _may_start(self, child: Child) -> bool:
        return not child.restarts.given_up and self._clock() >= child.restarts.at

    def _start(self, child: Child) -> None:
        child.begin(1 + max(one.incarnation for one in self._children if one.slot == child.slot))
        assignment = Assignment(
            role=child.role,
            name=child.name,
            settings=self._in_force.settings,
            sockets=self._sockets,
            canary=self._canary,
            model=self._model,
            renewed=child.renewed,
        )
        try:
            child.words, theirs = Pipe()
            with theirs:
                child.process = launch(assignment, theirs, child.sign)
        except OSError as error:  # no memory, or a limit of processes or files: it may heal, and others serve meanwhile
            child.note_failed_start(error, self._clock())
            return
        log.info("%s started, pid %d", child.name, child.pid)
        if child.role == "sink":
            self._report.begin_anew()
            child.tell(self._in_force.terms())

    def _listen(self) -> None:
        """Wait a turn, or less if a child ends or sends a message."""
        pipes = {child.words: child for child in self._children if child.words}
        for pipe in wait(list(pipes), _TURN_S):
            self._hear(pipes[pipe])  # type: ignore[index]
        for child in self._children:
            child.flush()

    def _hear(self, child: Child) -> None:
        word = child.hear()
        if child.words is None and child.process is not None:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(_END_S)
        if isinstance(word, Ready):
            child.ready = child.was_ready = True
            child.renewed = False
            log.info("%s is ready", child.name)
            if not self._serves and all(any(one.ready for one in self._of(role)) for role in ("sink", "worker")):
                self._serves = True
                self._notifier.ready()
                known_models.sweep(self._in_force.settings.data, self._model)
        elif isinstance(word, Unusable):
            child.reason = word.reason

    def _bury(self, child: Child, expected: bool) -> None:
        """Note that a child ended, and tell the others; unless its end was expected, set when it may start again."""
        exit_code = child.process.poll() if child.process else None
        if exit_code is None:
            return
        while child.words is not None and child.words.poll():
            self._hear(child)  # what it sent at last
        child.process = None
        child.close_words()
        log.log(logging.WARNING if exit_code else logging.INFO, "%s ended with %s", child.name, described(exit_code))
        if child.role == "worker":
            gone = WorkerGone(child.name, child.sign.in_hand())
            for other in self._children:
                if other.role != "worker":
                    other.tell(gone)
        if not expected:
            cause = child.note_end(exit_code, self._clock())
            if cause == "unusable" and child.role == "worker":
                model_copies.mend(self._model, self._in_force.settings.bundle_path)

    def _hopeless(self, keep: set[Role]) -> int:
        """Return the exit code with which the line must end because a whole role cannot serve; 0 if it can."""
        for role in keep:
            ours = self._of(role)
            impossible = [one for one in ours if one.restarts.causes.get("unusable") and not one.was_ready]
            # One source or sink that is impossible from the start is a wrong config; one worker is not all of them.
            if impossible and (role != "worker" or len(impossible) == len(ours)):
                return EXIT_UNUSABLE
            if ours and all(one.restarts.given_up for one in ours):
                log.error("every %s is given up: the line ends", role)
                return EXIT_GIVEN_UP
        return EXIT_OK

    def _of(self, role: str) -> list[Child]:
        return [child for child in self._children if child.role == role]

    def _kill_if_stuck(self, child: Child) -> None:
        if child.process is None or child.stuck:  # once is enough: its end may take a few turns
            return
        settings = self._in_force.settings
        if how := child.stuck_for(time.monotonic(), settings.workers.batch_timeout_s, settings.supervision):
            log.error("%s %s: killed", child.name, how)
            child.kill()
            child.stuck = True

    def _hang_up(self) -> None:
        """Take over what of a changed config can be; what cannot is named, and a broken one changes nothing."""
        self._notifier.reloading()
        if (fresh := self._in_force.reread()) is not None:
            self._take_over(fresh)
        for child in self._children:
            child.restarts.forgive()
        if self._renewal is None:
            self._notifier.ready()

    def _take_over(self, fresh: Settings) -> None:
        """Decisions at once; sources and outputs by processes that are replaced, in the turns that follow."""
        before = self._in_force.settings
        self._in_force.put(before.model_copy(update={"decision": fresh.decision, "recipes": fresh.recipes}))
        for child in self._of("worker"):
            child.tell(decide_by(fresh))
        self._children[0].tell(self._in_force.terms())
        change = plan(self._in_force.settings, fresh)
        taken = ", ".join(differences(before, change.settings)) or "nothing new"
        waits = list(filter(None, (*change.waiting, model_copies.replaced(fresh.bundle_path, self._model))))
        waiting = f"; these need a restart: {', '.join(waits)}" if waits else ""
        log.info("reload: %s taken over%s", taken, waiting)
        if change.replaces:
            self._renewal = Renewal(change, self._children, self._in_force.put, STOP_S).steps()

    def _end(self, role: Role, others: set[Role], limit_s: float) -> int:
        """Stop the children of a role while the others go on; by force after `limit_s` or a second signal."""
        ending = self._of(role)
        for child in ending:
            child.send_signal(STOP_SIGNAL)
        forced = self._signals.stops > 1
        self._supervise(
            lambda: self._signals.stops > 1 or not any(child.alive for child in ending),
            others,
            0 if forced else limit_s,
        )
        exit_code = EXIT_OK
        for child in ending:
            if child.process is not None:
                log.error("%s does not stop: killed", child.name)
                child.process.kill()
                child.process.wait()
                self._bury(child, expected=True)
                exit_code = EXIT_FORCED
        return exit_code


def _places(settings: Settings) -> Iterator[Child]:
    """Yield the places of a line, the sink first."""
    roles: list[tuple[Role, str]] = [("sink", "sink")]
    roles += [("worker", f"worker-{index}") for index in range(settings.workers.count)]
    roles += [("source", source.name) for source in settings.sources]
    for role, slot in roles:
        yield Child(role, slot, LifeSign(), Restarts(settings.supervision.give_up_after))
