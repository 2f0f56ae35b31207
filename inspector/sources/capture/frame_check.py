"""Owns the check of a captured picture: it is new, it is the very same as before, or it cannot be inspected."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.sources.capture.protocol import CapturedImage

T = TypeVar("T")

#: Distance in lines at which two pictures are compared first: strip that moves differs in one of the lines.
_SPARSE = 64


class FrameCheck:
    """Checks the pictures of one connection. `repeats`: it finds those that are the same as the one before."""

    def __init__(self, repeats: bool) -> None:
        self._repeats = repeats
        self._previous: NDArray[np.uint8] | None = None

    def judge(self, picture: CapturedImage, gray: Callable[[T], NDArray[np.uint8]], got: T) -> NDArray[np.uint8] | None:
        """Fill in the message about the picture; return its pixels, uint8 (height, width), where they are to be shown.

        `gray` makes them of what the library gave, or says by ImageError why it cannot.
        """
        previous, self._previous = self._previous, None
        try:
            pixels = gray(got)
        except ImageError as error:
            picture.reason = str(error)[:1024]
            return None
        if self._repeats:
            self._previous = pixels
            if previous is not None and _same(previous, pixels):
                picture.same = True
                return None
        picture.height, picture.width = pixels.shape
        return pixels


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return np.array_equal(one[::_SPARSE], other[::_SPARSE]) and np.array_equal(one, other)
