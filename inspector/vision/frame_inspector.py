"""Owns the inspection of one frame by a bundle, from its pixels to its decision, as a worker of a line does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.vision import bundle, predictor, tile_pooling, tiling
from inspector.vision.bundle import Bundle
from inspector.vision.decision import DecisionRules, TileDecision, decide_frame, decide_tiles, rules
from inspector.vision.predictor import Predictor
from inspector.vision.scorer import Scorer, Scores
from inspector.vision.tile_pooling import Decided
from inspector.vision.tiling import Cut, Tile

#: Views a batch: as many as `workers.max_batch` has unless a line says otherwise.
MAX_BATCH = 16


@dataclass(frozen=True, slots=True)
class Inspection:
    """The decision on a frame, and those on its places, which lie in the frame as `places` says, in px."""

    decision: TileDecision
    places: Sequence[Tile]
    decisions: Sequence[TileDecision]


class FrameInspector:
    """Inspects frames with the numbers of a bundle. One thread may use it."""

    def __init__(self, model: Bundle, engine: Predictor, max_batch: int = MAX_BATCH, overlap_px: int = 0) -> None:
        """`overlap_px`: what the views of a wide frame share, as `strip.overlap_px` of a line."""
        self.bundle = model
        self._scorer = Scorer(model, engine, max_batch)
        self._rules = rules(model.labels, model.manifest.decision)
        self._overlap_px = overlap_px

    def inspect(self, pixels: NDArray[np.uint8]) -> Inspection:
        """Inspect a frame, uint8 (height, width), as `image.read` returns it."""
        height, width = pixels.shape
        view_px = self.bundle.manifest.input.view_px
        cut = tiling.cut_area(Tile(0, 0, width, height), view_px, self.bundle.overlap_px, self._overlap_px)
        views = [pixels[one.y : one.y + one.height, one.x : one.x + one.width] for one in cut.tiles]
        decided = decide(cut, self._scorer.score(views), self._rules)
        return Inspection(decide_frame(decided.decisions), decided.places, decided.decisions)


def load(path: Path = bundle.DEFAULT, overlap_px: int = 0, threads: int = 1, device: str = "cpu") -> FrameInspector:
    """Return an inspector of frames with the bundle in a folder; without one, with the bundle that ships.

    Every file is checked, every batch size is warmed, and the golden images must score as they did for the trainer.

    Raises:
        BundleError: the folder is no bundle, is damaged, or scores otherwise here.
        ConfigError: `device` is "gpu", and there is none.
    """
    model = bundle.load(path)
    predictor.load_engine()
    engine, _ = predictor.prepared(model, threads, MAX_BATCH, device)
    return FrameInspector(model, engine, overlap_px=overlap_px)


def decide(cut: Cut, scored: Scores, rules: DecisionRules) -> Decided:
    """Decide each tile of a frame; where the tiles are pooled, each place that several of them show."""
    if cut.pooled:
        return tile_pooling.decide(cut.tiles, *scored, rules)
    return Decided(cut.tiles, decide_tiles(*scored, rules), cut.tiles)
