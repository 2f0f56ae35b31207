"""Owns the life of the processes: starts them, replaces the dead and the stuck, stops them in order.

Start: sink, workers, sources. Stop: sources first, so that what is in flight finishes; then workers; then the sink.
"""

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from types import FrameType

from inspector.errors import InspectorError
from inspector.host import instance, signals
from inspector.host.systemd import Notifier
from inspector.protocol.control import Cause, Process, Processes, Ready, Unusable, WorkerGone
from inspector.protocol.heartbeat import LifeSign
from inspector.settings import bundle_check, running_settings, terms
from inspector.settings.section import differences
from inspector.settings.settings import Settings
from inspector.settings.terms import decide_by
from inspector.supervisor import canary, known_models
from inspector.supervisor.child import Child
from inspector.supervisor.launch import launch
from inspector.supervisor.reload import Renewal, plan
from inspector.supervisor.restart_policy import Restarts
from inspector.supervisor.role import EXIT_UNUSABLE, STOP_SIGNAL, Assignment, Role
from inspector.vision import bundle, model_copies

log = logging.getLogger(__name__)

EXIT_OK = 0
#: The line was stopped by force: something did not end in time.
EXIT_FORCED = 3
#: Every process of a role was given up: nothing can be inspected. Whoever started the line may start it again.
EXIT_GIVEN_UP = 4

