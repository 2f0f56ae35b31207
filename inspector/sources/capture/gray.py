"""Owns what is made of a picture that a library gives: gray pixels, or why it is no picture of strip. Pure, no I/O."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision.image import inspectable

#: What a decoder makes of picture parts that it never got: Y, U and V of 0 are this green.
_GREEN_LOW, _GREEN_HIGH = (0, 130, 0), (3, 140, 3)
#: Rows of that green in one row of blocks: fewer are the picture's own.
_GREEN_ROWS = 8


def gray(picture: NDArray[Any] | None) -> NDArray[np.uint8]:
    """Return what a capture gave as uint8 (height, width). Raise ImageError if it cannot be inspected."""
    if picture is None or picture.size == 0:
        raise ImageError("the camera gave a picture without pixels")
    channels = picture.shape[2] if picture.ndim == 3 else 1
    if picture.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ImageError(f"the camera gave an array of {picture.shape}: height, width, 1, 3 or 4 colours are right")
    if picture.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"the camera gave pixels of type {picture.dtype}: 8 or 16 bits a pixel can be inspected")
    if channels == 1:
        return inspectable(picture.reshape(picture.shape[:2]), 16)
    if channels == 3 and picture.dtype == np.uint8 and (rows := _green_rows(picture)) >= _GREEN_ROWS:
        raise ImageError(f"{rows} of {picture.shape[0]} rows are the green of a picture that was not decoded whole")
    code = cv2.COLOR_BGR2GRAY if channels == 3 else cv2.COLOR_BGRA2GRAY
    return inspectable(cv2.cvtColor(picture, code), 16)


def _green_rows(picture: NDArray[Any]) -> int:
    """Return how many rows are green from end to end; only rows that are so at every 16th pixel are looked at whole."""
    within = cv2.inRange(np.ascontiguousarray(picture[:, ::16]), _GREEN_LOW, _GREEN_HIGH)
    rows = np.flatnonzero(within.all(axis=1))
    if not rows.size:
        return 0
    return int(cv2.inRange(picture[rows], _GREEN_LOW, _GREEN_HIGH).all(axis=1).sum())
