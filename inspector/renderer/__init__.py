"""Owns the drawing of synthetic hot-rolled strip: clean, or with the six NEU defects, and where each one lies.

Rolling direction is downwards, as in the NEU pictures. Surface and defects are drawn as float32 gray levels at a
fixed scale in pixels: a larger image shows more strip, not larger grain.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspector.renderer.defects import PAINTERS
from inspector.renderer.noise import Field, noise, smooth_step
from inspector.renderer.surface import FINISHES, clean_surface, expose

DEFECTS: tuple[str, ...] = ("crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")

_Place = tuple[int, int, int, int]  # x, y, width, height


@dataclass(frozen=True, slots=True)
class Box:
    """Where a defect lies, in pixels from the top left corner."""

    x: int
    y: int
    width: int
    height: int
    label: str


@dataclass(frozen=True, slots=True)
class Render:
    """A gray picture of strip and the defects on it."""

    pixels: NDArray[np.uint8]
    boxes: tuple[Box, ...]


def render_image(label: str, seed: int, size: int = 200) -> Render:
    """Draw one square view of strip, "ok" or with one of DEFECTS; the same arguments give the same pixels."""
    if label != "ok" and label not in DEFECTS:
        raise ValueError(f"unknown label {label!r}: expected 'ok' or one of {', '.join(DEFECTS)}")
    rng = _generator(label, seed)
    # Now and then a defect lies on another defect's steel, or a model would learn the steel instead.
    own_steel = label != "ok" and rng.random() < 0.75
    finish = FINISHES[label if own_steel else rng.choice(DEFECTS)]
    surface = clean_surface(rng, size, size, finish)
    boxes = () if label == "ok" else (_draw(label, surface, rng),)
    return Render(expose(surface, rng, finish), boxes)


def render_strip(seed: int, width: int = 4096, height: int = 1024, defects: Sequence[str] = ()) -> Render:
    """Draw a line-scan frame of one continuous strip, each of `defects` once at a random place, none overlapping.

    The same seed gives the same strip whatever the defects, so a frame has a clean twin to compare it with.
    """
    for label in defects:
        if label not in DEFECTS:
            raise ValueError(f"unknown defect {label!r}: expected one of {', '.join(DEFECTS)}")
    rng, placing = _generator("strip", seed), _generator("defects", seed)
    finish = FINISHES[rng.choice(DEFECTS)]
    surface = clean_surface(rng, height, width, finish)
    places = _places(placing, width, height, len(defects))
    boxes = [_draw(label, surface, placing, place) for label, place in zip(defects, places, strict=True)]
    return Render(expose(surface, rng, finish), tuple(boxes))


def _generator(purpose: str, seed: int) -> Generator:
    return np.random.default_rng((zlib.crc32(purpose.encode()), seed % 2**64))


def _places(rng: Generator, width: int, height: int, count: int) -> list[_Place]:
    """Disjoint places, smaller ones once the larger no longer find room."""
    places: list[_Place] = []
    tries = 200 * count
    for attempt in range(tries):
        if len(places) == count:
            break
        shrink = 1 - 0.6 * attempt / tries
        w, h = (min(int(rng.integers(150, 261) * shrink), room) for room in (width, height))
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        if all(x + w <= px or px + pw <= x or y + h <= py or py + ph <= y for px, py, pw, ph in places):
            places.append((x, y, w, h))
    if len(places) < count:
        raise ValueError(f"no room for {count} defects on a strip of {width} x {height} pixels")
    return places


def _soft_rim(rng: Generator, height: int, width: int) -> Field:
    """One inside, zero at the border, an uneven edge between: no defect ends in a straight line."""
    y, x = np.ogrid[:height, :width]
    depth_px = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x)).astype(np.float32)
    uneven = depth_px + 6 * noise(rng, height, width, 18, 18)
    return smooth_step(uneven, 8, 24) * smooth_step(depth_px, 0, 10)


def _draw(label: str, surface: Field, rng: Generator, place: _Place | None = None) -> Box:
    """Draw a defect all over the surface, or within a place on it, and box what it visibly changed."""
    x, y, width, height = place or (0, 0, *surface.shape[::-1])
    view = surface[y : y + height, x : x + width]
    change = view.copy()
    PAINTERS[label](change, rng)
    change -= view
    if place:
        change *= _soft_rim(rng, height, width)
    view += change
    visible = np.abs(change) > 0.05 * view.mean()
    left, top, wide, high = cv2.boundingRect(visible.astype(np.uint8))
    return Box(x + left, y + top, wide, high, label)
