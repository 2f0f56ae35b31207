"""Owns predict: files and folders of pictures to verdicts, by a bundle and the inspector's own rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector import image
from inspector.errors import ImageError
from trainer.evaluate import decide, open_bundle
from trainer.manifest import DataError

_BATCH = 64
#: A picture of more than so many views a side would be squeezed until no defect is left to see.
_MOST_VIEWS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one file shows. `outcome` is ok, defect, unsure, or error, with `reason` for the last two."""

    path: str
    outcome: str
    label: str = ""
    severity: str = "none"
    score: float = 0.0
    reason: str = ""


def predict(bundle_dir: Path, paths: Sequence[Path]) -> list[Verdict]:
    """One verdict for each file, a folder standing for the files in it; each file is one view of strip.

    Raises:
        DataError: a path that does not exist. A file that is no image gets the outcome `error`.
        BundleError: the bundle cannot be used.
    """
    files = [file for path in paths for file in _files(path)]
    model, opened = open_bundle(bundle_dir)
    verdicts: list[Verdict] = []
    for start in range(0, len(files), _BATCH):
        read = [_read(file, opened.manifest.input.view_px) for file in files[start : start + _BATCH]]
        pictures = [pixels for pixels in read if not isinstance(pixels, str)]
        tiles = iter(decide(model, opened.manifest.decision, pictures, model.logits(pictures)))
        for file, pixels in zip(files[start : start + _BATCH], read, strict=True):
            if isinstance(pixels, str):
                verdicts.append(Verdict(str(file), "error", reason=pixels))
                continue
            tile = next(tiles)
            score = round(tile.score, 4)
            verdicts.append(Verdict(str(file), tile.outcome, tile.label, tile.severity, score, tile.reason))
    return verdicts


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    elif path.exists():
        yield path
    else:
        raise DataError(f"{path}: no such file or folder")


def _read(file: Path, view_px: int) -> NDArray[np.uint8] | str:
    """The pixels, or why not."""
    try:
        pixels = image.read(file)
        height, width = pixels.shape
        if max(height, width) > _MOST_VIEWS * view_px:
            raise ImageError(f"{width}x{height} pixels, the model sees {view_px}: `inspector run` cuts such a frame up")
        return pixels
    except ImageError as error:
        return str(error)
    except OSError as error:
        return str(error.strerror)
