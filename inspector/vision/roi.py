"""Owns which part of an image is strip: the region of interest, and in it the strip between the background.

Only columns that are background over the whole height are left out: a slanting or frayed edge is inspected.
"""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.vision.tiling import Tile

#: Columns and lines over which gray levels are averaged, so that dust or a hot pixel beside the strip is not strip.
_CELL_PX, _CELL_LINES = 8, 64


class Roi(Protocol):
    """The region of interest of a source, and how its strip differs from the background."""

    @property
    def left_px(self) -> int:
        """First column."""

    @property
    def top_px(self) -> int:
        """First line."""

    @property
    def width_px(self) -> int | None:
        """Width; None: to the right edge."""

    @property
    def height_px(self) -> int | None:
        """Height; None: to the bottom."""

    @property
    def background(self) -> str:
        """Background beside the strip: none, dark or bright."""

    @property
    def background_level(self) -> float:
        """Gray level between background and strip."""

    @property
    def min_width_px(self) -> int:
        """Least width of strip that is inspected."""


def area(pixels: NDArray[np.uint8], settings: Roi, every: int = 1) -> Tile:
    """Return the area of a frame, uint8 (height, width), that is inspected; 0 wide if it shows no strip.

    The edges are searched in every `every`-th line.
    """
    height, width = pixels.shape
    left, top = min(settings.left_px, width), min(settings.top_px, height)
    right = width if settings.width_px is None else min(width, left + settings.width_px)
    bottom = height if settings.height_px is None else min(height, top + settings.height_px)
    if settings.background != "none" and right > left and bottom > top:
        begins, ends = _edges(
            pixels[top:bottom:every, left:right], settings.background == "dark", settings.background_level
        )
        left, right = left + begins, left + (ends if ends - begins >= settings.min_width_px else begins)
    if right <= left or bottom <= top:
        return Tile(0, 0, 0, 0)
    return Tile(left, top, right - left, bottom - top)


def _edges(pixels: NDArray[np.uint8], dark: bool, level: float) -> tuple[int, int]:
    """Return where the strip begins and ends across, to within a cell; (0, 0) if all is background."""
    height, width = pixels.shape
    columns, rows = -(-width // _CELL_PX), -(-height // _CELL_LINES)
    cells = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    strip = np.flatnonzero((cells >= level if dark else cells <= level).any(axis=0))
    if not len(strip):
        return 0, 0
    return int(strip[0]) * width // columns, -(-(int(strip[-1]) + 1) * width // columns)
