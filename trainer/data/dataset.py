"""Owns the pictures in memory: each decoded once, kept as uint8, and the fingerprint of them all."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.vision import image
from inspector.vision.preprocess import Preprocess
from inspector.vision.renderer import strip
from trainer.data import crop
from trainer.data.manifest import CUT, SIMULATED, DataError, Manifest, Row
from trainer.progress.callback import Progress, silent
from trainer.recipe.learning import Network


def preprocess_of(network: Network) -> Preprocess:
    """Return the inspector's preprocessing with this network's numbers."""
    return Preprocess(network.size_px, network.channels, *network.mean_and_std)


@dataclass(frozen=True, slots=True)
class Dataset:
    """`images` as decoded, uint8 (height, width) each; `targets`, int64 (n,), index the manifest's labels.

    `skipped` names pictures that could not be read although prepare could, with the reason.
    """

    images: tuple[NDArray[np.uint8], ...]
    targets: NDArray[np.int64]
    rows: tuple[Row, ...]
    skipped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def fingerprint(self) -> str:
        """Return the sha256 of every row and its pixels: equal if two models learned from the same data."""
        digest = hashlib.sha256()
        for row, pixels in zip(self.rows, self.images, strict=True):
            digest.update(f"{row.path}\t{row.label}\t{pixels.shape}\n".encode("utf-8", "surrogateescape"))
            digest.update(pixels.tobytes())
        return digest.hexdigest()


def load(manifest: Manifest, rows: Sequence[Row], progress: Progress = silent) -> Dataset:
    """Decode or draw rows of one part. Raise DataError if there are rows and not one of them can be read."""
    index = {label.name: number for number, label in enumerate(manifest.labels)}
    kept: list[tuple[Row, NDArray[np.uint8]]] = []
    skipped: list[str] = []
    for number, row in enumerate(rows, 1):
        progress(f"{row.split} pictures read or drawn", number, len(rows))
        try:
            kept.append((row, pixels_of(manifest.root, row.path, manifest.bit_depth)))
        except (ImageError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            skipped.append(f"{row.path}: {reason}")
    if rows and not kept:
        raise DataError(f"{manifest.root}: none of {len(rows)} pictures can be read; the first: {skipped[0]}")
    targets = np.array([index[row.label] for row, _ in kept], np.int64)
    return Dataset(tuple(pixels for _, pixels in kept), targets, tuple(row for row, _ in kept), tuple(skipped))


def pixels_of(root: Path, path: str, bit_depth: int | None = None) -> NDArray[np.uint8]:
    """Return the picture that a manifest row names: a file below root, a part of one, or drawn by label and seed.

    `bit_depth`: how many bits a picture of 16 uses; None: all. Raise ImageError or OSError if it cannot be read.
    """
    if not path.startswith(SIMULATED):
        file, box = crop.parts(path)
        real = (root / file).resolve()  # a drop folder's links are refused, a data set's followed
        if box is None:
            return image.read(real, bit_depth or 16)
        try:
            return box.of(_frame(real, real.stat().st_mtime_ns, bit_depth or 16)).copy()
        except ValueError as error:
            raise ImageError(str(error)) from None
    try:
        label, seed = path.removeprefix(SIMULATED).rsplit(":", 1)
        if label.startswith(CUT):
            return strip.render_cut(label.removeprefix(CUT), int(seed)).pixels
        return strip.render_image(label, int(seed)).pixels
    except ValueError as error:
        raise DataError(f"{path}: {SIMULATED}label:seed or {SIMULATED}{CUT}label:seed is expected ({error})") from None


@lru_cache(maxsize=1)  # the views of a wide frame follow each other
def _frame(path: Path, changed_ns: int, bit_depth: int) -> NDArray[np.uint8]:
    return image.read(path, bit_depth)


def batches(
    images: Sequence[NDArray[np.uint8]], preprocess: Preprocess, size: int = 64
) -> Iterator[NDArray[np.float32]]:
    """Yield the pictures in order as network input, float32 (n, channels, size, size), `size` or fewer at a time."""
    for start in range(0, len(images), size):
        tiles = np.stack([preprocess.resize(pixels) for pixels in images[start : start + size]])
        yield preprocess.normalise(tiles)
