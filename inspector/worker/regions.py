"""Owns the merging of tiles: of one defect into its region, of what is unsure into doubts. Pure, no I/O."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from inspector.protocol.verdicts import MAX_DOUBT, MAX_REGIONS, Doubt, Region
from inspector.vision.decision import TileDecision
from inspector.vision.tiling import Tile
from inspector.vocabulary import RANK, Reason

#: Steps to the farthest tile that a tile can touch: a bundle's views overlap by half at most.
_REACH = 2


class _Cell(NamedTuple):
    """Where a tile stands among the frame's rows and columns of tiles; its label, which tells it from others."""

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
    labels = {at: one.label for at, one in enumerate(decisions) if one.outcome == "defect"}
    regions = [_region([(where[at], decisions[at]) for at in group]) for group in _groups(tiles, labels)]
    return sorted(regions, key=lambda region: (-RANK[region.severity], -region.score, region.y, region.x))


def doubts(tiles: Sequence[Tile], decisions: Sequence[TileDecision]) -> list[Doubt]:
    """What of the frame is unsure, the largest first: such tiles that overlap or touch are one, of whatever label.

    None where there is only one tile: then the frame's own outcome says it. Where there are too many, the smallest
    share one rectangle around them.
    """
    if len(tiles) <= 1:
        return []
    unsure = {at: "" for at, one in enumerate(decisions) if one.outcome == "unsure"}
    found = [[(tiles[at], decisions[at]) for at in group] for group in _groups(tiles, unsure)]
    found.sort(key=len, reverse=True)
    rest = [one for group in found[MAX_REGIONS - 1 :] for one in group]
    return [_doubt(group) for group in [*found[: MAX_REGIONS - 1], *([rest] if rest else [])]]


def in_doubt(tiles: Sequence[Tile], decisions: Sequence[TileDecision]) -> float | None:
    """The share of the tiles' area that is unsure, from 0 to 1; None where there is only one tile, or none."""
    if len(tiles) <= 1:
        return None
    sizes = [tile.width * tile.height for tile in tiles]
    unsure = sum(size for size, one in zip(sizes, decisions, strict=True) if one.outcome == "unsure")
    return unsure / sum(sizes)


def _groups(tiles: Sequence[Tile], labels: Mapping[int, str]) -> Iterator[list[int]]:
    """The tiles with a label that hang together with others of it, by their numbers."""
    if not labels:
        return
    rows, columns = _ranks(tile.y for tile in tiles), _ranks(tile.x for tile in tiles)
    found = {_Cell(label, rows[tiles[at].y], columns[tiles[at].x]): at for at, label in labels.items()}
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


def _region(group: list[tuple[Tile, TileDecision]]) -> Region:
    _, strongest = max(group, key=lambda one: one[1].score)
    x, y, width, height = _around([tile for tile, _ in group])
    label, score, severity = strongest.label, strongest.score, strongest.severity
    return Region(x=x, y=y, width=width, height=height, label=label, score=score, severity=severity)


def _doubt(group: list[tuple[Tile, TileDecision]]) -> Doubt:
    _, least_sure = min(group, key=lambda one: one[1].score)
    x, y, width, height = _around([tile for tile, _ in group])
    reason = Reason(least_sure.reason.code, least_sure.reason.detail[:MAX_DOUBT])
    return Doubt(x=x, y=y, width=width, height=height, label=least_sure.label, score=least_sure.score, reason=reason)


def _around(tiles: list[Tile]) -> tuple[int, int, int, int]:
    left, top = min(tile.x for tile in tiles), min(tile.y for tile in tiles)
    right, bottom = max(tile.x + tile.width for tile in tiles), max(tile.y + tile.height for tile in tiles)
    return left, top, right - left, bottom - top
