"""Owns annotated pictures: a picture and, under it, what it was judged to be, as a PNG."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.host import atomic

#: By outcome, blue green red as OpenCV has it.
_COLOURS = {"ok": (80, 160, 60), "defect": (60, 60, 220), "unsure": (0, 150, 230)}
_LEAST_WIDTH_PX, _BAND_PX, _INK = 400, 44, (255, 255, 255)


def save(folder: Path, name: str, pixels: NDArray[np.uint8], outcome: str, text: str) -> Path:
    """Write NAME.png, or NAME-2.png and so on where that is taken; whole or not at all. `pixels` are gray."""
    folder.mkdir(parents=True, exist_ok=True)
    path, number = folder / f"{name}.png", 2
    while path.exists():
        path, number = folder / f"{name}-{number}.png", number + 1
    drawn = cv2.imencode(".png", _annotated(pixels, outcome, text))[1]
    atomic.write(path, drawn.data, durable=False)  # drawn again at will
    return path


def _annotated(pixels: NDArray[np.uint8], outcome: str, text: str) -> NDArray[np.uint8]:
    """Return the picture above a band of its colour, a small one enlarged by whole pixels to make room for the text."""
    times = max(1, -(-_LEAST_WIDTH_PX // pixels.shape[1]))
    shown = cv2.cvtColor(np.kron(pixels, np.ones((times, times), np.uint8)), cv2.COLOR_GRAY2BGR)
    band = np.empty((_BAND_PX, shown.shape[1], 3), np.uint8)
    band[:] = _COLOURS[outcome]
    cv2.putText(band, text, (10, 29), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _INK, 1, cv2.LINE_AA)
    return np.concatenate([shown, band])