#: How long workers and sink get to end once nothing is in flight.
STOP_S = 15.0
#: How often the sink is told who runs, beside every change.
PROCESSES_S = 5.0
_TURN_S = 0.1
#: What ends closes its words, and is dead a moment later.
_END_S = 0.05
#: A turn of our own that took so long: we were held, and perhaps everyone; nobody is stuck because of that.
_HELD_S = 2.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Supervisor:
    """Runs one line. `run` returns the exit code."""

    def __init__(
        self,
        settings: Settings,
        reload: Callable[[], Settings],
        notifier: Notifier | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reload` reads the config again, at SIGHUP; InspectorError where it cannot be used.

        BundleError where the bundle cannot be opened, ConfigError where the settings do not go with it.
        """
        self._settings = settings
        self._bundle = bundle.load(settings.bundle_path)
        bundle_check.check_labels(settings, self._bundle.labels)
        bundle_check.check_bit_depth(settings, self._bundle)
        self._canary = canary.choose(self._bundle, settings.workers.engine)
        self._reload = reload
        self._notifier = notifier or Notifier()
        self._clock = clock
        self._stops: list[int] = []
        self._hangups: list[int] = []
        self._sockets = Path()
        self._serves = False
        self._turned_at = clock()
        self._told: tuple[list[Process], float] = ([], 0.0)
        self._renewal: Iterator[None] | None = None
        workers = [("worker", f"worker-{index}") for index in range(settings.workers.count)]
        sources = [("source", source.name) for source in settings.sources]
        self._children = [
            Child(role, slot, LifeSign(), Restarts(settings.supervision.give_up_after))  # type: ignore[arg-type]
            for role, slot in [("sink", "sink"), *workers, *sources]
        ]

    def run(self) -> int:
        """Serve until a signal, or until nothing can serve. BusyError where another owns the data folder."""
        data = self._settings.data
        with (
            instance.locked(data),
            model_copies.adopted(data, self._bundle) as self._bundle,
            self._listening(),
            instance.sockets(data) as self._sockets,
        ):
            self._keep_settings()
            known_models.note(data, self._bundle)
            for note in bundle_check.bit_depth_notes(self._settings, self._bundle):
                log.warning("%s", note)
            exit_code = self._supervise(lambda: bool(self._stops), {"sink", "worker", "source"}, float("inf"))
            log.info("stopping: sources first")
            self._renewal = None
            for child in self._children:
                child.leaving = False
            self._notifier.stopping()
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
            self._notice_time()
            if self._hangups and self._renewal is None:
                self._hangups.clear()
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
            self._tell_sink()
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
        child.incarnation = 1 + max(one.incarnation for one in self._children if one.slot == child.slot)
        child.name = f"{child.slot}.{child.incarnation}" if child.role == "worker" else child.slot
        child.sign.clear()
        child.unsent.clear()
        child.ready = child.stuck = False
        child.started_at = time.monotonic()
        assignment = Assignment(
            child.role, child.name, self._settings, self._sockets, self._canary, self._bundle, child.renewed
        )
        try:
            child.words, theirs = Pipe()
            with theirs:
                child.process = launch(assignment, theirs, child.sign)
        except OSError as error:  # no memory, or a limit of processes or files: it may heal, and others serve meanwhile
            self._note_failed_start(child, error)
            return
        log.info("%s started, pid %d", child.name, child.pid)
        if child.role == "sink":
            self._told = ([], 0.0)  # it knows nothing yet
            child.tell(terms.now(self._settings, self._bundle))

    def _listen(self) -> None:
        """Wait a turn, or less if a child ends or speaks."""
        voices = {child.words: child for child in self._children if child.words}
        for voice in wait(list(voices), _TURN_S):
            self._hear(voices[voice])  # type: ignore[index]
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
                known_models.sweep(self._settings.data, self._bundle)
        elif isinstance(word, Unusable):
            child.reason = word.reason

    def _bury(self, child: Child, expected: bool) -> None:
        """Note that a child ended, tell the others, and when it may start again unless its end was expected."""
        exit_code = child.process.poll() if child.process else None
        if exit_code is None:
            return
        while child.words is not None and child.words.poll():
            self._hear(child)  # its last words
        child.process = None
        if child.words is not None:
            child.words.close()
            child.words = None
        log.log(logging.WARNING if exit_code else logging.INFO, "%s ended with %s", child.name, _reason(exit_code))
        if child.role == "worker":
            gone = WorkerGone(child.name, child.sign.in_hand())
            for other in self._children:
                if other.role != "worker":
                    other.tell(gone)
        if not expected:
            self._note_end(child, exit_code)

    def _note_failed_start(self, child: Child, error: OSError) -> None:
        if child.words is not None:
            child.words.close()
            child.words = None
        child.reason = f"cannot be started: {error}"
        log.error("%s %s", child.name, child.reason)
        child.restarts.ended("exit", worked=False, now=self._clock())

    def _note_end(self, child: Child, exit_code: int) -> None:
        cause: Cause = "exit"
        if child.stuck:
            cause = "stuck"
        elif exit_code < 0:
            cause = "signal"
        elif exit_code == EXIT_UNUSABLE:
            cause = "unusable"
        if cause != "unusable":
            child.reason = "killed, it was stuck" if child.stuck else _reason(exit_code)
        child.restarts.ended(cause, child.sign.work > 0, self._clock())
        if child.restarts.given_up:
            log.error("%s is given up: %s", child.slot, child.trouble(self._clock()))

    def _hopeless(self, keep: set[Role]) -> int:
        """The exit code with which the line must end because a whole role cannot serve; 0: it can."""
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

    def _tell_sink(self) -> None:
        """Who runs and who ended how often, when it changes and now and then; systemd gets it in a line."""
        now = self._clock()
        seen = [
            Process(child.slot, child.role, child.pid, dict(child.restarts.causes), child.trouble(now))
            for child in self._children
        ]
        before, told_at = self._told
        if seen == before and now - told_at < PROCESSES_S:
            return
        self._told = (seen, now)
        self._children[0].tell(Processes(seen))
        running = sum(child.alive for child in self._children)
        troubled = [f"{one.name}: {one.trouble}" for one in seen if one.trouble]
        self._notifier.status("; ".join([f"{running} of {len(seen)} processes run", *troubled])[:500])

    def _kill_if_stuck(self, child: Child) -> None:
        if child.process is None or child.stuck:  # once is enough: its end may take a few turns
            return
        settings = self._settings
        if how := child.stuck_for(time.monotonic(), settings.workers.batch_timeout_s, settings.supervision):
            log.error("%s %s: killed", child.name, how)
            child.kill()
            child.stuck = True

    def _hang_up(self) -> None:
        """Take over what of a changed config can be; what cannot is named, and a broken one changes nothing."""
        self._notifier.reloading()
        try:
            fresh = self._reload()
            bundle_check.check_labels(fresh, self._bundle.labels)
            bundle_check.check_bit_depth(fresh, self._bundle)
        except InspectorError as error:
            log.error("reload: %s; the line goes on as before", "; ".join(str(error).splitlines()))
        else:
            self._take_over(fresh)
        for child in self._children:
            child.restarts.forgive()
        if self._renewal is None:
            self._notifier.ready()

    def _take_over(self, fresh: Settings) -> None:
        """Decisions at once; sources and outputs by processes that are replaced, in the turns that follow."""
        before = self._settings
        self._put_in_force(before.model_copy(update={"decision": fresh.decision, "recipes": fresh.recipes}))
        for child in self._of("worker"):
            child.tell(decide_by(fresh))
        self._children[0].tell(terms.now(self._settings, self._bundle))
        change = plan(self._settings, fresh)
        taken = ", ".join(differences(before, change.settings)) or "nothing new"
        waits = list(filter(None, (*change.waiting, model_copies.replaced(fresh.bundle_path, self._bundle))))
        waiting = f"; these need a restart: {', '.join(waits)}" if waits else ""
        log.info("reload: %s taken over%s", taken, waiting)
        if change.replaces:
            self._renewal = Renewal(change, self._children, self._put_in_force, STOP_S).steps()

    def _put_in_force(self, settings: Settings) -> None:
        self._settings = settings
        self._keep_settings()

    def _keep_settings(self) -> None:
        """For `inspector status`; a line that cannot write them goes on without."""
        try:
            running_settings.save(self._settings)
        except OSError as error:
            log.warning("the settings in force cannot be kept for `inspector status`: %s", error)

    def _end(self, role: Role, others: set[Role], limit_s: float) -> int:
        """Stop the children of a role while the others go on; by force after `limit_s` or a second signal."""
        ending = self._of(role)
        for child in ending:
            child.send_signal(STOP_SIGNAL)
        forced = len(self._stops) > 1
        self._supervise(
            lambda: len(self._stops) > 1 or not any(child.alive for child in ending), others, 0 if forced else limit_s
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

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Signals set a flag; the loop acts on it."""

        def remember(number: int, _: FrameType | None) -> None:
            (self._hangups if number == signal.SIGHUP else self._stops).append(number)

        previous = {number: signal.signal(number, remember) for number in (*_STOP_SIGNALS, signal.SIGHUP)}
        signals.release()
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _reason(exit_code: int) -> str:
    if exit_code < 0:
        return f"signal {-exit_code} ({signal.strsignal(-exit_code) or 'real-time'})"
    return f"exit code {exit_code}"
