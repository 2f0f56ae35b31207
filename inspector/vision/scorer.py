"""Owns the scoring of views: each is resized, and batches are padded to a size that is warmed."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspector.vision import predictor
from inspector.vision.bundle import Bundle
from inspector.vision.predictor import Predictor
from inspector.vision.preprocess import contrast


class Scores(NamedTuple):
    """The outputs of the model, float32 (views, outputs), and the contrasts in gray levels, float32 (views,)."""

    scores: NDArray[np.float32]
    contrasts: NDArray[np.float32]


class Scorer:
    """Scores views with one predictor, in batches of at most `max_batch`. One thread may use it."""

    def __init__(self, model: Bundle, engine: Predictor, max_batch: int) -> None:
        self._engine = engine
        self._max_batch = max_batch
        self._preprocess = model.preprocess
        self._outputs = model.outputs
        self._stack = np.zeros((max_batch, self._preprocess.size, self._preprocess.size), np.uint8)

    def score(self, views: Sequence[NDArray[np.uint8]]) -> Scores:
        """Score views, uint8 (height, width) each. Contrast is measured on the view as resized."""
        scores = np.empty((len(views), self._outputs), np.float32)
        contrasts = np.empty(len(views), np.float32)
        for first in range(0, len(views), self._max_batch):
            batch = views[first : first + self._max_batch]
            for row, view in enumerate(batch):
                self._stack[row] = self._preprocess.resize(view)
                contrasts[first + row] = contrast(self._stack[row])
            size = predictor.padded(len(batch), self._max_batch)
            of_batch = self._engine.run(self._preprocess.normalise(self._stack[:size]))
            scores[first : first + len(batch)] = of_batch[: len(batch)]
        return Scores(scores, contrasts)
