"""Owns the process in which a model is tried: it opens and warms the model, then decides pictures as a worker does.

Requests and answers are JSON, a line each, by standard input and output. A program that Paddle cannot open may end the
process, hang in it or take all memory: none of that may happen to a command or to the line.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError, InspectorError
from inspector.protocol.control import DecideBy
from inspector.vision import bundle, frame_inspector, image, predictor, tiling
from inspector.vision.bundle import Bundle
from inspector.vision.decision import decide_frame, rules
from inspector.vision.predictor import Predictor
from inspector.vision.scorer import Scorer
from inspector.vision.tiling import Tile
from inspector.vocabulary import Outcome

#: Batches of one measurement of the speed; the quickest counts.
_TIMED_BATCHES = 8


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the line runs a model, and by which numbers it decides."""

    engine: Literal["paddle", "fake"]
    device: str
    threads: int
    max_batch: int
    by: DecideBy


class Picture(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A request: decide this picture, a path below the data folder, by that recipe. `area`: None: all of it."""

    path: str
    recipe: str
    area: list[int] | None
    overlap_px: int


class SpeedTest(msgspec.Struct, frozen=True, tag=True):
    """A request: measure the time for a tile."""


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is warmed. `difference`: the largest of its golden images, relative; None: no engine ran them."""

    difference: float | None


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """The model cannot be used, and why."""

    why: str


class Seen(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How a picture is decided. None as `outcome`: it is not, as it cannot be read or its recipe is gone."""

    outcome: Outcome | None
    label: str = ""
    severity: str = "none"
    score: float = 0.0


class Speed(msgspec.Struct, frozen=True, tag=True):
    """The time for a tile in milliseconds: of the CPU; on a GPU, by the clock."""

    ms_per_tile: float


Request = Picture | SpeedTest
Answer = Loaded | Refusal | Seen | Speed


class _Tried:
    """A model that is warmed, and decides."""

    def __init__(self, model: Bundle, engine: Predictor, setup: Setup) -> None:
        decision = model.manifest.decision
        self._model, self._engine, self._setup = model, engine, setup
        self._scorer = Scorer(model, engine, setup.max_batch)
        self._rules = {"": rules(model.labels, decision, setup.by)}
        self._rules |= {one.name: rules(model.labels, decision, setup.by, one) for one in setup.by.recipes}

    def decide(self, pixels: NDArray[np.uint8], asked: Picture) -> Seen:
        height, width = pixels.shape
        area = Tile(*asked.area) if asked.area else Tile(0, 0, width, height)
        view_px = self._model.manifest.input.view_px
        cut = tiling.cut_area(area, view_px, self._model.overlap_px, asked.overlap_px)
        if asked.recipe not in self._rules or not cut.tiles:
            return Seen(outcome=None)
        views = [pixels[one.y : one.y + one.height, one.x : one.x + one.width] for one in cut.tiles]
        decided = frame_inspector.decide(cut, self._scorer.score(views), self._rules[asked.recipe])
        one = decide_frame(decided.decisions)
        return Seen(outcome=one.outcome, label=one.label, severity=one.severity, score=one.score)

    def ms_per_tile(self) -> float:
        shape, size = self._model.manifest.input, self._setup.max_batch
        batch = np.zeros((size, shape.channels, shape.size, shape.size), np.float32)
        clock = time.perf_counter if self._setup.device == "gpu" else time.process_time
        times = []
        for _ in range(_TIMED_BATCHES):
            began = clock()
            self._engine.run(batch)
            times.append(clock() - began)
        return 1000 * min(times) / size


def _opened(path: Path, setup: Setup) -> tuple[_Tried, float | None]:
    model = bundle.load(path)
    if setup.engine == "fake":
        fake = predictor.FakePredictor(model)
        predictor.warm(fake, model, setup.max_batch)
        return _Tried(model, fake, setup), None
    predictor.load_engine()
    engine, difference = predictor.prepared(model, setup.threads, setup.max_batch, setup.device)
    return _Tried(model, engine, setup), difference


def _answers(data: Path, path: Path, setup: Setup) -> Iterator[Answer]:
    """Yield that the model is opened, then an answer for each line of standard input."""
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Request)
    try:
        tried, difference = _opened(path, setup)
        yield Loaded(difference)
        for line in sys.stdin.buffer:
            asked = decoder.decode(line)
            if isinstance(asked, SpeedTest):
                yield Speed(tried.ms_per_tile())
                continue
            try:
                pixels = image.read(data / asked.path)
            except ImageError:
                yield Seen(outcome=None)
            else:
                yield tried.decide(pixels, asked)
    except InspectorError as error:
        yield Refusal(str(error))


def _main(data: str, path: str, setup: str) -> None:
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what Paddle prints is no answer
    for answer in _answers(Path(data), Path(path), msgspec.json.decode(setup, type=Setup)):
        answers.write(msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
