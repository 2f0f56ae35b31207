"""Owns the order in which training sees the pictures: shuffled, cut into batches and parts, augmented.

Every random number depends on seed, epoch, step and part alone. So a training that goes on from an epoch sees what the
uninterrupted one would have seen, and a batch is the same however many processes share it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ConfigError
from inspector.vision.bundle import Label
from inspector.vision.preprocess import Preprocess
from trainer.data import augment
from trainer.data.augment import Mixed
from trainer.data.dataset import Dataset
from trainer.data.manifest import SIMULATED, DataError
from trainer.recipe.recipe import Recipe
from trainer.training.distributed import Ranks

#: Steps count from 1; a generator's numbers end in zeros that NumPy treats like none.
_SHUFFLE = 0


class Feed:
    """The training part as batches. `deck` has the index of each picture of one epoch, not yet shuffled."""

    def __init__(self, data: Dataset, recipe: Recipe, preprocess: Preprocess, ranks: Ranks):
        """`preprocess` is the judged network's; training may see smaller crops, of the recipe's `training.size_px`.

        Raise DataError if one batch is more than there is, ConfigError if it cannot be shared out."""
        how = recipe.training
        self._data, self._recipe, self._ranks = data, recipe, ranks
        self._preprocess = replace(preprocess, size=how.size_px or preprocess.size)
        self._turn = [recipe.augment.turn.get(row.label, 0.0) for row in data.rows]
        repeats = [1 if row.path.startswith(SIMULATED) else how.real_repeat for row in data.rows]
        self.deck = np.repeat(np.arange(len(data)), repeats)
        self.steps = len(self.deck) // how.batch_images  # the incomplete last batch waits for the next shuffle
        if not self.steps:
            raise DataError(
                f"{recipe.manifest_path}: {len(self.deck)} training images are fewer than "
                f"training.batch_images, {how.batch_images}"
            )
        parts = ranks.size * how.accumulate
        if how.batch_images % parts or how.batch_images < 2 * parts:
            raise ConfigError(
                f"training.batch_images: {how.batch_images} cannot be computed in equal parts of 2 or more by "
                f"{ranks.size} processes in {how.accumulate} passes (training.accumulate): {parts} parts"
            )

    def epoch(self, epoch: int) -> Iterator[list[Mixed]]:
        """Yield the batches of an epoch: of each the parts that this process computes."""
        size, seed = self._recipe.training.batch_images, self._recipe.seed
        order = np.random.default_rng((seed, epoch, _SHUFFLE)).permutation(self.deck)
        for step in range(1, self.steps + 1):
            yield self._parts(order[(step - 1) * size : step * size], epoch, step)

    def _parts(self, chosen: NDArray[np.int64], epoch: int, step: int) -> list[Mixed]:
        how = self._recipe.training
        shares = np.split(chosen, self._ranks.size * how.accumulate)
        first = self._ranks.rank * how.accumulate
        return [
            self._part(shares[part], np.random.default_rng((self._recipe.seed, epoch, step, part)))
            for part in range(first, first + how.accumulate)
        ]

    def _part(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> Mixed:
        images, targets = [self._data.images[index] for index in chosen], self._data.targets[chosen]
        images = augment.turned(images, [self._turn[index] for index in chosen], rng)
        tiles = augment.batch(images, self._preprocess, self._recipe.augment, rng)
        batch, alpha = self._preprocess.normalise(tiles), self._recipe.training.mixup
        return augment.mix(batch, targets, alpha, rng) if alpha else Mixed(batch, 1.0, targets, targets)

    def label_weights(self, labels: Sequence[Label]) -> NDArray[np.float32] | None:
        """Return the weight of each label in the loss, float32 (labels,), as the recipe says; None: all the same.

        Balanced: every label counts the same in an epoch, and the mean over its pictures is 1.
        """
        chosen = self._recipe.training.class_weights
        if chosen is None:
            return None
        if chosen == "balanced":
            counts = np.bincount(self._data.targets[self.deck], minlength=len(labels))
            return np.asarray(len(self.deck) / (len(labels) * counts), np.float32)
        return np.array([chosen.get(label.name, 1.0) for label in labels], np.float32)
