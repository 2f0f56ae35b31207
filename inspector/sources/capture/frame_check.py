"""Owns what is told of a picture: here it is, it is the very same as before, or why it cannot be inspected."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.sources.capture.protocol import Picture

T = TypeVar("T")

#: So many lines apart two pictures are compared first: strip that moves differs in one of them.
_SPARSE = 64


class Judge:
    """Looks at the pictures of one connection. `repeats`: it tells which are the same as the one before."""

    def __init__(self, repeats: bool) -> None:
        self._repeats = repeats
        self._previous: NDArray[np.uint8] | None = None

    def judge(self, picture: Picture, gray: Callable[[T], NDArray[np.uint8]], got: T) -> NDArray[np.uint8] | None:
        """Complete what is told of the picture; its pixels, uint8 (height, width), where they are to be shown.

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
