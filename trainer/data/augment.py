"""Owns augmentation: the random changes of a training batch. Resize and normalise: see vision.preprocess."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.vision.preprocess import Preprocess
from trainer.recipe.learning import Augment

#: Share of a line camera's columns that are off where any are.
_UNEVEN = 0.125

_Gray = NDArray[np.uint8]


def batch(images: Sequence[_Gray], preprocess: Preprocess, how: Augment, rng: np.random.Generator) -> _Gray:
    """Return decoded pictures as uint8 (n, size, size), each changed in its own way. Same rng state, same result.

    In the order of the line: the strip's place, the lens, the lamp, the sensor; and before resizing, which tames noise.
    """
    return np.stack(
        [preprocess.resize(_seen(_blurred(_cut(pixels, how, rng), how, rng), how, rng)) for pixels in images]
    )


def turned(images: Sequence[_Gray], shares: Sequence[float], rng: np.random.Generator) -> list[_Gray]:
    """Return each picture as it is or, with the probability that goes with it, turned by 90°; `_cut` may flip it."""
    return [
        np.ascontiguousarray(np.rot90(pixels)) if share and rng.random() < share else pixels
        for pixels, share in zip(images, shares, strict=True)
    ]


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
    """Return mixup of normalised pictures, float32 (n, channels, size, size): Zhang et al., arXiv 1710.09412.

    One share a batch, drawn from beta(alpha, alpha), as PaddleClas draws it.
    """
    share = float(rng.beta(alpha, alpha))
    order = rng.permutation(len(batch))
    mixed = np.float32(share) * batch + np.float32(1 - share) * batch[order]
    return Mixed(mixed, share, targets, targets[order])


def _cut(pixels: NDArray[np.uint8], how: Augment, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a rectangle at a random scale, place and, where asked for, proportion, perhaps flipped."""
    height, width = pixels.shape
    share = rng.uniform(how.crop_min_share, how.crop_max_share)
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


def _blurred(view: _Gray, how: Augment, rng: np.random.Generator) -> _Gray:
    """Blur some pictures, by motion or defocus; by either of them where both are wanted."""
    if not (how.blur_px or how.defocus_px) or rng.random() >= how.blur_share:
        return view
    if how.defocus_px and (not how.blur_px or rng.random() < 0.5):
        sigma = rng.uniform(0.2, 1) * how.defocus_px
        return np.asarray(cv2.GaussianBlur(view, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.uint8)
    # Along the strip or across it: what a moving strip or a shaking camera does.
    length_px = int(rng.integers(2, how.blur_px + 1)) if how.blur_px >= 2 else 1
    shape = (length_px, 1) if rng.random() < 0.5 else (1, length_px)
    return np.asarray(cv2.blur(view, shape, borderType=cv2.BORDER_REFLECT), np.uint8)


def _seen(view: _Gray, how: Augment, rng: np.random.Generator) -> _Gray:
    """Return the picture as another lamp and another sensor would show it."""
    mean = np.float32(cv2.mean(view)[0])
    gain = np.float32(rng.uniform(1 - how.contrast, 1 + how.contrast))  # about the mean
    offset = np.float32(rng.uniform(-how.brightness, how.brightness) * 255)
    levels = view * gain + (mean * (1 - gain) + offset)
    if how.exposure or how.gradient:
        levels *= np.float32(np.exp(rng.uniform(-how.exposure, how.exposure)))  # about black
        levels *= _side_light(view.shape, rng.uniform(0, how.gradient), rng.uniform(0, 2 * np.pi))
    if how.noise_levels and rng.random() < how.noise_share:
        levels += rng.standard_normal(view.shape, np.float32) * np.float32(rng.uniform(0, how.noise_levels))
    if how.stripe_levels and rng.random() < how.noise_share:
        columns = rng.standard_normal(view.shape[1], np.float32) * (rng.random(view.shape[1]) < _UNEVEN)
        levels += columns * np.float32(rng.uniform(0, how.stripe_levels))
    if how.specks and rng.random() < how.noise_share:
        levels -= _dust(view.shape, int(rng.integers(1, how.specks + 1)), rng)
    return np.asarray(np.clip(levels + 0.5, 0, 255), np.uint8)


def _dust(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the gray levels lost to soft dark specks: 0.5 to 2.5% of the view in radius, up to 80 levels deep."""
    specks = np.zeros(shape, np.float32)
    for _ in range(count):
        centre = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
        radius = max(1, round(rng.uniform(0.005, 0.025) * min(shape)))
        cv2.circle(specks, centre, radius, float(rng.uniform(10, 80)), -1)
    return np.asarray(cv2.GaussianBlur(specks, (0, 0), 1.0), np.float32)


def _side_light(shape: tuple[int, ...], most: float, angle: float) -> NDArray[np.float32]:
    """Return gains of that shape, from 1 - most to 1 + most at the utmost, rising towards `angle`."""
    height, width = shape
    across, along = np.cos(angle), np.sin(angle)
    slope = most / (abs(across) + abs(along))
    gains = 1 + slope * (across * np.linspace(-1, 1, width) + along * np.linspace(-1, 1, height)[:, None])
    return np.asarray(gains, np.float32)
