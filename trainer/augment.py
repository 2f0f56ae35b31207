"""Owns augmentation: the random changes of a training batch. Resizing and normalising are inspector.preprocess's."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.preprocess import Preprocess
from trainer.config import Augment


def batch(
    images: Sequence[NDArray[np.uint8]], preprocess: Preprocess, how: Augment, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Pictures as decoded to uint8 (n, size, size), each changed in its own way. Same rng state, same result."""
    tiles = np.stack([preprocess.resize(_cut(pixels, how, rng)) for pixels in images])
    for tile in tiles:
        if how.blur_px and rng.random() < how.blur_share:
            tile[:] = cv2.filter2D(tile, -1, _motion(rng, how.blur_px))
    return _expose(tiles, how, rng)


@dataclass(frozen=True, slots=True)
class Mixed:
    """A batch laid over itself: `share` of each picture, for which `targets` holds, and the rest of another's.

    A batch that is not mixed has the share 1.
    """

    batch: NDArray[np.float32]
    share: float
    targets: NDArray[np.int64]
    others: NDArray[np.int64]


def mix(batch: NDArray[np.float32], targets: NDArray[np.int64], alpha: float, rng: np.random.Generator) -> Mixed:
    """Mixup of normalised pictures, float32 (n, channels, size, size): Zhang et al., arXiv 1710.09412.

    One share a batch, drawn from beta(alpha, alpha), as PaddleClas draws it.
    """
    share = float(rng.beta(alpha, alpha))
    order = rng.permutation(len(batch))
    mixed = np.float32(share) * batch + np.float32(1 - share) * batch[order]
    return Mixed(mixed, share, targets, targets[order])


def _cut(pixels: NDArray[np.uint8], how: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A rectangle at a random scale, place and, where asked for, proportion, perhaps flipped."""
    height, width = pixels.shape
    share = rng.uniform(how.crop_min_share, 1.0)
    stretch = np.exp(rng.uniform(-1, 1) * np.log(how.crop_aspect) / 2) if how.crop_aspect > 1 else 1.0
    rows = min(height, max(1, round(height * share / stretch)))
    columns = min(width, max(1, round(width * share * stretch)))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    view = pixels[top : top + rows, left : left + columns]
    if how.flip in (True, "up_down"):
        view = view[:: rng.choice((1, -1))]
    if how.flip in (True, "left_right"):
        view = view[:, :: rng.choice((1, -1))]
    return np.ascontiguousarray(view)


def _motion(rng: np.random.Generator, longest: int) -> NDArray[np.float32]:
    """Blur along the strip or across it: what a moving strip or a shaking camera does."""
    length = int(rng.integers(2, longest + 1)) if longest >= 2 else 1
    line = np.full((1, length), 1 / length, np.float32)
    return line if rng.random() < 0.5 else line.T


def _expose(tiles: NDArray[np.uint8], how: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another lamp and another sensor: gain about each tile's mean, an offset, and white noise on some."""
    count = len(tiles)
    gain = rng.uniform(1 - how.contrast, 1 + how.contrast, (count, 1, 1)).astype(np.float32)
    offset = (rng.uniform(-how.brightness, how.brightness, (count, 1, 1)) * 255).astype(np.float32)
    mean = tiles.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    exposed = (tiles - mean) * gain + (mean + offset)
    noisy = np.flatnonzero(rng.random(count) < how.noise_share)
    if how.noise_levels and len(noisy):
        sigma = rng.uniform(0, how.noise_levels, (len(noisy), 1, 1)).astype(np.float32)
        exposed[noisy] += rng.standard_normal((len(noisy), *tiles.shape[1:]), np.float32) * sigma
    return np.asarray(np.clip(exposed + 0.5, 0, 255), np.uint8)
