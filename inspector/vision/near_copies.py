"""Owns when two pictures are near copies: one strip, re-encoded, rescaled, brighter, noisier. Pure, no I/O.

What is turned, mirrored or cut is no near copy. Training keeps near copies on one side of its split; people label them
together.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: What two pictures must agree in to be near copies: as a whole, and in the middle one of 16 blocks. A scratch at one
#: place or one lighting makes strangers alike as a whole, never in the grain of most blocks.
WHOLE, BLOCK = 0.9, 0.6
_COARSE_PX, _FINE_PX, _BLOCKS = 16, 64, 4
_MIN_DETAIL = 0.5  # gray levels, standard deviation: less is blank, and blank pictures are all alike


def are_near_copies(one: Gray, other: Gray) -> bool:
    """Return whether two pictures of any size, uint8 (height, width), are near copies. Two blank ones are not."""
    return float(coarse(one) @ coarse(other)) >= WHOLE and block_likeness(one, other) >= BLOCK


def coarse(image: Gray) -> Floats:
    """Return the detail of a picture as a unit vector, whose products measure likeness; zeros without detail."""
    detail = _detail(image, _COARSE_PX).ravel()
    return _unit(detail) if detail.std() >= _MIN_DETAIL else np.zeros_like(detail)


def block_likeness(one: Gray, other: Gray) -> float:
    """Return the median over blocks of the correlation of their detail."""
    pairs = zip(_blocks(one), _blocks(other), strict=True)
    return float(np.median([float(_unit(a) @ _unit(b)) for a, b in pairs]))


def _blocks(image: Gray) -> list[Floats]:
    detail, side = _detail(image, _FINE_PX), _FINE_PX // _BLOCKS
    corners = [(y, x) for y in range(0, _FINE_PX, side) for x in range(0, _FINE_PX, side)]
    return [detail[y : y + side, x : x + side].ravel() for y, x in corners]


def _detail(image: Gray, side: int) -> Floats:
    """Return a thumbnail less its surroundings, so that no lighting is left in it."""
    thumbnail = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(thumbnail - cv2.blur(thumbnail, (5, 5)), np.float32)


def _unit(values: Floats) -> Floats:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)
