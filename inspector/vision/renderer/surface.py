"""Owns clean strip: its finishes as in NEU, light, roll bands and grain, and the camera's image of it."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspector.vision.renderer.noise import Field, grain, noise


@dataclass(frozen=True, slots=True)
class Finish:
    """A kind of clean surface; each contrast is a deviation relative to the local brightness, and varies by view."""

    brightness: tuple[float, float, float]  # gray levels: least, usual, most
    grain: float
    grain_sigma_px: tuple[float, float]  # along x, along y
    mottle: float
    mottle_px: tuple[float, float]  # along x, along y
    bands: float
    uneven_light: float
    brushed: float  # share of views with oblique brush marks
    sensor_noise: float  # gray levels


# One finish for every defect, because each defect in NEU was found on its own steel under its own lamp.
FINISHES: dict[str, Finish] = {
    "crazing": Finish((75, 165, 190), 0.10, (0.56, 0.66), 0.062, (4, 5), 0.05, 0.20, 0.4, 2.6),
    "patches": Finish((55, 225, 265), 0.10, (0.60, 0.66), 0.042, (5, 7), 0.05, 0.16, 0.2, 2.2),
    "pitted_surface": Finish((70, 225, 250), 0.017, (0.7, 0.8), 0.017, (4, 6), 0.035, 0.28, 0.1, 1.0),
    "rolled-in_scale": Finish((70, 130, 155), 0.042, (1.1, 0.6), 0.038, (9, 5), 0.05, 0.14, 0.6, 3.4),
    "scratches": Finish((38, 85, 155), 0.023, (0.9, 0.9), 0.022, (6, 14), 0.045, 0.24, 0.1, 1.0),
    "inclusion": Finish((55, 95, 220), 0.013, (0.9, 0.9), 0.015, (5, 18), 0.03, 0.20, 0.1, 1.0),
}


def expose(surface: Field, rng: Generator, finish: Finish) -> NDArray[np.uint8]:
    """Return the camera's image of the surface: a little defocus, soft saturation towards white, sensor noise."""
    if rng.random() < 0.15:
        surface = np.asarray(cv2.GaussianBlur(surface, (5, 5), rng.uniform(0.4, 0.6)))
    over = np.maximum(surface - 195, 0)
    picture = rng.standard_normal(surface.shape, dtype=np.float32) * finish.sensor_noise * rng.uniform(0.7, 1.3)
    picture += surface - over + over / (1 + over / 95)
    return picture.round().clip(0, 255).astype(np.uint8)


def clean_surface(rng: Generator, height: int, width: int, finish: Finish, strip_px: int | None = None) -> Field:
    """Return clean strip before the camera: light, roll bands, mottle, brush marks and grain.

    With `strip_px`, it is part of a strip of that width, under the lamp and exposure of the whole strip.
    """
    # The lamp varies across the strip and only drifts along it, however many lines the frame has.
    across_px = strip_px or width
    lamp = noise(rng, 1, across_px, rng.uniform(120, 450), 1)
    lamp = lamp + rng.uniform(0.2, 1) * noise(rng, height, 1, 1, max(height, rng.uniform(200, 700)))
    light = np.exp(rng.uniform(0.4, 1.6) * finish.uneven_light * 2 * np.tanh(0.6 * lamp))
    light *= 1 + rng.uniform(0.4, 1.6) * finish.bands * noise(rng, 1, across_px, rng.uniform(18, 55), 1)
    brightest = float(light.max())
    if strip_px:
        left = int(rng.integers(strip_px - width + 1))
        light = light[:, left : left + width]
    texture = 1 + rng.uniform(0.7, 1.3) * finish.grain * grain(rng, height, width, finish.grain_sigma_px)
    mottle_px = rng.uniform(0.8, 1.3, 2) * finish.mottle_px
    mottle = noise(rng, height, width, *mottle_px) + 0.6 * noise(rng, height, width, *(3 * mottle_px))
    texture += rng.uniform(0.7, 1.3) * finish.mottle * mottle
    if rng.random() < finish.brushed:
        texture += rng.uniform(0.4, 1) * finish.mottle * _brush_marks(rng, height, width)
    exposure = min(rng.triangular(*finish.brightness), 310 / brightest)  # never blinded
    return np.asarray(light * texture * exposure)


def _brush_marks(rng: Generator, height: int, width: int) -> Field:
    """Return many faint parallel oblique lines, as a descaling brush or a ground work roll leaves them."""
    angle = rng.uniform(0.14, 0.55) * rng.choice((-1, 1))
    across_px, along_px, reach = rng.uniform(1.4, 2.5), rng.uniform(40, 120), width + height
    rows, columns = math.ceil(reach / across_px), math.ceil(reach / along_px) + 2
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, sin, height], [-sin, cos, height]]) / [[along_px], [across_px]]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(grid, turn, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT))
