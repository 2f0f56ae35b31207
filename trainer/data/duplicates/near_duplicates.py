"""Owns the search for copies of a whole picture: the same pixels again, or re-encoded, rescaled, brighter, noisier."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inspector.vision.near_copies import BLOCK, WHOLE, Gray, block_likeness, coarse
from trainer.progress.callback import Progress, silent

_CHUNK = 256
_PARTNERS = 16  # later pictures that one is compared with: where thousands are alike, their group is whole


@dataclass(frozen=True, slots=True)
class Copy:
    """Two pictures that are one: first < second. `similarity` is 1 where every pixel is the same."""

    first: int
    second: int
    similarity: float


def find_copies(images: Sequence[Gray], progress: Progress = silent) -> list[Copy]:
    """Return the copies in order: equal pictures each with the one before, near copies with how alike they are.

    Near copies lie as their original does: what is turned, mirrored or cut is no copy (pixel-identical areas under
    these are overlaps). Time is quadratic, 2 s for 10,000 pictures; memory 2 kB a picture. Of pictures that
    many are near copies of, each is paired with the next 16 of them.
    """
    exact = list(_exact(images))
    known = {copy.second for copy in exact}
    # The first of each set of equals stands for all of them.
    kept = [index for index in range(len(images)) if index not in known]
    near = [Copy(kept[a], kept[b], score) for a, b, score in _near([images[index] for index in kept], progress)]
    return sorted([*exact, *near], key=lambda copy: (copy.first, copy.second))


def _exact(images: Sequence[Gray]) -> Iterator[Copy]:
    last: dict[bytes, int] = {}
    for index, image in enumerate(images):
        key = hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).digest()
        if key in last:
            yield Copy(last[key], index, 1.0)
        last[key] = index


def _near(images: Sequence[Gray], progress: Progress) -> Iterator[tuple[int, int, float]]:
    """Yield pairs that are alike as a whole, on coarse thumbnails, and block by block on finer ones."""
    details = np.stack([coarse(image) for image in images]) if images else np.zeros((0, 1), np.float32)
    for start in range(0, len(details), _CHUNK):
        likeness = details[start : start + _CHUNK] @ details[start:].T
        for row, alike in enumerate(likeness >= WHOLE):
            first = start + row
            for second in start + row + 1 + np.flatnonzero(alike[row + 1 :])[:_PARTNERS]:
                score = block_likeness(images[first], images[second])
                if score >= BLOCK:
                    yield first, int(second), round(score, 4)
        progress("looking for copies", min(start + _CHUNK, len(details)), len(details))
