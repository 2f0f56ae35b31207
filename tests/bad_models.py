"""The fake engine does what a bad model's name says: it hangs, crashes, takes all memory, is slow, or guesses.

Each process that has tests/broken/bad_models on its path imports this before anything else.
"""

import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.vision.bundle import Bundle
from inspector.vision.predictor import FakePredictor

_sound = FakePredictor.run
_made = FakePredictor.__init__
_hoard: list[Any] = []


def _init(self: FakePredictor, bundle: Bundle) -> None:
    _made(self, bundle)
    self.does = bundle.manifest.name  # type: ignore[attr-defined]


def _run(self: FakePredictor, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    does = self.does  # type: ignore[attr-defined]
    if does == "hangs":
        time.sleep(3600)
    if does == "crashes":
        os.abort()
    while does == "hoards":
        _hoard.append(np.ones(4_000_000))
        time.sleep(0.01)
    if does == "slow":
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
    scores = _sound(self, batch)
    if does == "random":
        scores[:, 0] += 30 * (np.abs(batch.sum(axis=(1, 2, 3))) % 3 < 2)
    return scores


FakePredictor.__init__ = _init  # type: ignore[method-assign]
FakePredictor.run = _run  # type: ignore[method-assign]
