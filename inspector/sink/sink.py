"""Owns the end of the path: verdicts into one durable transaction, only then the acks, then metrics and followers."""

import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NoReturn

from inspector.errors import DamagedError, MessageError, ReplacedError, StoreError
from inspector.host.disk_reserve import Reserve
from inspector.protocol import messages
from inspector.protocol.canary import Canary
from inspector.protocol.control import InForce, Processes, WorkerGone, receive_all
from inspector.protocol.frames import CANARY
from inspector.protocol.messages import KEPT, REFUSED, Beat, Hello, Tally, Verdicts
from inspector.protocol.rejections import READ_BURST, Refusals, check_report
from inspector.protocol.sockets import Poller, Router
from inspector.protocol.verdicts import Verdict
from inspector.record import optics_history, settings_history
from inspector.record.evidence import evidence
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings.settings import Settings
from inspector.sink import recovery
from inspector.sink.follower_group import FollowerGroup
from inspector.sink.health import Health
from inspector.sink.known_sources import KnownSources
from inspector.sink.metrics import Metrics
from inspector.sink.missing_recipes import MissingRecipes
from inspector.sink.verdict_log import VerdictLog

log = logging.getLogger(__name__)

#: Seconds before a failed transaction is tried again.
RETRY_S = 0.5
#: Seconds between two writes of tallies that come without a verdict.
TALLY_S = 1.0
#: How long one turn waits for a message, in milliseconds.
IDLE_MS = 250.0
#: After the stop, silence of this many milliseconds means that nothing is on its way any more: less than the time
#: between two tallies of a source.
SILENCE_MS = 50.0
#: Upper bound, in seconds, on draining when the sink is replaced under load: what comes later goes to the next sink.
LINGER_S = 2.0
#: Seconds after which pictures that show nothing are forgotten when none comes: an idle drop folder is no blind camera.
SEEN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """What a sink works with, open and ready; see role.py for where they come from."""

    store: Store
    reserve: Reserve
    router: Router
    sources: KnownSources
    followers: FollowerGroup
    metrics: Metrics
    health: Health


