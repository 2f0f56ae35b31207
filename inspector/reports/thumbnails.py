"""Owns small pictures for people, cut out of the evidence: a defect or doubt, boxed, with what is around it."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.quality.defects import Defect
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.vision.tiling import Tile

#: Least side of the square that is cut out, in camera px; and its side as a multiple of the defect's longer one.
_LEAST_PX, _AROUND = 120, 1.5
_MOST_ENLARGED, _JPEG_QUALITY = 2.0, 80
_DOUBT = "#6b7280"


def of_defect(store: Store, one: Defect, colour: str, side_px: int) -> bytes | None:
    """Return a JPEG, no side longer than `side_px`; None where no picture of its first frame is kept."""
    return of_defects(store, [one], {one.label: colour}, side_px)[0]


def of_defects(store: Store, defects: Sequence[Defect], colours: Mapping[str, str], side_px: int) -> list[bytes | None]:
    """Return the same for each. Each frame is read once, one at a time: memory holds one, and the small pictures."""
    pictures: list[bytes | None] = [None] * len(defects)
    by_frame = sorted(range(len(defects)), key=lambda number: defects[number].record)
    for record, numbers in groupby(by_frame, lambda number: defects[number].record):
        pixels = _pixels(store.record(record))
        if pixels is not None:
            for number in numbers:
                one = defects[number]
                part = Tile(one.x, one.y, one.width, one.height)
                pictures[number] = _cut(pixels, part, colours[one.label], side_px)
    return pictures


def of_doubt(record: Record, side_px: int) -> bytes | None:
    """Return a JPEG of the largest unsure part of a frame, or of all of it; None where no picture of it is kept."""
    pixels = _pixels(record)
    if pixels is None:
        return None
    if not record.doubts:
        return _jpeg(_scaled(pixels, side_px)[0])
    part = Tile(*(record.doubts[0][side] for side in ("x", "y", "width", "height")))
    return _cut(pixels, part, _DOUBT, side_px)


def _pixels(record: Record | None) -> NDArray[np.uint8] | None:
    """Return the evidence of a frame; None where it is gone, also where it went since the record was read."""
    if record is None or not record.evidence:
        return None
    pixels = cv2.imread(record.evidence, cv2.IMREAD_GRAYSCALE)
    return None if pixels is None else np.asarray(pixels, np.uint8)


def _cut(pixels: NDArray[np.uint8], one: Tile, colour: str, side_px: int) -> bytes:
    wanted = round(max(_LEAST_PX, _AROUND * one.width, _AROUND * one.height))
    (top, bottom), (left, right) = (
        _around(start, side, wanted, whole)
        for start, side, whole in zip((one.y, one.x), (one.height, one.width), pixels.shape, strict=True)
    )
    small, scale = _scaled(pixels[top:bottom, left:right], side_px)
    picture = np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR), np.uint8)
    corners = [
        (round((x - left) * scale), round((y - top) * scale))
        for x, y in ((one.x, one.y), (one.x + one.width - 1, one.y + one.height - 1))
    ]
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    for thick, shade in ((4, (255, 255, 255)), (2, (blue, green, red))):
        cv2.rectangle(picture, corners[0], corners[1], shade, thick)
    return _jpeg(picture)


def _around(start: int, side: int, wanted: int, whole: int) -> tuple[int, int]:
    """Return from where to where: `wanted` px around the side, moved inward where the picture ends."""
    length = min(whole, wanted)
    begins = min(max(0, start + side // 2 - length // 2), whole - length)
    return begins, begins + length


def _scaled(pixels: NDArray[np.uint8], side_px: int) -> tuple[NDArray[np.uint8], float]:
    height, width = pixels.shape
    scale = min(_MOST_ENLARGED, side_px / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8), scale


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
