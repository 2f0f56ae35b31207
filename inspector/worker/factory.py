"""Owns putting a worker together: its model is loaded and checked, and its parts are made by the settings."""

import logging
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.sockets import Dealer, Puller, Pusher, shadow_address, sink_address, source_address
from inspector.record.evidence.evidence import Keeper
from inspector.record.models.shadow_record import ShadowRecord
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.settings import terms
from inspector.settings.settings import Settings
from inspector.vision import model_copies, predictor
from inspector.vision.bundle import Bundle
from inspector.vision.predictor import Predictor
from inspector.vision.scorer import Scorer
from inspector.worker.backlog import Backlog
from inspector.worker.batch_inspector import BatchInspector
from inspector.worker.batcher import Batcher
from inspector.worker.inlet import Inlet
from inspector.worker.outlet import Outlet
from inspector.worker.recipes import Chooser, Recipes
from inspector.worker.shadow import Shadow
from inspector.worker.showing import QUEUED, Showing
from inspector.worker.worker import Worker

log = logging.getLogger(__name__)

#: How long a record that is locked may hold up a worker, in seconds.
_PATIENCE_S = 0.05


def worker(
    name: str,
    settings: Settings,
    model: Bundle,
    sockets: Path,
    sign: LifeSign,
    words: Connection | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Worker:
    """Return a worker that decides by `model`, loaded, warmed and held to its golden images.

    `sockets` is the folder of the line's sockets; for `sign`, `words` and `stop` see Worker. Raise BundleError if the
    model is not what it should be.
    """
    model = model_copies.reopen(model)
    batch_inspector = BatchInspector(model, Scorer(model, _engine(model, settings), settings.workers.max_batch))
    backlog = _backlog(model, settings)
    # Twice a batch: the next one fills while this one is scored.
    share = max(1, 2 * settings.workers.max_batch // len(settings.sources))
    inlets = [
        Inlet(name, source.name, _connected(name, source_address(sockets, source.name)), share)
        for source in settings.sources
    ]
    showing = Showing(model.id, Pusher(shadow_address(sockets), QUEUED), settings.models.shadow_ok_share)
    outlet = Outlet(name, model.id, _connected(name, sink_address(sockets)), Keeper(settings), showing)
    return Worker(name, inlets, backlog, batch_inspector, outlet, sign, words, stop)


def shadow(address: str, settings: Settings, sockets: Path, sign: LifeSign) -> Shadow:
    """Return the model of that address, loaded, to judge in shadow what live workers show.

    Raise BundleError if it is not what it should be, StoreError if nothing that it says could be kept.
    """
    model = model_copies.of_address(settings.data, address)
    batch_inspector = BatchInspector(model, Scorer(model, _engine(model, settings), settings.workers.max_batch))
    return Shadow(
        batch_inspector,
        Recipes(model, terms.decide_by(settings)),
        Batcher(settings.workers.max_batch, 0.0, model.manifest.input.view_px, model.overlap_px),
        {source.name: source for source in settings.sources},
        Puller(shadow_address(sockets), QUEUED),
        ShadowRecord(settings.data, address, settings.record.keep_days),
        sign,
    )


def _engine(model: Bundle, settings: Settings) -> Predictor:
    workers = settings.workers
    if workers.engine == "fake":
        return predictor.FakePredictor(model)
    engine, difference = predictor.prepared(model, workers.threads, workers.max_batch, workers.device)
    log.info("model %s warmed; golden images within %.1g", model.id, difference)
    return engine


def _backlog(model: Bundle, settings: Settings) -> Backlog:
    chooser = Chooser(
        {source.name: Locator(source.place) for source in settings.sources},
        lambda: Store(settings.data, read_only=True, patience_s=_PATIENCE_S),
    )
    recipes = Recipes(model, terms.decide_by(settings))
    strips = {source.name: source.strip for source in settings.sources}
    view_px = model.manifest.input.view_px
    batcher = Batcher(settings.workers.max_batch, settings.workers.max_wait_ms, view_px, model.overlap_px)
    return Backlog(chooser, recipes, strips, batcher)


def _connected(name: str, address: str) -> Dealer:
    dealer = Dealer(name)
    dealer.connect(address)
    return dealer
