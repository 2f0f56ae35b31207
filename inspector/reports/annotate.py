"""Owns the evidence of a frame as a PNG for people: what was found in it is boxed and named."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.errors import StoreError
from inspector.host import atomic
from inspector.record.records import Record

#: Colour by severity, in OpenCV's order: blue, green, red.
_COLOURS = {"critical": (40, 40, 220), "major": (0, 120, 240), "minor": (0, 200, 240)}
_OTHER, _DOUBT, _FONT = (200, 160, 60), (160, 160, 160), cv2.FONT_HERSHEY_SIMPLEX


def save(record: Record, folder: Path) -> Path | None:
    """Write the frame's picture as ID.png into the folder, whole; None where no evidence of it is kept.

    Raise StoreError if it cannot be written.
    """
    pixels = cv2.imread(record.evidence, cv2.IMREAD_GRAYSCALE) if record.evidence else None
    if pixels is None:  # also where it went by the budget since the record was read
        return None
    path = folder / f"{record.id}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = cv2.imencode(".png", boxed(np.asarray(pixels, np.uint8), record))[1]
        atomic.write(path, drawn.data, durable=False)  # drawn again at will
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None
    return path


def boxed(pixels: NDArray[np.uint8], record: Record) -> NDArray[np.uint8]:
    """Return the picture, uint8 (height, width), in colour, uint8 (height, width, 3), with what was found in it boxed.

    Doubts have a question mark; the worst region is on top.
    """
    picture = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    for doubt in reversed(record.doubts):
        _box(picture, doubt, _DOUBT, f"{doubt['label']}? {doubt['score']:.2f}")
    for region in reversed(record.regions):
        colour = _COLOURS.get(region["severity"], _OTHER)
        _box(picture, region, colour, f"{region['label']} {region['score']:.2f}")
    return picture


def _box(picture: NDArray[np.uint8], part: dict[str, Any], colour: tuple[int, int, int], text: str) -> None:
    thick = max(1, max(picture.shape) // 400)
    left, top = part["x"], part["y"]
    right, bottom = left + part["width"] - 1, top + part["height"] - 1
    cv2.rectangle(picture, (left, top), (right, bottom), colour, thick)
    cv2.putText(picture, text, (left + 4 * thick, top + 14 * thick), _FONT, 0.4 * thick, colour, thick, cv2.LINE_AA)
