"""Owns the merging of tiles that show the same defect into regions of the frame. Pure, no I/O."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from inspector.decide import RANK, TileDecision
from inspector.messages import Region
from inspector.tiles import Tile

#: A bundle's views overlap by half at most: a tile touches no tile further away than so many steps.
_REACH = 2


class _Cell(NamedTuple):
    """Where a defect tile stands among the frame's rows and columns of tiles."""

    label: str
    row: int
    column: int


def merge(
    tiles: Sequence[Tile], decisions: Sequence[TileDecision], shown: Sequence[Tile] | None = None
) -> list[Region]:
    """The defects of a frame, the worst first: tiles of one label that overlap or touch, be it at a corner, are one.

    A region is the rectangle around its tiles, or around what is `shown` of each instead, with the highest of their
    scores. The tiles are those of `tiles.cut`, or places pooled from them.
    """
    where = shown or tiles
    regions = [_around([(where[at], decisions[at]) for at in group]) for group in _groups(tiles, decisions)]
    return sorted(regions, key=lambda region: (-RANK[region.severity], -region.score, region.y, region.x))


def _groups(tiles: Sequence[Tile], decisions: Sequence[TileDecision]) -> Iterator[list[int]]:
    """The defect tiles of one label that hang together, by their numbers."""
    rows, columns = _ranks(tile.y for tile in tiles), _ranks(tile.x for tile in tiles)
    found = {
        _Cell(one.label, rows[tile.y], columns[tile.x]): at
        for at, (tile, one) in enumerate(zip(tiles, decisions, strict=True))
        if one.outcome == "defect"
    }
    while found:
        yield _take_touching(next(iter(found)), found, tiles)


def _ranks(starts: Iterable[int]) -> dict[int, int]:
    return {start: rank for rank, start in enumerate(sorted(set(starts)))}


def _take_touching(start: _Cell, found: dict[_Cell, int], tiles: Sequence[Tile]) -> list[int]:
    """Take out of `found` what hangs together with `start`."""
    group = [found.pop(start)]
    edge = [(start, tiles[group[0]])]
    while edge:
        cell, tile = edge.pop()
        for down in range(-_REACH, _REACH + 1):
            for right in range(-_REACH, _REACH + 1):
                other = _Cell(cell.label, cell.row + down, cell.column + right)
                if other in found and _touch(tile, tiles[found[other]]):
                    group.append(found.pop(other))
                    edge.append((other, tiles[group[-1]]))
    return group


def _touch(one: Tile, other: Tile) -> bool:
    return (
        one.x <= other.x + other.width
        and other.x <= one.x + one.width
        and one.y <= other.y + other.height
        and other.y <= one.y + one.height
    )


def _around(group: list[tuple[Tile, TileDecision]]) -> Region:
    left, top = min(tile.x for tile, _ in group), min(tile.y for tile, _ in group)
    right = max(tile.x + tile.width for tile, _ in group)
    bottom = max(tile.y + tile.height for tile, _ in group)
    _, strongest = max(group, key=lambda one: one[1].score)
    return Region(left, top, right - left, bottom - top, strongest.label, strongest.score, strongest.severity)
