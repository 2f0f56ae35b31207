"""Owns run-length masks as Severstal's train.csv has them: `start length` pairs, counted from 1 down the columns."""

import cv2
import numpy as np

from trainer.data.crop import Box


def boxes(text: str, width: int, height: int) -> list[Box]:
    """Return the rectangle around each part of the mask that hangs together.

    Raises:
        ValueError: no pairs of numbers, or a run that leaves the picture.
    """
    try:
        numbers = np.array([int(number) for number in text.split()], np.int64)
    except (ValueError, OverflowError):
        raise ValueError(f"pairs of `start length` are expected, got {text[:40]!r}") from None
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    if len(numbers) % 2 or (lengths < 1).any() or (starts < 0).any():
        raise ValueError("pairs of `start length` are expected, each 1 or more")
    ends = [start + length for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]  # of any size
    if max(ends, default=0) > width * height:
        raise ValueError(f"a run ends at {max(ends)}: the picture has {width} x {height} pixels")
    mask = np.zeros(width * height, np.uint8)
    for start, length in zip(starts, lengths, strict=True):
        mask[start : start + length] = 1
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(mask.reshape(width, height).T))
    return [Box(int(x), int(y), int(wide), int(high)) for x, y, wide, high, _ in stats[1:]]
