"""Owns the end of the path: verdicts into one durable transaction, only then the acks, then log and metrics."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from inspector.errors import DamagedError, MessageError, ReplacedError, StoreError
from inspector.host import disk
from inspector.host.disk_reserve import Reserve
from inspector.protocol import messages
from inspector.protocol.canary import Canary
from inspector.protocol.control import InForce, Processes, Ready, WorkerGone, heard, say
from inspector.protocol.messages import (
    CANARY,
    KEPT,
    REFUSED,
    Ack,
    Beat,
    Hello,
    Pulse,
    Settled,
    Tally,
    Verdict,
    Verdicts,
    Welcome,
)
from inspector.protocol.rejections import READ_BURST, Refusals, check_report
from inspector.protocol.sockets import Poller, Router, sink_address
from inspector.record import judgement, optics_history, settings_history
from inspector.record.evidence import evidence
from inspector.record.gaps import heard_at
from inspector.record.position import Locator
from inspector.settings.settings import Settings
from inspector.settings.sources.push import PushSourceSettings
from inspector.sink import maintenance, record_start, recovery
from inspector.sink.defect_log import DefectLog
from inspector.sink.health import Health, HealthServer
from inspector.sink.metrics import Metrics
from inspector.sink.missing_recipes import Withheld
from inspector.sink.rule_runner import Rules
from inspector.sink.verdict_log import VerdictLog

log = logging.getLogger(__name__)

#: How long to wait before a failed transaction is tried again.
RETRY_S = 0.5
#: How often sums that changed nothing else are written.
TALLY_S = 1.0
#: How long one turn waits for something to come.
IDLE_MS = 250.0
#: Frames in one Ack: with the longest judgements so many still fit it.
ACK_FRAMES = 64
#: Nothing for so long after the stop, and nothing more is on its way: shorter than a source's tallies are apart.
SILENCE_MS = 50.0
#: In a line that goes on there is no silence: what comes later than this is offered to the next sink.
LINGER_S = 2.0
#: How long a sink that took over from another knows of nobody without complaint: see canary.py for what takes longest.
GRACE_S = 15.0
#: Pictures that show nothing end readiness until none has come for so long: an idle drop folder is no blind camera.
SEEN_S = 60.0


class Sink:
    """Records verdicts until told to stop, then what has already arrived."""

    def __init__(
        self,
        settings: Settings,
        sockets: Path,
        words: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
        worked: Callable[[], None] = lambda: None,
        canary: Canary | None = None,
        renewed: bool = False,
    ) -> None:
        """`words` brings the supervisor's messages; `stop` is asked in every turn, `worked` called at every commit.

        With a `canary`, readiness needs it to come through from every source. `renewed`: the line runs already.
        """
        self._words = words
        self._settings = settings
        self._sockets = sockets
        self._stop = stop
        self._worked = worked
        self._canary = canary
        self._renewed = renewed
        self._incarnation = f"{time.time_ns():x}"
        self._names = {source.name for source in settings.sources}
        self._refusals = Refusals()
        self._withheld = Withheld()
        self._sources: dict[str, tuple[bytes, Hello]] = {}
        self._pending: list[tuple[str, Verdict]] = []
        self._pending_since = 0.0
        self._tallies: dict[str, Tally] = {}
        self._tallied_at = 0.0
        self._to_keep: InForce | None = None  # told, and not on record yet
        self._unjudged = True  # there may be rows that the rules have not seen
        self._learn_since: dict[str, float] = {}  # what is usual for each source's pictures, from those since then
        self._tallied: dict[str, tuple[str, int]] = {}  # each source's life and its last tally on record
        #: Sources that tell a program what became of its frames.
        self._answering = {source.name for source in settings.sources if isinstance(source, PushSourceSettings)}
        self._locators = {
            source.name: Locator(source.place, source.strip.background != "none") for source in settings.sources
        }
        self._verdict_log = VerdictLog(self._locators)

    def run(self) -> None:
        """Serve. StoreError where the record can never be opened, BusyError where the port is taken."""
        metrics = self._settings.metrics
        if kind := disk.network_file_system(self._settings.data):
            log.warning("data: %s is on %s: a record on a network share may be damaged", self._settings.data, kind)
        self._metrics = Metrics()
        self._health = Health(
            self._names,
            self._settings.workers.batch_timeout_s,
            expects_canary=self._canary is not None,
            grace_s=GRACE_S if self._renewed else 0.0,
        )
        with ExitStack() as stack:
            server = HealthServer(metrics.host, metrics.port, self._metrics, self._health)
            stack.callback(server.close)
            server.start()
            log.info("metrics on %s/metrics", server.address)
            if metrics.exposed:
                log.warning("%s", metrics.exposed)
            self._reserve = Reserve(self._settings.data, self._settings.record.reserve_mb * 1_000_000)
            opened = record_start.open_at_last(self._settings, self._reserve, self._health, self._stop)
            if opened is None:
                return
            self._store, complete = opened
            stack.callback(self._store.close)
            self._defects = DefectLog(self._settings.record.defect_log, self._store)
            stack.callback(self._defects.close)
            self._rules = Rules(self._settings, self._store, self._metrics, self._health, self._defects.catch_up)
            stack.callback(self._rules.close)
            self._router = Router()
            stack.callback(self._router.close)
            self._router.bind(sink_address(self._sockets))
            self._upkeep(stack, not complete)
            if self._words:
                say(self._words, Ready("sink"))
            self._serve()

    def _upkeep(self, stack: ExitStack, read_record: bool) -> None:
        """Have the data folder kept within its bounds, by a thread of its own, until we end."""
        stop = threading.Event()
        settings, metrics, health = self._settings, self._metrics, self._health
        thread = threading.Thread(
            target=lambda: maintenance.serve(settings, metrics, health, stop, read_record), name="upkeep", daemon=True
        )
        thread.start()
        stack.callback(thread.join)
        stack.callback(stop.set)

    def _serve(self) -> None:
        poller = Poller([self._router], [self._words.fileno()] if self._words else [])
        while not self._stop():
            self._turn(poller)
        deadline = time.monotonic() + LINGER_S
        while self._turn(poller, SILENCE_MS) and time.monotonic() < deadline:  # what has arrived is recorded
            continue
        self._commit()

    def _turn(self, poller: Poller, at_most_ms: float = IDLE_MS) -> bool:
        """Receive, and commit when it is time; False where nothing came and nothing is left."""
        came = poller.wait(min(self._idle_ms(), at_most_ms))
        self._hear_supervisor()
        self._keep_in_force()
        for _ in range(READ_BURST):
            if len(self._pending) >= self._settings.record.commit_rows or not (received := self._router.receive()):
                break
            self._receive(*received)
        if self._commit_due():
            self._commit()
        self._verdict_log.turn()
        if self._unjudged or not came:
            self._unjudged = self._rules.turn()
        return came or bool(self._pending)

    def _hear_supervisor(self) -> None:
        try:
            for word in heard(self._words):
                if isinstance(word, WorkerGone):
                    self._health.worker_gone(word.worker)
                elif isinstance(word, Processes):
                    self._health.processes(word.processes)
                    self._metrics.processes(word.processes)
                elif isinstance(word, InForce):
                    self._to_keep = word
        except (EOFError, OSError):
            self._words = None  # the supervisor is gone, and the kernel is about to end us too

    def _keep_in_force(self) -> None:
        if self._to_keep is None:
            return
        with suppress(StoreError):  # what is wrong is said where verdicts are written; the next turn tries again
            settings_history.keep(self._store, self._to_keep)
            self._to_keep = None

    def _idle_ms(self) -> float:
        if not self._pending:
            return 0.0 if self._unjudged else IDLE_MS
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
                self._hear_tally(peer, message)
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
            elif not self._stale(verdict):
                self._pending.append((batch.model, verdict))

    def _judge(self, batch: Verdicts, verdict: Verdict) -> None:
        """A canary came through: right or wrong, it is no frame of the line and goes no further."""
        if self._canary is not None and batch.model:
            wrong = self._canary.wrong(batch.model, verdict)
            if wrong:
                log.error("%s: %s", batch.sender, wrong)
            header = verdict.header
            self._health.canary(header.source, batch.sender, header.captured_mono, wrong)
            self._metrics.canary(header.source, header.captured_at, right=not wrong)

    def _stale(self, verdict: Verdict) -> bool:
        """A camera that was restarted has counted its old frames as dropped: a late verdict must not count too."""
        known = self._sources.get(verdict.header.source)
        return known is not None and not known[1].durable and known[1].epoch != verdict.header.epoch

    def _hear_tally(self, peer: bytes, tally: Tally) -> None:
        known = self._sources.get(tally.source)
        if known is not None and known[1].epoch == tally.epoch:
            self._health.source(tally.source, tally.problem)
            self._health.trouble(f"pictures of {tally.source}", _unseen(tally))
            self._health.trouble(f"files of {tally.source}", _stuck(tally))
            self._metrics.tally(tally)
            self._tallies[tally.source] = tally
        epoch, number = self._tallied.get(tally.source, ("", 0))
        on_record = number if epoch == tally.epoch else 0
        pulse = Pulse(self._incarnation, on_record, self._learn_since.get(tally.source, 0.0))
        self._router.send(peer, messages.encode(pulse))

    def _welcome(self, peer: bytes, hello: Hello) -> None:
        self._commit()  # what this source may be asking about could still be pending
        if self._pending:
            return  # it cannot be written now; the source asks again
        self._sources[hello.source] = (peer, hello)
        try:
            account = self._store.account(hello.source)
            if hello.source in self._answering:  # before the Welcome: what it does not know by then is inspected again
                self._send_acks(hello.source, judgement.on_record(self._store, hello.source, hello.claimed))
            recorded = self._store.recorded(hello.source, hello.claimed)
            self._store.check()  # what is on record in a file that is gone must not be acked either
            # After a kill the rows may know of frames that the source's last word did not count yet.
            sight = optics_history.sight(self._store, hello.source)
            captured = max(account.tally.captured if account.tally else 0, self._store.last_sequence(hello.source))
        except ReplacedError as error:
            self._leave(error)
        except StoreError as error:
            log.error("cannot look up source %s: %s; it asks again", hello.source, error)
            return
        dropped = account.tally.dropped if account.tally else {}
        last = account.tally
        since = (min(last.oldest_at, last.at) or heard_at(last)) if last else 0.0
        welcome = Welcome(self._incarnation, recorded, captured, account.recorded, dropped, since, sight)
        self._router.send(peer, messages.encode(welcome))

    def _commit(self) -> None:
        """Write what is pending; ack, log and count it only once it is durable. Nothing is acked that is not."""
        if not self._pending and not self._tallies:
            return
        started = time.monotonic()
        try:
            new = self._store.write(self._pending, self._tallies.values(), locators=self._locators)
            self._learn_since = optics_history.learn_since(self._store) if self._tallies else self._learn_since
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
        done = time.monotonic()
        self._tallied_at = done
        self._acknowledge(new)
        self._pending.clear()
        self._tallied |= {tally.source: (tally.epoch, tally.number) for tally in self._tallies.values()}
        self._tallies.clear()
        self._unjudged = self._unjudged or bool(new)
        self._metrics.recorded(new, done, done - started)
        self._metrics.recipe_unknown(self._withheld.note(new))
        self._verdict_log.note(new)
        for source, trouble in self._verdict_log.unplaced(new).items():
            self._health.trouble(f"places of {source}", trouble)
        for verdict in new:
            if not verdict.evidence_bytes and evidence.wanted(self._settings.evidence, verdict):
                self._metrics.evidence_missing()
        self._defects.follow(new)

    def _leave(self, error: ReplacedError) -> NoReturn:
        """Another process opens what is there by then: none of ours may hold a file that is not."""
        log.error("%s: starting again with what is there; %d verdicts come again", error, len(self._pending))
        try:
            self._store.salvage()
        except StoreError as trouble:
            log.error("%s", trouble)
        sys.exit(1)

    def _acknowledge(self, new: list[Verdict]) -> None:
        fresh = {(verdict.header.source, verdict.header.frame): verdict for verdict in new}
        settled: dict[str, list[Settled]] = {}
        for _, verdict in self._pending:
            source, frame = verdict.header.source, verdict.header.frame
            answers = source in self._answering
            if is_new := fresh.get((source, frame)):
                one = judgement.settled(is_new) if answers else Settled(frame, is_new.outcome)
                settled.setdefault(source, []).append(one)
            elif answers:  # it came before: what counts is what was recorded then
                settled.setdefault(source, []).extend(judgement.on_record(self._store, source, [frame]))
            else:
                settled.setdefault(source, []).extend(self._store.recorded(source, [frame]))
        for source, frames in settled.items():
            if source in self._sources:
                self._send_acks(source, frames)

    def _send_acks(self, source: str, settled: Iterable[Settled]) -> None:
        rest = iter(settled)
        while some := list(islice(rest, ACK_FRAMES)):
            self._router.send(self._sources[source][0], messages.encode(Ack(some)))


def _unseen(tally: Tally) -> str:
    """Why nothing can be seen on a source's pictures; empty where something can, or where none came of late."""
    sight = tally.sight
    if sight is None or tally.at - sight.at > SEEN_S:
        return ""
    return next((f"blank: {one.detail}" for one in sight.troubles if one.kind == "blank"), "")


def _stuck(tally: Tally) -> str:
    """Which files cannot be taken, for want of a right, and which should be gone; empty where there are none."""
    what = {REFUSED: "cannot be taken, as", KEPT: "should be deleted by now:"}
    return "; ".join(f"{one.count} {what[one.reason]} {one.example}" for one in tally.left if one.reason in what)
