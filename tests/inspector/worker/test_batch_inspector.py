"""Holds inspection: batches of warmed sizes, each frame decided by its own tiles and rules."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inspector.protocol.control import DecideBy
from inspector.protocol.heartbeat import LifeSign
from inspector.protocol.sockets import Dealer, sink_address, source_address
from inspector.record.evidence.evidence import Keeper
from inspector.record.position import Locator
from inspector.record.store import Store
from inspector.vision import bundle
from inspector.vision.bundle import Bundle
from inspector.vision.scorer import Scorer
from inspector.worker.backlog import Backlog
from inspector.worker.batch_inspector import BatchInspector
from inspector.worker.batcher import Batcher, Job
from inspector.worker.inlet import Inlet
from inspector.worker.outlet import Outlet
from inspector.worker.recipes import Chooser, Recipes
from inspector.worker.worker import Worker
from tests.fakes import LABELS, make_bundle
from tests.inspector.pictures import strip
from tests.inspector.roles import Running, bench, fill
from tests.inspector.verdicts import frame_of

PLAIN = DecideBy({}, 0.0, {}, [])


class Engine:
    """Is sure of one label for every tile, and remembers the sizes of its batches."""

    def __init__(self, model: Bundle, label: str) -> None:
        self.sizes: list[int] = []
        self._logits = np.full(model.outputs, -10, np.float32)
        self._logits[[one.name for one in model.labels].index(label)] = 10

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same answer for each tile."""
        self.sizes.append(len(batch))
        return np.tile(self._logits, (len(batch), 1))


@pytest.fixture
def model(tmp_path: Path) -> Bundle:
    """A bundle whose view is 200 x 200 pixels."""
    return make_bundle(tmp_path / "bundle")


def inspector(model: Bundle, engine: Engine, max_batch: int) -> BatchInspector:
    """One that runs this engine."""
    return BatchInspector(model, Scorer(model, engine, max_batch))


def jobs(model: Bundle, *widths: int) -> list[Job]:
    """Frames of 200 x these widths, cut into tiles."""
    batcher, choice = Batcher(1000, 0, tile_px=200), Recipes(model, PLAIN).default
    for number, width in enumerate(widths):
        pixels = strip(200, width, number)
        batcher.add(frame_of(frame=f"frame-{number}", width=width), pixels, choice, 5.0)
    return batcher.take()


def test_the_tiles_of_all_frames_share_batches_of_warmed_sizes_and_none_is_scored_twice(model: Bundle) -> None:
    engine = Engine(model, LABELS[0])
    inspected = inspector(model, engine, 4).inspect(jobs(model, 200, 1200, 200, 200))
    assert (inspected.tiles, engine.sizes) == (9, [4, 4, 1])
    assert [verdict.header.frame for verdict in inspected.verdicts] == [f"frame-{number}" for number in range(4)]


def test_a_batch_that_is_not_full_is_padded_and_the_padding_decides_nothing(model: Bundle) -> None:
    engine = Engine(model, LABELS[0])
    inspected = inspector(model, engine, 8).inspect(jobs(model, 600))
    assert (inspected.tiles, engine.sizes, len(inspected.verdicts)) == (3, [4], 1)


def test_a_worker_decides_by_the_inspector_that_it_is_given() -> None:
    with bench() as line:
        chosen = bundle.load(line.settings.bundle_path)
        label = next(one.name for one in chosen.labels if one.kind == "defect")

        def connected(address: str) -> Dealer:
            dealer = Dealer("w")
            dealer.connect(address)
            return dealer

        def make(words: object, stop: object) -> Worker:
            settings = line.settings
            chooser = Chooser({"drop": Locator()}, lambda: Store(settings.data, read_only=True))
            strips = {source.name: source.strip for source in settings.sources}
            batcher = Batcher(4, 1.0, chosen.manifest.input.view_px, chosen.overlap_px)
            return Worker(
                "w",
                [Inlet("w", "drop", connected(source_address(line.sockets, "drop")), share=8)],
                Backlog(chooser, Recipes(chosen, PLAIN), strips, batcher),
                inspector(chosen, Engine(chosen, label), 4),
                Outlet("w", chosen.id, connected(sink_address(line.sockets)), Keeper(settings)),
                LifeSign(),
                words,  # type: ignore[arg-type]
                stop,  # type: ignore[arg-type]
            )

        fill(line, 5)
        line.start_source()
        line.start_sink()
        line.started.append(Running(make))
        line.wait_for(lambda account: account.recorded["defect"] == 5)
        assert {record.label for record in line.records()} == {label}
