"""Owns the bit depth of a recipe's pictures: how many bits of 16 their camera fills, as the recipe says it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from inspector.errors import ImageError
from inspector.vision import image
from trainer.data import crop
from trainer.data.manifest import DataError
from trainer.progress.callback import Progress, silent

#: Pictures that all stay within a quarter of the white of 16 bits are not of 16 bits.
_MOST_IN_DOUBT = 14


def of(root: Path, paths: Iterable[str], chosen: int | None, progress: Progress = silent) -> int | None:
    """Return how many bits the pictures of 16 bits use: `chosen`, else 16; None where there are none of 16 bits.

    Raises:
        DataError: none is chosen, and they use far fewer than 16: learned so, strip is all but black.
    """
    files = list(dict.fromkeys(crop.parts(path)[0] for path in paths))
    used = [bits for bits in _used(root, files, progress) if bits > 8]
    if used and chosen is None and (most := max(used)) <= _MOST_IN_DOUBT:
        likely = most + most % 2
        raise DataError(
            f"{root}: only {likely} of 16 bits are used by its {len(used)} pictures of 16 bits: "
            f"set data.bit_depth: {likely}, or 16 where they are as dark as that"
        )
    return (chosen or 16) if used else None


def _used(root: Path, files: Sequence[str], progress: Progress) -> Iterator[int]:
    """Yield the bits that each picture uses; one that cannot be read is named where it is read to learn from."""
    for number, file in enumerate(files, 1):
        progress("measuring bit depth", number, len(files))
        try:
            yield image.bits_used((root / file).resolve())
        except (ImageError, OSError):
            continue
