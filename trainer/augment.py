"""Owns augmentation: the random changes of a training batch. Resizing and normalising are inspector.preprocess's."""

from collections.abc import Sequence

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


def _cut(pixels: NDArray[np.uint8], how: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A rectangle of the picture's proportions at a random scale and place, perhaps flipped: a view, no copy."""
    height, width = pixels.shape
    share = rng.uniform(how.crop_min_share, 1.0)
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    view = pixels[top : top + rows, left : left + columns]
    if how.flip:
        view = view[:: rng.choice((1, -1)), :: rng.choice((1, -1))]
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
