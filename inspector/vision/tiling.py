"""Owns the cutting of a frame into tiles: every pixel in at least one of them, the last row and column moved inward."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a frame, in pixels."""

    x: int
    y: int
    width: int
    height: int


class Cut(NamedTuple):
    """The tiles of a frame. `pooled`: they overlap by half, and a place is decided by all the tiles that show it."""

    tiles: tuple[Tile, ...]
    pooled: bool


def cut_area(area: Tile, view_px: int, least_overlap_px: int, overlap_px: int = 0) -> Cut:
    """Cut an area of a frame into views; there are none if it is 0 wide.

    Neighbours share `overlap_px`, at most half a view, and at least `least_overlap_px`, which the model needs.
    """
    if not area.width:
        return Cut((), False)
    shared_px = max(least_overlap_px, min(overlap_px, view_px // 2))
    return Cut(cut(area.height, area.width, view_px, shared_px, area.x, area.y), shared_px >= view_px // 2)


def cut(height: int, width: int, size: int, overlap: int = 0, left: int = 0, top: int = 0) -> tuple[Tile, ...]:
    """Return tiles of size x size that cover an area of `height` x `width` pixels, which begins at `left` and `top`.

    Along a side shorter than `size` there is one tile, of that length. Raise ValueError if overlap is not less than
    size.
    """
    return tuple(
        Tile(left + x, top + y, min(size, width), min(size, height))
        for y in _starts(height, size, overlap)
        for x in _starts(width, size, overlap)
    )


def _starts(length: int, size: int, overlap: int) -> list[int]:
    if not 0 <= overlap < size:
        raise ValueError(f"overlap of {overlap} px: 0 to {size - 1} fits tiles of {size} px")
    if length <= size:
        return [0]
    step = size - overlap
    count = -(-(length - size) // step) + 1
    return [min(index * step, length - size) for index in range(count)]
