"""Owns pictures that do not show strip: other materials, and those of a blind, covered or unfocused camera.

A reject model learns from them what is unknown, and evaluation tests it with others of the same kinds.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from trainer.synthetic import outlier_textures
from trainer.synthetic.corruptions import gray

Gray = NDArray[np.uint8]

#: Side of pictures that are drawn without a picture of strip, in camera pixels: that of the views used to test kinds.
SIZE = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of outlier. `draw` takes random numbers, their seed, and a picture of strip, and returns a picture."""

    name: str
    draw: Callable[[Generator, int, Gray], Gray]

    def picture(self, seed: int, strip: Gray) -> Gray:
        """Return a picture, uint8 (height, width); the same seed and strip give the same pixels."""
        return self.draw(np.random.default_rng((zlib.crc32(self.name.encode()), seed)), seed, strip)


def some(count: int, strips: Sequence[Gray], seed: int) -> list[Gray]:
    """Return `count` pictures for training: two thirds show other materials, the rest the other kinds in turn."""
    material, *others = KINDS
    pictures = []
    for number in range(count):
        third, place = divmod(number, 3)
        kind = material if place else others[third % len(others)]
        # The seed chooses the family of material: consecutive seeds take one after the other.
        own_seed = seed + (2 * third + place - 1 if place else third)
        pictures.append(kind.picture(own_seed, strips[number % len(strips)]))
    return pictures


def _material(rng: Generator, seed: int, strip: Gray) -> Gray:
    return outlier_textures.draw(seed, rng, SIZE)


def _blank(rng: Generator, seed: int, strip: Gray) -> Gray:
    return gray(rng.uniform(0, 255) + rng.standard_normal((SIZE, SIZE)) * rng.uniform(0, 3))


def _noise(rng: Generator, seed: int, strip: Gray) -> Gray:
    """Draw the noise of a broken sensor or cable: white, uniform, in grains, or as dots on one level."""
    mean, sigma, kind = rng.uniform(50, 200), rng.uniform(8, 60), rng.integers(4)
    white = rng.standard_normal((SIZE, SIZE))
    if kind == 0:
        return gray(mean + white * sigma)
    if kind == 1:
        return gray(rng.uniform(0, 255, (SIZE, SIZE)))
    if kind == 2:
        return gray(mean + cv2.GaussianBlur(white, (0, 0), rng.uniform(0.6, 4)) * sigma * 4)
    dots = rng.random((SIZE, SIZE)) < rng.uniform(0.02, 0.5)
    return gray(np.where(dots, 255.0 * (rng.random((SIZE, SIZE)) < 0.5), mean))


def _gradient(rng: Generator, seed: int, strip: Gray) -> Gray:
    """Draw a lamp without strip: light from one side, or a spot."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    side = x * np.cos(angle) + y * np.sin(angle)
    light = side if rng.random() < 0.6 else np.hypot(x - rng.uniform(-1, 1), y - rng.uniform(-1, 1))
    noise = rng.standard_normal((SIZE, SIZE)) * rng.uniform(0, 3)
    return gray(rng.uniform(60, 190) + light * rng.uniform(20, 120) + noise)


def _half_covered(rng: Generator, seed: int, strip: Gray) -> Gray:
    """Cover 40 to 60% of the view in black, from a random side."""
    covered = np.rot90(strip, turns := int(rng.integers(4))).copy()
    covered[: int(len(covered) * rng.uniform(0.4, 0.6))] = rng.integers(12)
    return np.ascontiguousarray(np.rot90(covered, -turns))


def _out_of_focus(rng: Generator, seed: int, strip: Gray) -> Gray:
    """Blur the picture so far that no defect can be seen: with a sigma of 2.5 to 7.5% of the view."""
    sigma = rng.uniform(0.025, 0.075) * min(strip.shape)
    return np.asarray(cv2.GaussianBlur(strip, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.uint8)


def _blinded(rng: Generator, seed: int, strip: Gray) -> Gray:
    return gray(strip * rng.uniform(3, 6))


def _dark(rng: Generator, seed: int, strip: Gray) -> Gray:
    return gray(strip * rng.uniform(0.04, 0.12))


def _negative(rng: Generator, seed: int, strip: Gray) -> Gray:
    """Invert the picture, as a wrong setting or a broken driver does."""
    return np.asarray(255 - strip, np.uint8)


KINDS = (
    Kind("other material", _material),
    Kind("blank", _blank),
    Kind("noise", _noise),
    Kind("gradient", _gradient),
    Kind("half covered", _half_covered),
    Kind("out of focus", _out_of_focus),
    Kind("blinded", _blinded),
    Kind("dark", _dark),
    Kind("negative", _negative),
)
