"""Owns the search for overlapping crops: pairs of pictures with pixel-identical area under a shift, flip or rotation.

Cut from one photograph, two crops show the same grains at other places, so hashes of whole pictures do not see them.
Here small windows are hashed. Which windows are kept depends on their content alone (the sampling modulo m of Manber,
"Finding similar files in a large file system", 1994, on the two-dimensional rolling hash of Karp and Rabin, 1987), so
the same content is kept in both pictures wherever it lies. Windows of one hash propose a turn and a shift, and only
equality of every pixel of the rectangle that these two imply makes a pair.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Box = tuple[int, int, int, int]  # x, y, width, height
_Number = TypeVar("_Number", int, Ints)

#: Side of the hashed windows; an overlap narrower than this is not found. A power of two.
WINDOW_PX = 8
#: How each turn is called: `turn` is a place in this tuple, see `turned`.
TURNS = ("as it is", "90°", "180°", "270°", "mirrored", "mirrored 90°", "mirrored 180°", "mirrored 270°")
#: Least bits of information in an overlap, see `texture_bits`. Chance agrees on 40 bits once in 2^40 placings, about as
#: many as there are among 1,800 pictures; real overlaps of 8 x 8 grainy pixels have more than 150.
MIN_TEXTURE_BITS = 128.0

#: About how many windows are kept of all pictures together: bounds memory, see `find_overlaps`.
_SAMPLES = 1 << 22
#: Least of its 49 mixed differences that are not 0 for a window to be hashed: saturated areas with a speck are alike.
_MIN_ROUGH = 12
#: Most places of one hash that count in a picture, and most that each is compared with: periodic or burnt-in
#: patterns stay linear.
_PLACES, _PARTNERS = 4, 64
#: So many placings of one pair are checked, those that most windows propose first.
_PLACINGS = 16
_BAND_PX = 1 << 16

# Odd, so that powers never vanish modulo 2^64; the last spreads the smallest of 8 hashes over all 64 bits again.
_DOWN, _ACROSS, _SPREAD = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93
_FAR = 1 << 20  # above every shift: sides are at most 65,536 px


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two pictures of which a rectangle is the same, pixel for pixel: first < second.

    The second picture, turned, lies on the first with its top left corner at (dx, dy); see `turned`. The boxes are
    the rectangle in each picture's own pixels. `share` is of the smaller picture's area.
    """

    first: int
    second: int
    turn: int
    dx: int
    dy: int
    shared_px: int
    share: float
    first_box: Box
    second_box: Box


class _Windows(NamedTuple):
    """The kept windows of one or more pictures: top left corner, hash, and the turn that gives this hash."""

    hash: Hashes
    image: NDArray[np.int32]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    turn: NDArray[np.int8]

    def at(self, index: Ints) -> "_Windows":
        return _Windows._make(column[index] for column in self)


def _joined(parts: Sequence[_Windows]) -> _Windows:
    return _Windows._make(np.concatenate(column) for column in zip(_NONE, *parts, strict=True))


_NONE = _Windows._make(np.zeros(0, kind) for kind in (np.uint64, np.int32, np.int32, np.int32, np.int8))


