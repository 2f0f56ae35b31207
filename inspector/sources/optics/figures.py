"""Owns what a picture shows of the optics that took it: four figures, whether it is blank, its light by cells. Pure.

Measured are whole lines at even distances, MAX_PIXELS in all: about a millisecond, whatever the size.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.protocol.optics import CELL_PX, MAX_COLUMNS, MAX_ROWS, Figures
from inspector.vision.tiling import Tile

MAX_PIXELS = 1 << 20
#: A picture is blank if the standard deviation of its gray levels, noise included, is below the first, or if its mean
#: is below the second or above the third.
BLANK_CONTRAST, BLACK, WHITE = 2.0, 8.0, 247.0
#: Gray levels beyond which a pixel is clipped.
_UNCLIPPED = (3, 252)
#: Lines over which differences are taken, and the largest distance of two pixels in them.
_LINES, _FAR = 32, 8
#: Share of the noise below which texture cannot be compared.
_FAINT = 0.1


@dataclass(frozen=True, slots=True)
class OpticsSample:
    """What one picture of this `size` (height, width) shows. `blank`: why it shows nothing, or empty.

    `cells`: mean gray levels, float32. `grain`: how some of its lines differ from others, int16 (lines, width): without
    what goes along the strip; `texture`: how much of it the lens shows, by mean square, 0 where that is lost in noise.
    """

    figures: Figures
    blank: str
    cells: NDArray[np.float32]
    size: tuple[int, ...]
    grain: NDArray[np.int16]
    texture: float


def line_step(height: int, width: int) -> int:
    """Return the distance in lines between those of a picture that are measured."""
    return max(1, -(-height * width // MAX_PIXELS))


def cell(height: int, width: int) -> tuple[int, int]:
    """Return height and width in pixels of a picture's cells. What is left over at its end belongs to none."""
    every = line_step(height, width)
    lines = -(-CELL_PX // every)
    return every * max(lines, -(-_lines(height, every) // MAX_ROWS)), max(CELL_PX, -(-width // MAX_COLUMNS))


def grid(height: int, width: int) -> tuple[int, int]:
    """Return how many rows and columns of cells a picture has."""
    along, across = cell(height, width)
    every = line_step(height, width)
    return max(1, _lines(height, every) * every // along), max(1, width // across)


def _lines(height: int, every: int) -> int:
    return len(range(every // 2, height, every))


def measure(pixels: NDArray[np.uint8], area: Tile) -> OpticsSample:
    """Measure a picture, uint8 (height, width), in this area of it; the cells are those of all of it."""
    every = line_step(*pixels.shape)
    strip = pixels[area.y : area.y + area.height : every, area.x : area.x + area.width]
    lines = np.ascontiguousarray(strip[:: max(1, len(strip) // _LINES)])
    (brightness,), (deviation,) = (value.ravel().tolist() for value in cv2.meanStdDev(strip))
    near, next_, far = (_difference(lines, lines, step) for step in (1, 2, _FAR))
    # The mean square difference of pixels k apart is D(k) = 2 (C(0) + noise - C(k)), C being the autocovariance of what
    # the lens shows. So D(2) - D(1) = 2 (C(1) - C(2)) is free of noise, which a defocused lens does not blur: Vollath's
    # measure F4 (Journal of Microscopy 147, 1987, p. 279). Divided by the same over 8 pixels it is free of light and
    # contrast, too; slow changes of the light have fallen out of the differences.
    fine = max(0.0, far - near)
    contrast = math.sqrt(fine / 2) / max(brightness, 1.0)
    sharpness = min(1.0, max(0.0, next_ - near) / fine) if fine else 0.0
    figures = Figures(brightness, contrast, sharpness, _clipped(lines))
    pairs = len(lines) // 2
    grain = np.asarray(cv2.subtract(lines[:pairs], lines[pairs : 2 * pairs], dtype=cv2.CV_16S), np.int16)
    near = _difference(grain, grain, 1)
    texture = _difference(grain, grain, _FAR) - near
    faint = texture < _FAINT * near
    return OpticsSample(
        figures, _blank(brightness, deviation), _cells(pixels), pixels.shape, grain, 0.0 if faint else texture
    )


def likeness(one: OpticsSample, other: OpticsSample) -> float:
    """Return how alike two pictures are: near 1 for the same strip once more, near 0 where it has moved on.

    By how much less they differ at the same place than at places 8 pixels apart: noise and flicker change nothing.
    """
    if one.grain.shape != other.grain.shape or not (one.texture and other.texture):
        return 0.0
    alike = _difference(one.grain, other.grain, _FAR) - _difference(one.grain, other.grain, 0)
    return min(1.0, alike / max(one.texture, other.texture))


def _difference(one: NDArray[Any], other: NDArray[Any], step: int) -> float:
    """Return the mean square difference of the pixels of one and those `step` further in the other; 0 if none are."""
    width: int = one.shape[1] - step
    if not len(one) or width < 1:
        return 0.0
    return float(cv2.norm(one[:, :width], other[:, step:], cv2.NORM_L2SQR)) / (len(one) * width)


def _clipped(lines: NDArray[np.uint8]) -> float:
    least, most = _UNCLIPPED
    return 1 - int(cv2.countNonZero(cv2.inRange(lines, least, most))) / lines.size


def _blank(brightness: float, deviation: float) -> str:
    if brightness < BLACK:
        return "black"
    if brightness > WHITE:
        return "white"
    return "without contrast" if deviation < BLANK_CONTRAST else ""


def _cells(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    every = line_step(*pixels.shape)
    along, across = cell(*pixels.shape)
    rows, columns = grid(*pixels.shape)
    whole = pixels[every // 2 :: every][: rows * along // every, : columns * across]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
