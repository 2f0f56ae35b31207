"""Owns the drawing of synthetic hot-rolled strip: clean, or with the six NEU defects, and where each one lies.

Rolling direction is downwards, as in the NEU pictures. Surface and defects are drawn as float32 gray levels at a
fixed scale in pixels: a larger image shows more strip, not larger grain.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspector.vision.renderer.defects import PAINTERS
from inspector.vision.renderer.noise import Field, noise, smooth_step
from inspector.vision.renderer.surface import FINISHES, clean_surface, expose

DEFECTS: tuple[str, ...] = ("crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")

#: Least share of a defect in a view that bears its label. A rim needs the label of its defect: a model that had seen
#: shares of 0.3 and more took rims for another defect (12 of 14 false regions).
LEAST_SHARE = 0.05
#: Largest distance of the middle of a defect from the view, as a share of the defect's side.
_BESIDE = 0.25
#: Sides of a defect on a strip in pixels, if there is room: the least, and one more than the largest.
_SIDES_PX = (150, 261)

#: Width in pixels of the strip that a view is cut out of.
_STRIP_PX = 4096

_Place = tuple[int, int, int, int]  # x, y, width, height


@dataclass(frozen=True, slots=True)
class DefectBox:
    """The box around a defect, in pixels from the top left corner."""

    x: int
    y: int
    width: int
    height: int
    label: str


@dataclass(frozen=True, slots=True)
class Render:
    """A gray picture of strip and the defects on it."""

    pixels: NDArray[np.uint8]
    boxes: tuple[DefectBox, ...]


def render_image(label: str, seed: int, size: int = 200) -> Render:
    """Draw one square view of strip, "ok" or with one of DEFECTS; the same arguments give the same pixels."""
    if label != "ok" and label not in DEFECTS:
        raise ValueError(f"unknown label {label!r}: expected 'ok' or one of {', '.join(DEFECTS)}")
    rng = _generator(label, seed)
    # Now and then a defect lies on another defect's steel, or a model would learn the steel instead.
    own_steel = label != "ok" and rng.random() < 0.75
    finish = FINISHES[label if own_steel else rng.choice(DEFECTS)]
    surface = clean_surface(rng, size, size, finish)
    boxes = () if label == "ok" else (_draw(label, surface, rng),)
    return Render(expose(surface, rng, finish), boxes)


def render_cut(label: str, seed: int, size: int = 200) -> Render:
    """Draw one square view as it is cut out of a wide frame, "ok" or with one of DEFECTS, which its border may cut.

    Of a defect at least LEAST_SHARE of what it changed lies within, and can be seen. The same arguments give the same
    pixels.
    """
    if label != "ok" and label not in DEFECTS:
        raise ValueError(f"unknown label {label!r}: expected 'ok' or one of {', '.join(DEFECTS)}")
    rng = _generator(f"cut {label}", seed)
    finish = FINISHES[rng.choice(DEFECTS)]
    if label == "ok":
        return Render(expose(clean_surface(rng, size, size, finish, _STRIP_PX), rng, finish), ())
    while True:
        wide, high = (int(side) for side in rng.integers(*_SIDES_PX, 2))
        x, y = (_beside(rng, side, size) for side in (wide, high))
        left, top, right, bottom = min(0, x), min(0, y), max(size, x + wide), max(size, y + high)
        surface = clean_surface(rng, bottom - top, right - left, finish, _STRIP_PX)
        clean = surface.copy()
        _draw(label, surface, rng, (x - left, y - top, wide, high))
        changed = np.abs(surface - clean)
        view = (slice(-top, size - top), slice(-left, size - left))
        box = _box(label, changed[view], surface[view])
        if box.width and changed[view].sum() >= LEAST_SHARE * changed.sum():
            return Render(np.ascontiguousarray(expose(surface, rng, finish)[view]), (box,))


def _beside(rng: Generator, side: int, size: int) -> int:
    """Return where a defect of this side begins, in pixels of a view of `size`; it may reach out of the view."""
    return int(rng.integers(-round((0.5 + _BESIDE) * side), size - round((0.5 - _BESIDE) * side)))


def render_strip(
    seed: int, width: int = 4096, height: int = 1024, defects: Sequence[str] = (), marks: Sequence[DefectBox] = ()
) -> Render:
    """Draw a line-scan frame of one continuous strip, each of `defects` once at a random place, none overlapping.

    The same seed gives the same strip whatever the defects, so a frame has a clean twin to compare it with. `marks` are
    roll marks: drawn at their places, and each time the same.
    """
    for label in (*defects, *(mark.label for mark in marks)):
        if label not in DEFECTS:
            raise ValueError(f"unknown defect {label!r}: expected one of {', '.join(DEFECTS)}")
    rng, placing = _generator("strip", seed), _generator("defects", seed)
    finish = FINISHES[rng.choice(DEFECTS)]
    surface = clean_surface(rng, height, width, finish)
    taken = [(mark.x, mark.y, mark.width, mark.height) for mark in marks]
    places = _places(placing, width, height, len(defects), taken)
    boxes = [_draw(label, surface, placing, place) for label, place in zip(defects, places, strict=True)]
    for mark, place in zip(marks, taken, strict=True):
        boxes.append(_draw(mark.label, surface, _generator("mark", 0), place))
    return Render(expose(surface, rng, finish), tuple(boxes))


def _generator(purpose: str, seed: int) -> Generator:
    return np.random.default_rng((zlib.crc32(purpose.encode()), seed % 2**64))


def _places(rng: Generator, width: int, height: int, count: int, taken: Sequence[_Place] = ()) -> list[_Place]:
    """Return disjoint places beside those taken; they are smaller once larger ones find no room.

    Raise ValueError if there is no room for all.
    """
    places: list[_Place] = []
    tries = 200 * count
    for attempt in range(tries):
        if len(places) == count:
            break
        shrink = 1 - 0.6 * attempt / tries
        w, h = (min(int(rng.integers(*_SIDES_PX) * shrink), room) for room in (width, height))
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        if all(x + w <= px or px + pw <= x or y + h <= py or py + ph <= y for px, py, pw, ph in (*taken, *places)):
            places.append((x, y, w, h))
    if len(places) < count:
        raise ValueError(f"no room for {count} defects on a strip of {width} x {height} pixels")
    return places


def _soft_rim(rng: Generator, height: int, width: int) -> Field:
    """Return 1 inside, 0 at the border, and an uneven edge between: no defect ends in a straight line."""
    y, x = np.ogrid[:height, :width]
    depth_px = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x)).astype(np.float32)
    uneven = depth_px + 6 * noise(rng, height, width, 18, 18)
    return smooth_step(uneven, 8, 24) * smooth_step(depth_px, 0, 10)


def _draw(label: str, surface: Field, rng: Generator, place: _Place | None = None) -> DefectBox:
    """Draw a defect all over the surface, or within a place on it; return the box around the visible change."""
    x, y, width, height = place or (0, 0, *surface.shape[::-1])
    view = surface[y : y + height, x : x + width]
    change = view.copy()
    PAINTERS[label](change, rng)
    change -= view
    if place:
        change *= _soft_rim(rng, height, width)
    view += change
    box = _box(label, np.abs(change), view)
    return replace(box, x=x + box.x, y=y + box.y)


def _box(label: str, change: Field, view: Field) -> DefectBox:
    """Return the box around the visible change of the view."""
    left, top, wide, high = cv2.boundingRect((change > 0.05 * view.mean()).astype(np.uint8))
    return DefectBox(left, top, wide, high, label)
