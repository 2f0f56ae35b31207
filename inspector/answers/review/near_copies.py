"""Owns which frames in the queue are one look: near copies that come one after the other from one source."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.record.candidates import Candidate
from inspector.record.evidence import evidence
from inspector.vision.near_copies import are_near_copies

#: Largest number of pictures that are compared, those of the first frames in the queue.
COMPARED = 300


def folded(data: Path, frames: Sequence[Candidate]) -> list[list[Candidate]]:
    """Return the frames in their order, each with its near copies behind it, which then stand nowhere else.

    One picture is in memory at a time, and the one before it.
    """
    order = {one.record: place for place, one in enumerate(frames)}
    shown = [one for one in frames if one.picture][:COMPARED]
    group_of: dict[int, list[Candidate]] = {}
    before: tuple[Candidate, NDArray[np.uint8]] | None = None
    for one in sorted(shown, key=lambda each: (each.source, each.captured_at, each.record)):
        pixels = cv2.imread(str(data / evidence.FOLDER / one.picture), cv2.IMREAD_GRAYSCALE)
        if pixels is None:  # it went since the record was read
            continue
        picture = np.asarray(pixels, np.uint8)
        alike = before is not None and before[0].source == one.source and are_near_copies(before[1], picture)
        group_of[one.record] = group_of[before[0].record] if alike and before is not None else []
        group_of[one.record].append(one)
        before = one, picture
    groups = [group_of.get(one.record, [one]) for one in frames]
    first = [(one, group) for one, group in zip(frames, groups, strict=True) if _leads(one, group, order)]
    return [[one, *(each for each in group if each is not one)] for one, group in first]


def _leads(one: Candidate, group: Sequence[Candidate], order: dict[int, int]) -> bool:
    return order[one.record] == min(order[each.record] for each in group)
