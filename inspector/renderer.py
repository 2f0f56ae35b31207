"""Owns the drawing of synthetic hot-rolled strip: clean, or with the six NEU defects, and where each one lies.

Rolling direction is downwards, as in the NEU pictures. Surface and defects are drawn as float32 gray levels at a
fixed scale in pixels: a larger image shows more strip, not larger grain.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

DEFECTS: tuple[str, ...] = ("crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")

_Field = NDArray[np.float32]
_Place = tuple[int, int, int, int]  # x, y, width, height


@dataclass(frozen=True, slots=True)
class Box:
    """Where a defect lies, in pixels from the top left corner."""

    x: int
    y: int
    width: int
    height: int
    label: str


@dataclass(frozen=True, slots=True)
class Render:
    """A gray picture of strip and the defects on it."""

    pixels: NDArray[np.uint8]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class _Finish:
    """A kind of clean surface; each contrast is a deviation relative to the local brightness, and varies by view."""

    brightness: tuple[float, float, float]  # gray levels: least, usual, most
    grain: float
    grain_sigma_px: tuple[float, float]  # along x, along y
    mottle: float
    mottle_px: tuple[float, float]  # along x, along y
    bands: float
    uneven_light: float
    brushed: float  # share of views with oblique brush marks
    sensor_noise: float  # gray levels


# One finish for every defect, because each defect in NEU was found on its own steel under its own lamp.
_FINISHES: dict[str, _Finish] = {
    "crazing": _Finish((75, 165, 190), 0.10, (0.56, 0.66), 0.062, (4, 5), 0.05, 0.20, 0.4, 2.6),
    "patches": _Finish((55, 225, 265), 0.10, (0.60, 0.66), 0.042, (5, 7), 0.05, 0.16, 0.2, 2.2),
    "pitted_surface": _Finish((70, 225, 250), 0.017, (0.7, 0.8), 0.017, (4, 6), 0.035, 0.28, 0.1, 1.0),
    "rolled-in_scale": _Finish((70, 130, 155), 0.042, (1.1, 0.6), 0.038, (9, 5), 0.05, 0.14, 0.6, 3.4),
    "scratches": _Finish((38, 85, 155), 0.023, (0.9, 0.9), 0.022, (6, 14), 0.045, 0.24, 0.1, 1.0),
    "inclusion": _Finish((55, 95, 220), 0.013, (0.9, 0.9), 0.015, (5, 18), 0.03, 0.20, 0.1, 1.0),
}


def render_image(label: str, seed: int, size: int = 200) -> Render:
    """Draw one square view of strip, "ok" or with one of DEFECTS; the same arguments give the same pixels."""
    if label != "ok" and label not in DEFECTS:
        raise ValueError(f"unknown label {label!r}: expected 'ok' or one of {', '.join(DEFECTS)}")
    rng = _generator(label, seed)
    # Now and then a defect lies on another defect's steel, or a model would learn the steel instead.
    own_steel = label != "ok" and rng.random() < 0.75
    finish = _FINISHES[label if own_steel else rng.choice(DEFECTS)]
    surface = _surface(rng, size, size, finish)
    boxes = () if label == "ok" else (_draw(label, surface, rng),)
    return Render(_expose(surface, rng, finish), boxes)


def render_strip(seed: int, width: int = 4096, height: int = 1024, defects: Sequence[str] = ()) -> Render:
    """Draw a line-scan frame of one continuous strip, each of `defects` once at a random place, none overlapping.

    The same seed gives the same strip whatever the defects, so a frame has a clean twin to compare it with.
    """
    for label in defects:
        if label not in DEFECTS:
            raise ValueError(f"unknown defect {label!r}: expected one of {', '.join(DEFECTS)}")
    rng, placing = _generator("strip", seed), _generator("defects", seed)
    finish = _FINISHES[rng.choice(DEFECTS)]
    surface = _surface(rng, height, width, finish)
    places = _places(placing, width, height, len(defects))
    boxes = [_draw(label, surface, placing, place) for label, place in zip(defects, places, strict=True)]
    return Render(_expose(surface, rng, finish), tuple(boxes))


def _generator(purpose: str, seed: int) -> Generator:
    return np.random.default_rng((zlib.crc32(purpose.encode()), seed % 2**64))


def _places(rng: Generator, width: int, height: int, count: int) -> list[_Place]:
    """Disjoint places, smaller ones once the larger no longer find room."""
    places: list[_Place] = []
    tries = 200 * count
    for attempt in range(tries):
        if len(places) == count:
            break
        shrink = 1 - 0.6 * attempt / tries
        w, h = (min(int(rng.integers(150, 261) * shrink), room) for room in (width, height))
        x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
        if all(x + w <= px or px + pw <= x or y + h <= py or py + ph <= y for px, py, pw, ph in places):
            places.append((x, y, w, h))
    if len(places) < count:
        raise ValueError(f"no room for {count} defects on a strip of {width} x {height} pixels")
    return places


def _soft_rim(rng: Generator, height: int, width: int) -> _Field:
    """One inside, zero at the border, an uneven edge between: no defect ends in a straight line."""
    y, x = np.ogrid[:height, :width]
    depth_px = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x)).astype(np.float32)
    uneven = depth_px + 6 * _noise(rng, height, width, 18, 18)
    return _smooth_step(uneven, 8, 24) * _smooth_step(depth_px, 0, 10)


def _draw(label: str, surface: _Field, rng: Generator, place: _Place | None = None) -> Box:
    """Draw a defect all over the surface, or within a place on it, and box what it visibly changed."""
    x, y, width, height = place or (0, 0, *surface.shape[::-1])
    view = surface[y : y + height, x : x + width]
    change = view.copy()
    _PAINTERS[label](change, rng)
    change -= view
    if place:
        change *= _soft_rim(rng, height, width)
    view += change
    visible = np.abs(change) > 0.05 * view.mean()
    left, top, wide, high = cv2.boundingRect(visible.astype(np.uint8))
    return Box(x + left, y + top, wide, high, label)


def _expose(surface: _Field, rng: Generator, finish: _Finish) -> NDArray[np.uint8]:
    """What the camera makes of the surface: a little defocus, soft saturation towards white, sensor noise."""
    if rng.random() < 0.15:
        surface = np.asarray(cv2.GaussianBlur(surface, (5, 5), rng.uniform(0.4, 0.6)))
    over = np.maximum(surface - 195, 0)
    picture = rng.standard_normal(surface.shape, dtype=np.float32) * finish.sensor_noise * rng.uniform(0.7, 1.3)
    picture += surface - over + over / (1 + over / 95)
    return picture.round().clip(0, 255).astype(np.uint8)


def _surface(rng: Generator, height: int, width: int, finish: _Finish) -> _Field:
    """Clean strip before the camera: light, roll bands, mottle, brush marks and grain."""
    # The lamp varies across the strip and only drifts along it, however many lines the frame has.
    lamp = _noise(rng, 1, width, rng.uniform(120, 450), 1)
    lamp = lamp + rng.uniform(0.2, 1) * _noise(rng, height, 1, 1, max(height, rng.uniform(200, 700)))
    light = np.exp(rng.uniform(0.4, 1.6) * finish.uneven_light * 2 * np.tanh(0.6 * lamp))
    light *= 1 + rng.uniform(0.4, 1.6) * finish.bands * _noise(rng, 1, width, rng.uniform(18, 55), 1)
    texture = 1 + rng.uniform(0.7, 1.3) * finish.grain * _grain(rng, height, width, finish.grain_sigma_px)
    mottle_px = rng.uniform(0.8, 1.3, 2) * finish.mottle_px
    mottle = _noise(rng, height, width, *mottle_px) + 0.6 * _noise(rng, height, width, *(3 * mottle_px))
    texture += rng.uniform(0.7, 1.3) * finish.mottle * mottle
    if rng.random() < finish.brushed:
        texture += rng.uniform(0.4, 1) * finish.mottle * _brush_marks(rng, height, width)
    exposure = min(rng.triangular(*finish.brightness), 310 / float(light.max()))  # never blinded
    return np.asarray(light * texture * exposure)


def _noise(rng: Generator, height: int, width: int, cell_x_px: float, cell_y_px: float) -> _Field:
    """Smooth noise of about unit deviation whose features are a cell wide: a random grid, enlarged."""
    zoom = int(min(cell_x_px, cell_y_px) // 6)
    if zoom > 1:  # the grid of large cells reaches far outside the view, so it is first drawn small
        small = _noise(rng, height // zoom + 5, width // zoom + 5, cell_x_px / zoom, cell_y_px / zoom)
        x, y, size = 2 * zoom, 2 * zoom, (small.shape[1] * zoom, small.shape[0] * zoom)
    else:
        columns, rows = math.ceil(width / cell_x_px) + 3, math.ceil(height / cell_y_px) + 3
        small = rng.standard_normal((rows, columns), dtype=np.float32) * 1.3
        x, y = int(cell_x_px * rng.uniform(1, 2)), int(cell_y_px * rng.uniform(1, 2))
        size = (math.ceil(columns * cell_x_px), math.ceil(rows * cell_y_px))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)[y : y + height, x : x + width])


def _grain(rng: Generator, height: int, width: int, sigma_px: tuple[float, float]) -> _Field:
    white = rng.standard_normal((height, width), dtype=np.float32)
    along_x, along_y = (cv2.getGaussianKernel(7, sigma, cv2.CV_32F) for sigma in sigma_px)
    unit_x, unit_y = along_x / np.linalg.norm(along_x), along_y / np.linalg.norm(along_y)  # keep the deviation
    return np.asarray(cv2.sepFilter2D(white, cv2.CV_32F, unit_x, unit_y))


def _brush_marks(rng: Generator, height: int, width: int) -> _Field:
    """Many faint parallel oblique lines, as a descaling brush or the work roll's grinding leaves them."""
    angle = rng.uniform(0.14, 0.55) * rng.choice((-1, 1))
    across_px, along_px, reach = rng.uniform(1.4, 2.5), rng.uniform(40, 120), width + height
    rows, columns = math.ceil(reach / across_px), math.ceil(reach / along_px) + 2
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, sin, height], [-sin, cos, height]]) / [[along_px], [across_px]]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(grid, turn, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT))