class Sink:
    """Records verdicts until told to stop, then what has already arrived."""

    def __init__(
        self,
        settings: Settings,
        parts: Collaborators,
        supervisor: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
        worked: Callable[[], None] = lambda: None,
        canary: Canary | None = None,
    ) -> None:
        """`supervisor` brings its messages; `stop` is asked in every turn, `worked` called at every commit.

        `canary` knows the right answer to the pictures that are no frames of the line.
        """
        self._settings = settings
        self._store, self._reserve, self._router = parts.store, parts.reserve, parts.router
        self._sources, self._followers = parts.sources, parts.followers
        self._metrics, self._health = parts.metrics, parts.health
        self._supervisor = supervisor
        self._stop = stop
        self._worked = worked
        self._canary = canary
        self._names = {source.name for source in settings.sources}
        self._locators = {
            source.name: Locator(source.place, source.strip.background != "none") for source in settings.sources
        }
        self._refusals = Refusals()
        self._missing_recipes = MissingRecipes()
        self._verdict_log = VerdictLog(self._locators)
        self._pending: list[tuple[str, Verdict]] = []  # each with its model
        self._pending_since = 0.0
        self._tallies: dict[str, Tally] = {}
        self._tallied_at = 0.0
        self._to_keep: InForce | None = None  # not on record yet
        self._is_behind = True  # there may be rows that a follower has not passed

    def run(self) -> None:
        """Serve until told to stop; then record what has arrived, and let the followers catch up.

        SystemExit where another process has to go on: the record is damaged, or is not in its place any more.
        """
        poller = Poller([self._router], [self._supervisor.fileno()] if self._supervisor else [])
        while not self._stop():
            self._turn(poller)
        deadline = time.monotonic() + LINGER_S
        while self._turn(poller, SILENCE_MS) and time.monotonic() < deadline:
            continue
        self._commit()
        self._followers.finish()

    def _turn(self, poller: Poller, at_most_ms: float = IDLE_MS) -> bool:
        """Receive, and commit when it is time; False where nothing came and nothing is left."""
        came = poller.wait(min(self._idle_ms(), at_most_ms))
        self._take_messages()
        self._keep_in_force()
        for _ in range(READ_BURST):
            if len(self._pending) >= self._settings.record.commit_rows or not (received := self._router.receive()):
                break
            self._receive(*received)
        if self._commit_due():
            self._commit()
        self._verdict_log.turn()
        if self._is_behind or not came:
            self._is_behind = self._followers.turn()
        return came or bool(self._pending)

    def _take_messages(self) -> None:
        try:
            for message in receive_all(self._supervisor):
                if isinstance(message, WorkerGone):
                    self._health.worker_gone(message.worker)
                elif isinstance(message, Processes):
                    self._health.processes(message.processes)
                    self._metrics.processes(message.processes)
                elif isinstance(message, InForce):
                    self._to_keep = message
        except (EOFError, OSError):
            self._supervisor = None  # the supervisor is gone, and the kernel is about to end us too

    def _keep_in_force(self) -> None:
        if self._to_keep is None:
            return
        with suppress(StoreError):  # the commit of verdicts reports what is wrong; the next turn tries again
            settings_history.keep(self._store, self._to_keep)
            self._to_keep = None

    def _idle_ms(self) -> float:
        if not self._pending:
            return 0.0 if self._is_behind else IDLE_MS
        return max(0.0, self._settings.record.commit_ms - (time.monotonic() - self._pending_since) * 1000)

    def _commit_due(self) -> bool:
        if self._pending:
            full = len(self._pending) >= self._settings.record.commit_rows
            return full or self._idle_ms() <= 0
        return bool(self._tallies) and time.monotonic() - self._tallied_at > TALLY_S

    def _receive(self, peer: bytes, parts: list[bytes]) -> None:
        try:
            message = messages.decode(parts[0] if len(parts) == 1 else b"")
            check_report(peer, message, self._names)
        except MessageError as error:
            self._refusals.add(str(error))
            self._metrics.rejected(self._refusals.count)
            return
        match message:
            case Verdicts():
                self._take(message)
            case Beat():
                self._health.worker(message.worker, message.model)
            case Tally():
                self._take_tally(peer, message)
            case Hello():
                self._welcome(peer, message)
        ready = self._health.ready_workers()
        self._metrics.workers(len(ready), set(ready.values()))

    def _take(self, batch: Verdicts) -> None:
        if batch.model:
            self._health.worker(batch.sender, batch.model)
            self._metrics.batch(batch.tiles, batch.inference_s)
        if not self._pending:
            self._pending_since = time.monotonic()
        for verdict in batch.verdicts:
            if verdict.header.frame == CANARY:
                self._judge(batch, verdict)
            elif not self._sources.is_stale(verdict):
                self._pending.append((batch.model, verdict))

    def _judge(self, batch: Verdicts, verdict: Verdict) -> None:
        """Judge the answer to a canary: right or wrong, it is no frame of the line and goes no further."""
        if self._canary is not None and batch.model:
            wrong = self._canary.wrong(batch.model, verdict)
            if wrong:
                log.error("%s: %s", batch.sender, wrong)
            header = verdict.header
            self._health.canary(header.source, batch.sender, header.captured_mono, wrong)
            self._metrics.canary(header.source, header.captured_at, right=not wrong)

    def _take_tally(self, peer: bytes, tally: Tally) -> None:
        if self._sources.is_current(tally):
            self._health.source(tally.source, tally.problem)
            self._health.trouble(f"pictures of {tally.source}", _unseen(tally))
            self._health.trouble(f"files of {tally.source}", _stuck(tally))
            self._metrics.tally(tally)
            self._tallies[tally.source] = tally
        self._sources.pulse(peer, tally)

    def _welcome(self, peer: bytes, hello: Hello) -> None:
        self._commit()  # what this source may be asking about could still be pending
        if self._pending:
            return  # it cannot be written now; the source asks again
        try:
            self._sources.welcome(peer, hello)
        except ReplacedError as error:
            self._leave(error)
        except StoreError as error:
            log.error("cannot look up source %s: %s; it asks again", hello.source, error)

    def _commit(self) -> None:
        """Write what is pending; ack, log and count it only once it is durable. Nothing is acked that is not."""
        if not self._pending and not self._tallies:
            return
        started = time.monotonic()
        try:
            new = self._store.write(self._pending, self._tallies.values(), locators=self._locators)
            learn_since = optics_history.learn_since(self._store) if self._tallies else None
        except DamagedError as error:
            recovery.mark(self._settings.data, str(error))
            log.error("%s: starting again, which sets it aside; %d verdicts come again", error, len(self._pending))
            sys.exit(1)
        except ReplacedError as error:
            self._leave(error)
        except StoreError as error:
            if self._reserve.release():
                return  # and at once again
            self._health.wrote(str(error))
            log.error("cannot record: %s; %d verdicts wait", error, len(self._pending))
            time.sleep(RETRY_S)
            return
        self._health.wrote(None)
        self._worked()
        done = self._tallied_at = time.monotonic()
        self._sources.acknowledge((verdict for _, verdict in self._pending), new)
        self._pending.clear()
        if learn_since is not None:
            self._sources.note_recorded(self._tallies.values(), learn_since)
        self._tallies.clear()
        self._is_behind = self._is_behind or bool(new)
        self._count(new, done, done - started)

    def _count(self, new: list[Verdict], at: float, commit_s: float) -> None:
        """Log and count verdicts that came on record at monotonic time `at`."""
        self._metrics.recorded(new, at, commit_s)
        self._metrics.recipe_unknown(self._missing_recipes.note(new))
        self._verdict_log.note(new)
        for source, trouble in self._verdict_log.unplaced(new).items():
            self._health.trouble(f"places of {source}", trouble)
        for verdict in new:
            if not verdict.evidence_bytes and evidence.wanted(self._settings.evidence, verdict):
                self._metrics.evidence_missing()

    def _leave(self, error: ReplacedError) -> NoReturn:
        """End, so that another process opens what is there by then: none may hold a file that is not."""
        log.error("%s: starting again with what is there; %d verdicts come again", error, len(self._pending))
        try:
            self._store.salvage()
        except StoreError as trouble:
            log.error("%s", trouble)
        sys.exit(1)


def _unseen(tally: Tally) -> str:
    """Return why a source's last pictures show nothing; empty where they show something, or there was none lately."""
    state = tally.optics
    if state is None or tally.at - state.at > SEEN_S:
        return ""
    return next((f"blank: {one.detail}" for one in state.troubles if one.kind == "blank"), "")


def _stuck(tally: Tally) -> str:
    """Return which files cannot be taken, for want of a right, and which should be gone; empty where there are none."""
    what = {REFUSED: "cannot be taken, as", KEPT: "should be deleted by now:"}
    return "; ".join(f"{one.count} {what[one.reason]} {one.example}" for one in tally.left if one.reason in what)
