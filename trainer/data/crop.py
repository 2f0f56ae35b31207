"""Owns crops, parts of pictures that are learned from as pictures: in a manifest `crop:x,y,width,height:path`."""

import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PREFIX = "crop:"
_NAME = re.compile(rf"{PREFIX}(\d+),(\d+),(\d+),(\d+):(.+)", re.DOTALL)


class Box(NamedTuple):
    """A rectangle of a picture, in its pixels."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def around(cls, left: float, top: float, right: float, bottom: float) -> "Box":
        """Return the whole pixels that a rectangle lies on, from 0 on and at least one.

        Raise ValueError if these are no sides of a rectangle.
        """
        if not (-math.inf < left <= right < math.inf and -math.inf < top <= bottom < math.inf):
            raise ValueError(f"no rectangle: from {left:g} to {right:g} across, from {top:g} to {bottom:g} down")
        x, y = max(0, math.floor(left)), max(0, math.floor(top))
        return cls(x, y, max(1, math.ceil(right) - x), max(1, math.ceil(bottom) - y))

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part of a picture. Raise ValueError if the picture does not hold all of it."""
        if self.x + self.width > pixels.shape[1] or self.y + self.height > pixels.shape[0] or not self[2] * self[3]:
            raise ValueError(f"no crop at {self.x},{self.y} of {self.width} x {self.height} px: the picture has "
                             f"{pixels.shape[1]} x {pixels.shape[0]}")  # fmt: skip
        return pixels[self.y : self.y + self.height, self.x : self.x + self.width]


def name(path: str, box: Box) -> str:
    """Return what a manifest calls the part of the picture at `path`."""
    return f"{PREFIX}{box.x},{box.y},{box.width},{box.height}:{path}"


def parts(path: str) -> tuple[str, Box | None]:
    """Return the file that a manifest's path names, and the part of it; None where it is the whole picture."""
    match = _NAME.fullmatch(path)
    return (match[5], Box(*map(int, match.groups()[:4]))) if match else (path, None)