def _smooth_step(field: _Field, low: float, high: float) -> _Field:
    t = np.clip((field - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _top(field: _Field, share: float) -> float:
    """The level that this share of the field lies above."""
    return float(np.quantile(field[::3, ::3], 1 - share))


def _roughness(view: _Field) -> float:
    """Contrast of grain and sensor noise; marks must be the larger and deeper to show on them."""
    return (float(np.diff(view[::4], axis=1).std()) + 2) / float(view.mean())


def _darken(view: _Field, cover: _Field, depth: float) -> None:
    """Multiply, not subtract: the grain goes on inside a dark mark."""
    view *= 1 - cover * min(depth, 0.85)


def _dots(rng: Generator, density: _Field, sigma_x_px: float, sigma_y_px: float) -> _Field:
    """Blurred points of random strength, scattered with this chance per pixel."""
    points = np.maximum(1 - rng.random(density.shape, dtype=np.float32) / density, 0)
    blurred = cv2.GaussianBlur(points, (0, 0), sigma_x_px, sigmaY=sigma_y_px)
    return np.asarray(blurred * (6 * sigma_x_px * sigma_y_px))


def _paint_crazing(view: _Field, rng: Generator) -> None:
    """Fine jagged cracks across the rolling direction, branching, all over the view."""
    height, width = view.shape
    cracks = np.zeros((height, width), np.uint8)
    count = math.ceil(rng.uniform(8, 20) * height * width / 200**2)
    nodes = rng.uniform((-20, 0), (width, height), (count, 2))
    for generation in range(10):
        steps = int(rng.integers(12, 40) if generation % 5 == 0 else rng.integers(3, 14))
        heading = rng.normal(0, 0.35, (count, 1)) + rng.normal(0, 0.8, (count, steps))
        heading += np.cumsum(rng.normal(0, 0.14, (count, steps)), axis=1)
        step_px = rng.uniform(1.5, 3.5, (count, steps, 1)) * np.stack((np.cos(heading), np.sin(heading)), 2)
        fresh = rng.uniform((-20, 0), (width, height), (count, 2))
        branching = rng.random((count, 1)) < 0.5
        start = np.where(branching, nodes[rng.integers(len(nodes), size=count)], fresh)
        paths = start[:, None] + np.cumsum(step_px, axis=1)
        nodes = paths.reshape(-1, 2)
        darkness = 255 if generation % 5 == 0 else rng.uniform(80, 220)
        cv2.polylines(cracks, list(np.rint(paths * 8).astype(np.int32)), False, darkness, 1, cv2.LINE_AA, 3)
    cover = cv2.GaussianBlur(cracks, (3, 3), 0.6).astype(np.float32) / 255
    cover *= 1 + 0.5 * _noise(rng, height, width, 5, 5)
    _darken(view, np.clip(cover, 0, 1), rng.uniform(0.28, 0.5) + 1.2 * _roughness(view))


def _paint_patches(view: _Field, rng: Generator) -> None:
    """Large dark blotches with frayed edges, longer along the rolling direction."""
    height, width = view.shape
    scale_px, stretch = rng.uniform(28, 50), rng.uniform(1, 2.5)
    shape = _noise(rng, height, width, scale_px, scale_px * stretch)
    x, y = rng.uniform(0.3, 0.7, 2) * (width, height)  # one patch lies well inside the view
    near_x = np.exp(-0.7 * ((np.arange(width) - x) / scale_px) ** 2)
    near_y = np.exp(-0.7 * ((np.arange(height) - y) / (scale_px * stretch)) ** 2)
    shape += 1.8 * np.outer(near_y, near_x).astype(np.float32)
    shape += rng.uniform(0.12, 0.3) * _noise(rng, height, width, 12, 16)
    shape += rng.uniform(0.05, 0.12) * _noise(rng, height, width, 3, 4)
    edge, soft, depth = _top(shape, rng.uniform(0.12, 0.45)), rng.uniform(0.25, 0.8), rng.uniform(0.5, 0.75)
    if rng.random() < 0.6:
        _darken(view, _smooth_step(shape, edge - 1, edge), 0.35 * depth)
    _darken(view, _smooth_step(shape, edge - soft, edge + soft), depth)


def _paint_pitted_surface(view: _Field, rng: Generator) -> None:
    """Many small dark pits, denser on one side or in a band, some grown together to larger ones."""
    height, width = view.shape
    rough = _roughness(view)
    size_px = 1 + 4 * rough
    crowd = rng.uniform(0.2, 1.2) * _noise(rng, height, width, rng.uniform(50, 150), 250)
    density = np.exp(crowd.clip(-1.2, 1.2)) * rng.uniform(0.015, 0.05) / size_px**2
    white = max(float(view.mean()) - 190, 0) / 500  # the camera's saturation hides pits
    depth = min(rng.uniform(0.15, 0.28) + 1.6 * rough + white, 0.5)
    fine = _dots(rng, density, size_px * rng.uniform(0.8, 1.2), size_px * rng.uniform(1, 1.6))
    _darken(view, _smooth_step(fine, 0.15, 0.9), depth)
    if rng.random() < 0.6:
        size_px *= rng.uniform(1.8, 3)
        coarse = _dots(rng, density * rng.uniform(0.05, 0.2), size_px, size_px * 1.2)
        coarse += 0.12 * _noise(rng, height, width, 3, 3) * (coarse > 0.1)
        _darken(view, _smooth_step(coarse, 0.2, 0.7), depth)


def _paint_rolled_in_scale(view: _Field, rng: Generator) -> None:
    """Dark flakes pressed in across the rolling direction, with a bright lip, gathered in columns."""
    height, width = view.shape
    rough = _roughness(view)
    crowd = rng.uniform(0.8, 1.3) * _noise(rng, height, width, rng.uniform(20, 45), rng.uniform(60, 140))
    density = np.minimum(np.exp(crowd), 4) * rng.uniform(0.0035, 0.0065)
    size_px = 1 + 3 * max(rough - 0.06, 0)
    flakes = _dots(rng, density, size_px * rng.uniform(1.9, 2.9), size_px * rng.uniform(1.1, 1.6))
    flakes *= 1 + 0.5 * _noise(rng, height, width, 3, 2)
    cover = _smooth_step(flakes, 0.1, 1.1)
    lip = np.clip(np.roll(cover, 3, axis=0) - cover, 0, 1)
    _darken(view, cover, rng.uniform(0.28, 0.42) + rough)
    _darken(view, np.clip(crowd, 0, 2), rng.uniform(0, 0.06))
    _darken(view, lip, -rng.uniform(0.08, 0.25))


def _paint_scratches(view: _Field, rng: Generator) -> None:
    """Straight bright lines and striated bands, mostly along the rolling direction."""
    if rng.random() < 0.25:
        view = view.T
    height, width = view.shape
    cover = np.zeros((height, width), np.float32)
    slope = rng.normal(0, 0.02)
    for bundle in range(int(rng.integers(1, 4))):
        x, length = rng.uniform(0.15, 0.85) * width, rng.uniform(0.6, 3) * height
        y = 0.5 * (height - length) + rng.uniform(-0.3, 0.3) * height
        wide = rng.random() < 0.25
        for line in range(int(rng.integers(1, 5))):
            half_width = rng.uniform(2, 7) if wide else rng.uniform(0.4, 1.4)
            strength = 1.0 if bundle == line == 0 else rng.uniform(0.25, 1)
            at = (x + line * rng.normal(0, 4), y + 0.03 * line * length * rng.normal())
            _stroke(cover, rng, *at, length * rng.uniform(0.6, 1), half_width, slope, strength)
    striae = 0.25 * _noise(rng, height, width, 1.8, 80) + 0.15 * _noise(rng, height, width, 2, 5)
    level = float(view.mean())
    gain = rng.uniform(40, 140) if level < 170 else -rng.uniform(0.45, 0.65) * level
    view += cover * gain * np.clip(1 + striae, 0.3, 2)


def _stroke(
    cover: _Field, rng: Generator, x: float, y: float, length: float, half_width: float, slope: float, strength: float
) -> None:
    """Add one line running down from (x, y), all in pixels, its ends fading and its strength uneven."""
    top, bottom = max(0, int(y)), min(cover.shape[0], math.ceil(y + length))
    ends, reach = (x, x + slope * length), 1.5 * half_width + 3
    left, right = max(0, int(min(ends) - reach)), min(cover.shape[1], math.ceil(max(ends) + reach))
    if bottom <= top or right <= left:
        return
    rows = np.arange(top, bottom, dtype=np.float32) - y
    wander, edge = _noise(rng, 2, rows.size, 30, 1) + 0.5 * _noise(rng, 2, rows.size, 4, 1)
    fade = np.clip(6 * np.minimum(rows, length - rows) / length, 0, 1) * np.clip(1 + 0.3 * wander, 0, 2) * strength
    distance = np.abs(np.arange(left, right, dtype=np.float32) - (x + slope * rows + 0.3 * wander)[:, None])
    inside = np.clip((half_width * (1 + 0.12 * edge))[:, None] - distance + 1, 0, 1) * fade[:, None]
    np.maximum(cover[top:bottom, left:right], inside, out=cover[top:bottom, left:right])


def _paint_inclusion(view: _Field, rng: Generator) -> None:
    """Dark ragged spindles drawn out along the rolling direction, in one to three columns."""
    if rng.random() < 0.1:
        view = view.T
    height, width = view.shape
    near = np.zeros(width, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        apart = (np.arange(width, dtype=np.float32) - rng.uniform(0.12, 0.88) * width) / rng.uniform(3, 15)
        np.maximum(near, np.exp(-0.5 * apart**2) * rng.uniform(0.7, 1), out=near)
    shape = _noise(rng, height, width, rng.uniform(3, 7), rng.uniform(20, 60)) + 2.5 * near
    shape += 0.3 * _noise(rng, height, width, 2, 8) + 0.5 * _noise(rng, height, 1, 1, 60)
    edge, depth = _top(shape, rng.uniform(0.025, 0.08)), rng.uniform(0.12, 0.32) + 3 * _roughness(view)
    _darken(view, near[None, :], rng.uniform(0, 0.12))
    _darken(view, _smooth_step(shape, edge - 0.7, edge + 1), depth)


_PAINTERS: dict[str, Callable[[_Field, Generator], None]] = {
    "crazing": _paint_crazing,
    "patches": _paint_patches,
    "pitted_surface": _paint_pitted_surface,
    "rolled-in_scale": _paint_rolled_in_scale,
    "scratches": _paint_scratches,
    "inclusion": _paint_inclusion,
}
