"""Owns the door to OpenCV's decoders: the bytes of one file to gray pixels of the file's own depth."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError


def opencv(data: bytes, name: str) -> NDArray[Any]:
    """Decode a BMP, PNG, TIFF or WebP (`name`) to gray (height, width). Raise ImageError if it is damaged."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise ImageError(f"damaged {name}: {str(error).strip()}") from None
    if pixels is None:
        raise ImageError(f"damaged {name}: cannot be decoded")
    return pixels