def find_overlaps(
    images: Sequence[Gray], progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Overlap]:
    """Return the pairs of pictures that overlap, in order; of each pair the largest overlap. Sizes may differ.

    An overlap is the whole rectangle on which the two pictures lie on each other: at least WINDOW_PX a side, equal
    without tolerance, and with MIN_TEXTURE_BITS of texture, so blank areas link nothing. It is found if one window
    of it is kept: one in (pixels of all pictures / 4 million) is, or each. Of 1,800 pictures of 200 x 200 that is
    one in 17, about 150 in the narrowest strip of 10% of the area. Content that more than 64 pictures share is
    followed from each to the next 64: groups are whole, pairs then a lower bound.

    `progress` hears after each picture how many are hashed, and of how many. Time is linear in pixels (about 15
    million a second and core) and in pairs. Memory: about 300 MB beside the pictures, whatever their number and
    size; twice that where all are alike. The same pictures in the same order give the same answer.

    Raises:
        ValueError: a picture is not two-dimensional uint8.
    """
    for index, image in enumerate(images):
        if image.ndim != 2 or image.dtype != np.uint8:
            raise ValueError(f"image {index}: gray uint8 (height, width) is expected, got {image.dtype} {image.shape}")
    one_in = max(1, sum(image.size for image in images) // _SAMPLES)
    parts = []
    for index, image in enumerate(images):
        parts.append(_windows(image, index, one_in))
        progress(index + 1, len(images))
    windows = _joined(parts)
    parts.clear()  # or every window is held twice while they are sorted
    windows = _repeated(windows)
    found: dict[tuple[int, int], Overlap] = {}
    for first, second, turn, dx, dy in _placings(windows, np.array([image.shape for image in images])):
        overlap = _checked(images, first, second, turn, dx, dy)
        known = found.get((first, second))
        if overlap is not None and (known is None or overlap.shared_px > known.shared_px):
            found[first, second] = overlap
    return [found[pair] for pair in sorted(found)]


def turned(image: Gray, turn: int) -> Gray:
    """Return a view of the picture mirrored left to right if turn >= 4, then turned turn % 4 quarters left."""
    return np.rot90(image[:, ::-1] if turn >= 4 else image, turn % 4)


def texture_bits(area: Gray) -> float:
    """Return the information in an area: its mixed second differences times their entropy, in bits.

    Constant areas, stripes and even gradients have 0, sensor noise about 3 bits a pixel. At least 2 x 2 pixels.
    """
    differences = np.diff(np.diff(area.astype(np.int16), axis=0), axis=1)
    counts = np.bincount((differences + 510).ravel())
    counts = counts[counts > 0]
    return float((counts * np.log2(differences.size / counts)).sum())


def _windows(image: Gray, index: int, one_in: int) -> _Windows:
    """Return the kept windows of one picture, a fixed share of all, found in bands that bound the memory."""
    height, width = image.shape
    rows = max(_BAND_PX // max(width, 1), WINDOW_PX)
    bands = range(0, height - WINDOW_PX + 1, rows) if width >= WINDOW_PX else range(0)
    windows = _joined([_band(image[top : top + rows + WINDOW_PX - 1], top, index, one_in) for top in bands])
    windows = windows.at(np.argsort(windows.hash, kind="stable"))
    return windows.at(np.flatnonzero(_rank(windows.hash) < _PLACES))


def _band(band: Gray, top: int, index: int, one_in: int) -> _Windows:
    """Return the kept windows of some rows."""
    by_turn = _hashes(band)
    smallest = by_turn[0].copy()
    for hashes in by_turn[1:]:
        np.minimum(smallest, hashes, out=smallest)
    y, x = np.nonzero(smallest * np.uint64(_SPREAD) <= np.uint64((2**64 - 1) // one_in))
    pixels = sliding_window_view(band, (WINDOW_PX, WINDOW_PX))[y, x].astype(np.int16)
    rough = np.count_nonzero(np.diff(np.diff(pixels, axis=1), axis=2), axis=(1, 2)) >= _MIN_ROUGH
    y, x = y[rough], x[rough]
    turn = np.stack([hashes[y, x] for hashes in by_turn]).argmin(axis=0).astype(np.int8)
    image = np.full(len(x), index, np.int32)
    return _Windows(smallest[y, x], image, x.astype(np.int32), (y + top).astype(np.int32), turn)


def _hashes(band: Gray) -> list[Hashes]:
    """Hash each of the 8 turns of every window, from 12 sums along rows and columns. 72 operations a pixel.

    The hash of a window is the sum of pixel * _DOWN^row * _ACROSS^column modulo 2^64. To turn the window is to swap
    the bases or to count the powers from the other end.
    """
    pixels = band.astype(np.uint64)
    rows = {(base, back): _rolling(pixels.T, base, back).T for base in (_DOWN, _ACROSS) for back in (False, True)}
    hashes = []
    for turn in range(8):
        corners = turned(np.array([[0, 1], [2, 3]], np.uint8), turn)
        start, below = int(corners[0, 0]), int(corners[1, 0])
        swapped = start // 2 == below // 2
        down, across = (_ACROSS, _DOWN) if swapped else (_DOWN, _ACROSS)
        hashes.append(_rolling(rows[across, start % 2 == 1], down, start >= 2))
    return hashes


def _rolling(values: Hashes, base: int, back: bool) -> Hashes:
    """Sum value * base^place over WINDOW_PX values below each other; places count from the last if `back`."""
    length = 1
    while length < WINDOW_PX:
        power = np.uint64(pow(base, length, 2**64))
        upper, lower = values[:-length], values[length:]
        values = upper * power + lower if back else lower * power + upper
        length *= 2
    return values


def _repeated(windows: _Windows) -> _Windows:
    """Return the windows whose hash is there more than once, by hash, then by picture: the sort is stable."""
    order = np.argsort(windows.hash, kind="stable")
    new = _changes(windows.hash[order])
    alone = new & np.append(new[1:], True)
    return windows.at(order[~alone])


def _placings(windows: _Windows, shapes: Ints) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield first, second, turn, dx, dy that windows of one hash propose; per pair the most proposed first."""
    tallies = []
    for step in range(1, min(_PARTNERS, len(windows.hash) - 1) + 1):
        alike = np.flatnonzero(windows.hash[step:] == windows.hash[:-step])
        if not len(alike):
            break
        alike = alike[windows.image[alike] != windows.image[alike + step]]
        tallies.append(_proposed(windows, alike, alike + step, shapes))
    if not tallies:
        return
    pair, placing, votes = _tally(*(np.concatenate(column) for column in zip(*tallies, strict=True)))
    order = np.lexsort((placing, -votes, pair))
    order = order[_rank(pair[order]) < _PLACINGS]
    for both, packed in zip(pair[order].tolist(), placing[order].tolist(), strict=True):
        shift, turn = divmod(packed, 8)
        dx, dy = divmod(shift, 2 * _FAR)
        yield *divmod(both, len(shapes)), turn, dx - _FAR, dy - _FAR


def _proposed(windows: _Windows, one: Ints, other: Ints, shapes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return pairs, packed placings and votes for windows that lie on each other."""
    turn = _BETWEEN[windows.turn[one], windows.turn[other]]
    dx, dy = np.zeros_like(one), np.zeros_like(one)
    for value in range(8):
        mine = np.flatnonzero(turn == value)
        a, b = one[mine], other[mine]
        side = np.full_like(b, WINDOW_PX)
        box = (windows.x[b].astype(np.int64), windows.y[b].astype(np.int64), side, side)
        x, y, _, _ = _box_turned(box, value, *shapes[windows.image[b]].T)
        dx[mine], dy[mine] = windows.x[a] - x, windows.y[a] - y
    pair = windows.image[one].astype(np.int64) * len(shapes) + windows.image[other]
    return _tally(pair, ((dx + _FAR) * 2 * _FAR + dy + _FAR) * 8 + turn, np.ones_like(pair))


def _tally(pair: Ints, placing: Ints, votes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return each pair and placing once, with the sum of its votes."""
    order = np.lexsort((placing, pair))
    pair, placing, votes = pair[order], placing[order], votes[order]
    new = np.flatnonzero(_changes(pair) | _changes(placing))
    return pair[new], placing[new], np.add.reduceat(votes, new) if len(new) else votes


def _checked(images: Sequence[Gray], first: int, second: int, turn: int, dx: int, dy: int) -> Overlap | None:
    """Return the overlap, if every pixel of the rectangle is the same and there is texture in it."""
    below, above = images[first], turned(images[second], turn)
    left, top = max(dx, 0), max(dy, 0)
    right, bottom = min(below.shape[1], dx + above.shape[1]), min(below.shape[0], dy + above.shape[0])
    area = below[top:bottom, left:right]
    if not np.array_equal(area, above[top - dy : bottom - dy, left - dx : right - dx]):
        return None
    if texture_bits(area) < MIN_TEXTURE_BITS:
        return None
    width, height = right - left, bottom - top
    back = turn if turn >= 4 else -turn % 4  # a mirrored turn undoes itself
    second_box = _box_turned((left - dx, top - dy, width, height), back, *above.shape)
    share = area.size / min(below.size, above.size)
    return Overlap(first, second, turn, dx, dy, area.size, share, (left, top, width, height), second_box)


def _box_turned(
    box: tuple[_Number, _Number, _Number, _Number], turn: int, height: _Number, width: _Number
) -> tuple[_Number, _Number, _Number, _Number]:
    """Return where a box lies once its picture of this height and width is turned: of one box or of arrays of boxes."""
    x, y, across, down = box
    if turn >= 4:
        x = width - x - across
    for _ in range(turn % 4):
        x, y, across, down = y, width - x - across, down, across
        height, width = width, height
    return x, y, across, down


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return True where a value differs from the one before it, and at the first."""
    return np.concatenate([np.ones(min(len(values), 1), bool), values[1:] != values[:-1]])


def _rank(values: NDArray[Any]) -> Ints:
    """Return how many equal values stand before each of these sorted ones."""
    places = np.arange(len(values))
    return places - np.maximum.accumulate(np.where(_changes(values), places, 0))


def _between() -> Ints:
    """Return [a, b]: the second picture's turn that lays its window, hashed as b, on the first's, hashed as a."""
    sample = np.array([[0, 1], [2, 3]], np.uint8)
    numbers = {turned(sample, turn).tobytes(): turn for turn in range(8)}
    table = np.zeros((8, 8), np.int64)
    for turn in range(8):
        for a in range(8):
            table[a, numbers[turned(turned(sample, turn), a).tobytes()]] = turn
    return table


_BETWEEN = _between()
