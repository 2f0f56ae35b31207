"""Owns the six defects: each painter changes a view of clean surface in place."""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from inspector.vision.renderer.noise import Field, noise, smooth_step


def _top(field: Field, share: float) -> float:
    """Return the level that this share of the field lies above."""
    return float(np.quantile(field[::3, ::3], 1 - share))


def _roughness(view: Field) -> float:
    """Return the contrast of grain and sensor noise: the rougher, the larger and deeper a defect must be to show."""
    return (float(np.diff(view[::4], axis=1).std()) + 2) / float(view.mean())


def _darken(view: Field, cover: Field, depth: float) -> None:
    """Darken the view in place, by a factor: grain stays visible inside a dark defect."""
    view *= 1 - cover * min(depth, 0.85)


def _dots(rng: Generator, density: Field, sigma_x_px: float, sigma_y_px: float) -> Field:
    """Return blurred points of random strength, scattered with this probability per pixel."""
    points = np.maximum(1 - rng.random(density.shape, dtype=np.float32) / density, 0)
    blurred = cv2.GaussianBlur(points, (0, 0), sigma_x_px, sigmaY=sigma_y_px)
    return np.asarray(blurred * (6 * sigma_x_px * sigma_y_px))


def _paint_crazing(view: Field, rng: Generator) -> None:
    """Fine jagged cracks across the rolling direction, branching, all over the view."""
    height, width = view.shape
    cracks = np.zeros((height, width), np.uint8)
    count = math.ceil(rng.uniform(8, 20) * height * width / 200**2)
    nodes = rng.uniform((-20, 0), (width, height), (count, 2))
    for generation in range(10):
        steps = int(rng.integers(12, 40) if generation % 5 == 0 else rng.integers(3, 14))
        heading = rng.normal(0, 0.35, (count, 1)) + rng.normal(0, 0.8, (count, steps))
        heading += np.cumsum(rng.normal(0, 0.14, (count, steps)), axis=1)
        step_px = rng.uniform(1.5, 3.5, (count, steps, 1)) * np.stack((np.cos(heading), np.sin(heading)), 2)
        fresh = rng.uniform((-20, 0), (width, height), (count, 2))
        branching = rng.random((count, 1)) < 0.5
        start = np.where(branching, nodes[rng.integers(len(nodes), size=count)], fresh)
        paths = start[:, None] + np.cumsum(step_px, axis=1)
        nodes = paths.reshape(-1, 2)
        darkness = 255 if generation % 5 == 0 else rng.uniform(80, 220)
        cv2.polylines(cracks, list(np.rint(paths * 8).astype(np.int32)), False, darkness, 1, cv2.LINE_AA, 3)
    cover = cv2.GaussianBlur(cracks, (3, 3), 0.6).astype(np.float32) / 255
    cover *= 1 + 0.5 * noise(rng, height, width, 5, 5)
    _darken(view, np.clip(cover, 0, 1), rng.uniform(0.28, 0.5) + 1.2 * _roughness(view))


def _paint_patches(view: Field, rng: Generator) -> None:
    """Large dark blotches with frayed edges, longer along the rolling direction."""
    height, width = view.shape
    scale_px, stretch = rng.uniform(28, 50), rng.uniform(1, 2.5)
    shape = noise(rng, height, width, scale_px, scale_px * stretch)
    x, y = rng.uniform(0.3, 0.7, 2) * (width, height)  # one patch lies well inside the view
    near_x = np.exp(-0.7 * ((np.arange(width) - x) / scale_px) ** 2)
    near_y = np.exp(-0.7 * ((np.arange(height) - y) / (scale_px * stretch)) ** 2)
    shape += 1.8 * np.outer(near_y, near_x).astype(np.float32)
    shape += rng.uniform(0.12, 0.3) * noise(rng, height, width, 12, 16)
    shape += rng.uniform(0.05, 0.12) * noise(rng, height, width, 3, 4)
    edge, soft, depth = _top(shape, rng.uniform(0.12, 0.45)), rng.uniform(0.25, 0.8), rng.uniform(0.5, 0.75)
    if rng.random() < 0.6:
        _darken(view, smooth_step(shape, edge - 1, edge), 0.35 * depth)
    _darken(view, smooth_step(shape, edge - soft, edge + soft), depth)


def _paint_pitted_surface(view: Field, rng: Generator) -> None:
    """Many small dark pits, denser on one side or in a band, some grown together to larger ones."""
    height, width = view.shape
    rough = _roughness(view)
    size_px = 1 + 4 * rough
    crowd = rng.uniform(0.2, 1.2) * noise(rng, height, width, rng.uniform(50, 150), 250)
    density = np.exp(crowd.clip(-1.2, 1.2)) * rng.uniform(0.015, 0.05) / size_px**2
    white = max(float(view.mean()) - 190, 0) / 500  # the camera's saturation hides pits
    depth = min(rng.uniform(0.15, 0.28) + 1.6 * rough + white, 0.5)
    fine = _dots(rng, density, size_px * rng.uniform(0.8, 1.2), size_px * rng.uniform(1, 1.6))
    _darken(view, smooth_step(fine, 0.15, 0.9), depth)
    if rng.random() < 0.6:
        size_px *= rng.uniform(1.8, 3)
        coarse = _dots(rng, density * rng.uniform(0.05, 0.2), size_px, size_px * 1.2)
        coarse += 0.12 * noise(rng, height, width, 3, 3) * (coarse > 0.1)
        _darken(view, smooth_step(coarse, 0.2, 0.7), depth)


