"""Owns one worker process: asks sources for frames, batches, predicts, decides, and tells the sink.

Reads top to bottom: `run` is the life, `_turn` one step of it, `_infer` what the product exists for.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.errors import MessageError
from inspector.protocol import messages
from inspector.protocol.control import DecideBy, Ready, heard, say
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.messages import CANARY, Beat, Credit, Frame, FrameHeader, FrameOf, Stages, Verdict, Verdicts
from inspector.protocol.sockets import Dealer, Poller, sink_address, source_address
from inspector.record import placement
from inspector.record.evidence import evidence
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings import terms
from inspector.settings.settings import Settings
from inspector.vision import frame_inspector, model_copies, predictor, roi
from inspector.vision.bundle import Bundle
from inspector.vision.decision import TileDecision, decide_frame
from inspector.vision.predictor import Predictor
from inspector.vision.scorer import Scorer, Scores
from inspector.vision.tiling import Tile
from inspector.worker import recipes, regions
from inspector.worker.batcher import Batcher, Job, views
from inspector.worker.recipes import Chooser, Recipes

log = logging.getLogger(__name__)

#: How often an idle worker repeats what it has room for, so a restarted source or sink soon knows it.
BEAT_S = 0.25
#: A record that is locked holds a worker up for so long at most.
_PATIENCE_S = 0.05
_NO_STRIP = TileDecision("unsure", "", "none", 0.0, "no strip in the picture")


@dataclass(slots=True)
class _Inlet:
    """One source as a worker sees it. `tiles`: of its latest frame; None before the first."""

    name: str
    dealer: Dealer
    epoch: str = "-"
    seen: int = 0
    held: int = 0
    tiles: int | None = None

    def room(self, share: int) -> int:
        """How many frames more fill a share of so many tiles. Of unknown frames one, and always one to go on with."""
        most = 1 if self.tiles is None else max(1, share // max(1, self.tiles))
        return max(0, most - self.held)


@dataclass(slots=True)
class _Arrival:
    """A frame that came, at a monotonic time; it waits here while it is not known what decides it."""

    frame: Frame
    pixels: NDArray[np.uint8]
    at: float


class Worker:
    """Runs one predictor until told to stop, then finishes what it holds."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        model: Bundle,
        sockets: Path,
        sign: LifeSign,
        words: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`model` decides, and no other.

        `words` leads to the supervisor and back; `stop` is asked in every turn; `sign` shows the batch in hand.
        """
        self._name = name
        self._settings = settings
        self._bundle = model
        self._sockets = sockets
        self._sign = sign
        self._words = words
        self._stop = stop
        self._evidence = evidence.Keeper(settings)
        self._strips = {source.name: source.strip for source in settings.sources}
        self._chooser = Chooser(
            {source.name: Locator(source.place) for source in settings.sources},
            lambda: Store(settings.data, read_only=True, patience_s=_PATIENCE_S),
        )
        self._arrived: list[_Arrival] = []
        self._max_batch = settings.workers.max_batch
        # Tiles; twice a batch: the next one fills while this one is inferred.
        self._share = max(1, 2 * self._max_batch // len(settings.sources))

    def run(self) -> None:
        """Load, warm, check the golden images, then serve. BundleError where the model is not what it should be."""
        self._bundle = model_copies.reopen(self._bundle)
        self._recipes = Recipes(self._bundle, terms.decide_by(self._settings))
        self._scorer = Scorer(self._bundle, self._load(), self._max_batch)
        view = self._bundle.manifest.input.view_px
        self._batcher = Batcher(self._max_batch, self._settings.workers.max_wait_ms, view, self._bundle.overlap_px)
        self._connect()
        try:
            self._serve()
        finally:
            for inlet in self._inlets:
                inlet.dealer.close()
            self._sink.close()
            self._chooser.close()

    def _load(self) -> Predictor:
        workers = self._settings.workers
        if workers.engine == "fake":
            return predictor.FakePredictor(self._bundle)
        engine, difference = predictor.prepared(self._bundle, workers.threads, workers.max_batch, workers.device)
        log.info("model %s warmed; golden images within %.1g", self._bundle.id, difference)
        return engine

    def _connect(self) -> None:
        self._sink = Dealer(self._name)
        self._sink.connect(sink_address(self._sockets))
        self._inlets = [_Inlet(source.name, Dealer(self._name)) for source in self._settings.sources]
        for inlet in self._inlets:
            inlet.dealer.connect(source_address(self._sockets, inlet.name))

    def _serve(self) -> None:
        if self._words:
            say(self._words, Ready(self._name))
        words = [self._words.fileno()] if self._words else []
        poller = Poller([inlet.dealer for inlet in self._inlets], words)
        while not (self._stop() and not len(self._batcher) and not self._arrived):
            self._turn(poller)

    def _turn(self, poller: Poller) -> None:
        due_ms = self._batcher.due_ms(time.monotonic())
        if due_ms is None:
            self._ask()
            self._sink.send(messages.encode(Beat(self._name, self._bundle.id)))
        idle_ms = recipes.RETRY_MS if self._arrived else BEAT_S * 1000
        poller.wait(idle_ms if due_ms is None else min(due_ms, idle_ms))
        self._hear_supervisor()
        self._receive()
        self._admit()
        due_ms = self._batcher.due_ms(time.monotonic())
        if due_ms is not None and (due_ms <= 0 or self._stop()):
            jobs = self._batcher.take()
            for job in jobs:
                self._inlet(job.frame.header.source).held -= 1
            self._ask()
            self._infer(jobs)

    def _hear_supervisor(self) -> None:
        try:
            for word in heard(self._words):
                if isinstance(word, DecideBy):
                    self._recipes = Recipes(self._bundle, word)
                    log.info("decides by the numbers and recipes of the new config from now on")
        except (EOFError, OSError):
            self._words = None  # the supervisor is gone, and the kernel is about to end us too

    def _ask(self) -> None:
        """Tell each source what we have room for; nothing while stopping."""
        for inlet in self._inlets:
            free = 0 if self._stop() else inlet.room(self._share)
            inlet.dealer.send(messages.encode(Credit(self._name, inlet.epoch, inlet.seen, free)))

    def _receive(self) -> None:
        for inlet in self._inlets:
            while parts := inlet.dealer.receive():
                try:
                    self._accept(inlet, parts)
                except MessageError as error:
                    log.warning("message from source %s ignored: %s", inlet.name, error)

    def _accept(self, inlet: _Inlet, parts: list[bytes]) -> None:
        frame = messages.decode(parts[0])
        if not isinstance(frame, Frame) or len(parts) != 2 or frame.header.source != inlet.name:
            raise MessageError("a source sends a Frame of its own and its pixels")
        pixels = messages.pixels(frame, parts[1])
        if frame.header.epoch != inlet.epoch:
            inlet.epoch, inlet.seen = frame.header.epoch, 0
        inlet.seen += 1
        inlet.held += 1
        self._arrived.append(_Arrival(frame, pixels, time.monotonic()))

    def _admit(self) -> None:
        """Let frames into the batch once it is known what decides them."""
        arrived, self._arrived = self._arrived, []
        choices = self._chooser.choose([one.frame.header for one in arrived], self._recipes)
        for one, choice in zip(arrived, choices, strict=True):
            if choice is None:
                self._arrived.append(one)
                continue
            header = one.frame.header
            overlap_px, area = self._strips[header.source].overlap_px, self._area(header, one.pixels)
            job = self._batcher.add(one.frame, one.pixels, choice, one.at, area, overlap_px)
            if header.frame != CANARY:
                self._inlet(header.source).tiles = len(job.tiles)

    def _area(self, header: FrameHeader, pixels: NDArray[np.uint8]) -> Tile | None:
        """Return the part of the frame that is strip, None for all; a canary is no picture of the source."""
        return None if header.frame == CANARY else roi.area(pixels, self._strips[header.source])

    def _inlet(self, source: str) -> _Inlet:
        return next(inlet for inlet in self._inlets if inlet.name == source)

    def _infer(self, jobs: list[Job]) -> None:
        """Score every tile of the jobs, decide each frame, and hand the verdicts to the sink."""
        started = time.monotonic()
        self._sign.begin(FrameOf(job.frame.header.source, job.frame.header.frame) for job in jobs)
        scores, contrasts = self._scorer.score(list(views(jobs)))
        inference_s = time.monotonic() - started
        verdicts, first = [], 0
        for job in jobs:
            of_job = slice(first, first := first + len(job.tiles))
            verdict = _verdict(job, Scores(scores[of_job], contrasts[of_job]), started)
            verdicts.append(self._evidence.keep(verdict, job.pixels))
        self._sign.end()
        batch = Verdicts(self._name, self._bundle.id, verdicts, len(scores), inference_s)
        if not self._sink.send(messages.encode(batch)):
            log.warning("the sink takes nothing: %d verdicts given up; their frames come again", len(verdicts))


def _verdict(job: Job, scored: Scores, started: float) -> Verdict:
    """Return the verdict of a frame by its tiles' scores; its batch began at monotonic time `started`."""
    decided = frame_inspector.decide(job.cut, scored, job.choice.rules)
    header, area = job.frame.header, job.area
    decision = decide_frame(decided.decisions) if decided.decisions else _NO_STRIP
    whole = area == Tile(0, 0, header.width, header.height)
    found = regions.merge(*decided)
    too_many = f"{len(found)} regions: the worst {messages.MAX_REGIONS} are listed"
    verdict = Verdict(
        header=header,
        outcome=decision.outcome,
        label=decision.label,
        severity=decision.severity,
        score=decision.score,
        reason=too_many if len(found) > messages.MAX_REGIONS else decision.reason,
        regions=found[: messages.MAX_REGIONS],
        area=None if whole else (area.x, area.y, area.width, area.height),
        stages=Stages(
            job.frame.decode_s,
            max(0.0, job.received - header.captured_mono - job.frame.decode_s),
            max(0.0, started - job.received),
        ),
        recipe=job.choice.recipe,
        doubts=regions.doubts(decided.places, decided.decisions),
        in_doubt=regions.in_doubt(decided.places, decided.decisions),
    )
    return verdict if job.choice.recipe is not None else placement.withheld(verdict, job.choice.reason)
