"""Owns the random fields that strip is drawn with: smooth noise, grain, soft steps."""

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

#: Gray levels or contrasts, float32 (height, width).
Field = NDArray[np.float32]


def noise(rng: Generator, height: int, width: int, cell_x_px: float, cell_y_px: float) -> Field:
    """Return smooth noise of about unit deviation with features one cell wide: a random grid, enlarged."""
    zoom = int(min(cell_x_px, cell_y_px) // 6)
    if zoom > 1:  # the grid of large cells reaches far outside the view, so it is first drawn small
        small = noise(rng, height // zoom + 5, width // zoom + 5, cell_x_px / zoom, cell_y_px / zoom)
        x, y, size = 2 * zoom, 2 * zoom, (small.shape[1] * zoom, small.shape[0] * zoom)
    else:
        columns, rows = math.ceil(width / cell_x_px) + 3, math.ceil(height / cell_y_px) + 3
        small = rng.standard_normal((rows, columns), dtype=np.float32) * 1.3
        x, y = int(cell_x_px * rng.uniform(1, 2)), int(cell_y_px * rng.uniform(1, 2))
        size = (math.ceil(columns * cell_x_px), math.ceil(rows * cell_y_px))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)[y : y + height, x : x + width])


def grain(rng: Generator, height: int, width: int, sigma_px: tuple[float, float]) -> Field:
    """Return white noise of unit deviation, blurred by sigma along x and y and scaled back to unit deviation."""
    white = rng.standard_normal((height, width), dtype=np.float32)
    along_x, along_y = (cv2.getGaussianKernel(7, sigma, cv2.CV_32F) for sigma in sigma_px)
    unit_x, unit_y = along_x / np.linalg.norm(along_x), along_y / np.linalg.norm(along_y)  # keep the deviation
    return np.asarray(cv2.sepFilter2D(white, cv2.CV_32F, unit_x, unit_y))


def smooth_step(field: Field, low: float, high: float) -> Field:
    """Return 0 below `low`, 1 above `high`, and a cubic between them."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)