def _paint_rolled_in_scale(view: Field, rng: Generator) -> None:
    """Dark flakes pressed in across the rolling direction, with a bright lip, gathered in columns."""
    height, width = view.shape
    rough = _roughness(view)
    crowd = rng.uniform(0.8, 1.3) * noise(rng, height, width, rng.uniform(20, 45), rng.uniform(60, 140))
    density = np.minimum(np.exp(crowd), 4) * rng.uniform(0.0035, 0.0065)
    size_px = 1 + 3 * max(rough - 0.06, 0)
    flakes = _dots(rng, density, size_px * rng.uniform(1.9, 2.9), size_px * rng.uniform(1.1, 1.6))
    flakes *= 1 + 0.5 * noise(rng, height, width, 3, 2)
    cover = smooth_step(flakes, 0.1, 1.1)
    lip = np.clip(np.roll(cover, 3, axis=0) - cover, 0, 1)
    _darken(view, cover, rng.uniform(0.28, 0.42) + rough)
    _darken(view, np.clip(crowd, 0, 2), rng.uniform(0, 0.06))
    _darken(view, lip, -rng.uniform(0.08, 0.25))


def _paint_scratches(view: Field, rng: Generator) -> None:
    """Straight bright lines and striated bands, mostly along the rolling direction."""
    if rng.random() < 0.25:
        view = view.T
    height, width = view.shape
    cover = np.zeros((height, width), np.float32)
    slope = rng.normal(0, 0.02)
    for bundle in range(int(rng.integers(1, 4))):
        x, length = rng.uniform(0.15, 0.85) * width, rng.uniform(0.6, 3) * height
        y = 0.5 * (height - length) + rng.uniform(-0.3, 0.3) * height
        wide = rng.random() < 0.25
        for line in range(int(rng.integers(1, 5))):
            half_width = rng.uniform(2, 7) if wide else rng.uniform(0.4, 1.4)
            strength = 1.0 if bundle == line == 0 else rng.uniform(0.25, 1)
            at = (x + line * rng.normal(0, 4), y + 0.03 * line * length * rng.normal())
            _stroke(cover, rng, *at, length * rng.uniform(0.6, 1), half_width, slope, strength)
    striae = 0.25 * noise(rng, height, width, 1.8, 80) + 0.15 * noise(rng, height, width, 2, 5)
    level = float(view.mean())
    gain = rng.uniform(40, 140) if level < 170 else -rng.uniform(0.45, 0.65) * level
    view += cover * gain * np.clip(1 + striae, 0.3, 2)


def _stroke(
    cover: Field, rng: Generator, x: float, y: float, length: float, half_width: float, slope: float, strength: float
) -> None:
    """Add one line running down from (x, y), all in pixels, its ends fading and its strength uneven."""
    top, bottom = max(0, int(y)), min(cover.shape[0], math.ceil(y + length))
    ends, reach = (x, x + slope * length), 1.5 * half_width + 3
    left, right = max(0, int(min(ends) - reach)), min(cover.shape[1], math.ceil(max(ends) + reach))
    if bottom <= top or right <= left:
        return
    rows = np.arange(top, bottom, dtype=np.float32) - y
    wander, edge = noise(rng, 2, rows.size, 30, 1) + 0.5 * noise(rng, 2, rows.size, 4, 1)
    fade = np.clip(6 * np.minimum(rows, length - rows) / length, 0, 1) * np.clip(1 + 0.3 * wander, 0, 2) * strength
    distance = np.abs(np.arange(left, right, dtype=np.float32) - (x + slope * rows + 0.3 * wander)[:, None])
    inside = np.clip((half_width * (1 + 0.12 * edge))[:, None] - distance + 1, 0, 1) * fade[:, None]
    np.maximum(cover[top:bottom, left:right], inside, out=cover[top:bottom, left:right])


def _paint_inclusion(view: Field, rng: Generator) -> None:
    """Dark ragged spindles drawn out along the rolling direction, in one to three columns."""
    if rng.random() < 0.1:
        view = view.T
    height, width = view.shape
    near = np.zeros(width, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        apart = (np.arange(width, dtype=np.float32) - rng.uniform(0.12, 0.88) * width) / rng.uniform(3, 15)
        np.maximum(near, np.exp(-0.5 * apart**2) * rng.uniform(0.7, 1), out=near)
    shape = noise(rng, height, width, rng.uniform(3, 7), rng.uniform(20, 60)) + 2.5 * near
    shape += 0.3 * noise(rng, height, width, 2, 8) + 0.5 * noise(rng, height, 1, 1, 60)
    edge, depth = _top(shape, rng.uniform(0.025, 0.08)), rng.uniform(0.12, 0.32) + 3 * _roughness(view)
    _darken(view, near[None, :], rng.uniform(0, 0.12))
    _darken(view, smooth_step(shape, edge - 0.7, edge + 1), depth)


PAINTERS: dict[str, Callable[[Field, Generator], None]] = {
    "crazing": _paint_crazing,
    "patches": _paint_patches,
    "pitted_surface": _paint_pitted_surface,
    "rolled-in_scale": _paint_rolled_in_scale,
    "scratches": _paint_scratches,
    "inclusion": _paint_inclusion,
}
