"""Owns drawn textures that are not steel strip: what a reject model learns to distinguish from strip.

Twelve families, each random in scale, direction and contrast, because it is their variety that carries over to
materials never drawn: with three of them left out, photographs of other materials were missed a third more often.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from trainer.synthetic.corruptions import gray

Field = NDArray[np.float32]  # (size, size), any scale: the mean and the contrast are chosen afterwards


def draw(number: int, rng: Generator, size: int) -> NDArray[np.uint8]:
    """Return a picture, uint8 (size, size), of the family `number` modulo the number of families."""
    levels = np.asarray(FAMILIES[number % len(FAMILIES)](rng, size), np.float32)
    levels = (levels - levels.mean()) / (levels.std() + 1e-6)
    if rng.random() < 0.3:
        levels = np.asarray(cv2.GaussianBlur(levels, (0, 0), rng.uniform(0.5, 1.5)))
    contrast, brightness = np.exp(rng.uniform(np.log(4), np.log(60))), np.clip(rng.normal(140, 50), 15, 245)
    levels = levels * contrast + brightness
    if rng.random() < 0.3:
        angle, (y, x) = rng.uniform(0, 2 * np.pi), np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
        levels = levels * (1 + rng.uniform(0, 0.3) * (x * np.cos(angle) + y * np.sin(angle)))
    levels = levels + rng.standard_normal((size, size)) * rng.uniform(0, 4)
    return gray(levels)


def smooth(rng: Generator, size: int, grain_px: float) -> Field:
    """Return noise, (size, size), with grains `grain_px` wide."""
    cells = max(4, int(np.ceil(size / grain_px)) + 3)
    side = max(size, int(cells * grain_px))
    noise = cv2.resize(rng.standard_normal((cells, cells), np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    top, left = rng.integers(side - size + 1, size=2)
    return np.asarray(noise[top : top + size, left : left + size])


def clouds(rng: Generator, size: int, grain_px: float, gain: float = 0.5) -> Field:
    """Return five octaves of noise, each half as wide and `gain` times as strong as the one before; deviation 1."""
    octaves = [gain**n * smooth(rng, size, max(1.0, grain_px / 2**n)) for n in range(5)]
    levels = np.sum(octaves, axis=0)
    return np.asarray(levels / (levels.std() + 1e-6), np.float32)


def _turned(rng: Generator, levels: Field, any_angle: bool = True) -> Field:
    """Return the levels rotated by 0 or 90 degrees, or by a random angle; the corners are filled by mirroring."""
    size = len(levels)
    angle = rng.uniform(0, 360) if any_angle and rng.random() < 0.4 else float(rng.choice((0, 90)))
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1.45)
    return np.asarray(cv2.warpAffine(levels, turn, (size, size), borderMode=cv2.BORDER_REFLECT))


def _grid(size: int) -> tuple[Field, Field]:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    return y, x


def _spectrum(rng: Generator, size: int) -> Field:
    """Draw noise with a power-law spectrum, often stretched in one direction, sometimes of one wavelength."""
    frequencies = np.fft.fftfreq(size)
    fy, fx = np.meshgrid(frequencies, frequencies, indexing="ij")
    angle, stretch = rng.uniform(0, np.pi), rng.choice((1.0, 1.0, rng.uniform(1, 12)))
    along, across = fx * np.cos(angle) + fy * np.sin(angle), (fy * np.cos(angle) - fx * np.sin(angle)) * stretch
    radius = np.hypot(along, across) + 1 / size
    amplitude = radius ** -rng.uniform(0.2, 2.2)
    if rng.random() < 0.3:
        amplitude *= np.exp(-(((radius - rng.uniform(0.03, 0.3)) / 0.05) ** 2))
    return np.asarray(np.fft.ifft2(amplitude * np.exp(2j * np.pi * rng.random((size, size)))).real, np.float32)


def _dead_leaves(rng: Generator, size: int) -> Field:
    """Draw overlapping discs, ellipses or boxes with power-law sizes (Lee et al., "Occlusion models", 2001)."""
    levels, least_px, kind = np.zeros((size, size), np.float32), rng.uniform(3, 15), rng.integers(3)
    for _ in range(int(rng.uniform(150, 1500))):
        radius = min(least_px * (1 - rng.random()) ** -0.7, 90.0)
        centre, level = rng.integers(size, size=2).tolist(), float(rng.standard_normal())
        thin, angle = rng.uniform(0.2, 1), float(rng.uniform(0, 180))
        if kind == 0:
            cv2.circle(levels, centre, int(radius), level, -1)
        elif kind == 1:
            cv2.ellipse(levels, centre, (int(radius), max(1, int(radius * thin))), angle, 0, 360, level, -1)
        else:
            corners = cv2.boxPoints((centre, (radius * 2, radius * 2 * thin), angle))
            cv2.fillPoly(levels, [corners.astype(np.int32)], level)
    return np.asarray(levels + rng.uniform(0, 0.5) * clouds(rng, size, rng.uniform(2, 20)))


def _wood(rng: Generator, size: int) -> Field:
    """Draw warped rings, fibres along them, and the gaps between boards."""
    y, x = _grid(size)
    warp = clouds(rng, size, rng.uniform(20, 80))
    rings = np.sin(2 * np.pi * (x / rng.uniform(5, 40) + warp * rng.uniform(0.1, 1) + y / 400 * rng.uniform(-1, 1)))
    levels = rng.uniform(0, 1) * rings + rng.uniform(0.3, 1) * _fibres(rng, size, rng.uniform(4, 20)).T
    boards = int(rng.integers(1, 6)) if rng.random() < 0.5 else 0
    for gap in rng.integers(size, size=boards).tolist():
        levels[:, gap : gap + int(rng.integers(1, 4))] -= rng.uniform(1, 4)
    return _turned(rng, np.asarray(levels, np.float32))


def _fibres(rng: Generator, size: int, length_px: float) -> Field:
    noise = rng.standard_normal((size, max(2, int(size / length_px))), np.float32)
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR))


def _weave(rng: Generator, size: int) -> Field:
    """Draw threads that pass over and under one another."""
    y, x = _grid(size)
    pitch_x, pitch_y = rng.uniform(3, 16, 2)
    x = x + rng.uniform(0, 2) * smooth(rng, size, 12)
    y = y + rng.uniform(0, 2) * smooth(rng, size, 12)
    over = (np.floor(x / pitch_x) + np.floor(y / pitch_y)) % 2 > 0
    warp, weft = np.abs(np.sin(np.pi * x / pitch_x)), np.abs(np.sin(np.pi * y / pitch_y)) * rng.uniform(0.5, 1)
    threads = 2 * np.where(over, warp, weft) + rng.uniform(0.1, 0.6) * clouds(rng, size, rng.uniform(2, 6))
    return _turned(rng, np.asarray(threads, np.float32))


def _tiles(rng: Generator, size: int) -> Field:
    """Draw bricks or tiles, each of its own shade, and the joints between them."""
    levels, high = np.zeros((size, size), np.float32), rng.uniform(10, 70)
    wide, joint_px, joint = high * rng.uniform(1, 4), max(1, int(rng.uniform(1, 6))), float(rng.standard_normal() * 2)
    for row in range(int(size / high) + 2):
        offset = rng.choice((0, 0.5)) * wide * (row % 2)
        for column in range(-1, int(size / wide) + 2):
            left, top = int(column * wide + offset), int(row * high)
            corners = (left, top), (int(left + wide), int(top + high))
            cv2.rectangle(levels, *corners, float(rng.standard_normal() * 0.5), -1)
            cv2.rectangle(levels, *corners, joint, joint_px)
    return _turned(rng, np.asarray(levels + rng.uniform(0.1, 0.6) * clouds(rng, size, rng.uniform(3, 30))))


def _cells(rng: Generator, size: int) -> Field:
    """Draw pebbles, foam or leather: the distance to the nearest of many points, sometimes clipped."""
    count = int(np.exp(rng.uniform(np.log(15), np.log(1500))))
    free = np.ones((size, size), np.uint8)
    free[rng.integers(size, size=count), rng.integers(size, size=count)] = 0
    distance = np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 5), np.float32)
    distance = distance / (distance.mean() + np.float32(1e-6))
    if rng.random() < 0.5:
        distance = np.minimum(distance, rng.uniform(0.6, 1.6))
    stones = rng.choice((-1, 1)) * distance + rng.uniform(0, 0.5) * clouds(rng, size, rng.uniform(2, 20))
    return np.asarray(stones, np.float32)


def _marble(rng: Generator, size: int) -> Field:
    """Draw clouds that are warped by clouds, sometimes only their veins."""
    y, x = _grid(size)
    bend_px = rng.uniform(3, 25)
    to_x, to_y = (axis + bend_px * clouds(rng, size, rng.uniform(20, 90)) for axis in (x, y))
    source = clouds(rng, size, rng.uniform(15, 80), rng.uniform(0.4, 0.7))
    levels = cv2.remap(source, to_x, to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(-(np.abs(levels) ** rng.uniform(0.4, 1)) if rng.random() < 0.5 else levels, np.float32)


def _brushed(rng: Generator, size: int) -> Field:
    levels = _fibres(rng, size, rng.uniform(8, 80)) + rng.uniform(0, 0.6) * smooth(rng, size, rng.uniform(30, 120))
    return _turned(rng, np.asarray(levels))


def _grating(rng: Generator, size: int) -> Field:
    """Draw waves, stripes, dots or a chessboard."""
    y, x = _grid(size)
    levels, kind = np.sin(2 * np.pi * x / rng.uniform(3, 40) + rng.uniform(0, 6)), rng.integers(4)
    if kind == 1:
        levels = levels + np.sin(2 * np.pi * y / rng.uniform(3, 40))
    elif kind > 1:
        levels = np.sign(levels) * (np.sign(np.sin(2 * np.pi * y / rng.uniform(4, 60))) if kind == 2 else 1)
    levels = levels + rng.uniform(0, 0.5) * clouds(rng, size, rng.uniform(2, 20))
    return _turned(rng, np.asarray(levels, np.float32))


def _strokes(rng: Generator, size: int) -> Field:
    """Draw grass, hair or straw: many short lines, in one direction or in all."""
    levels = np.full((size, size), rng.uniform(-1, 1), np.float32)
    towards, spread, typical_px = rng.uniform(0, np.pi), rng.uniform(0, 3), rng.uniform(5, 60)
    thick_px = int(rng.integers(1, 4))
    for _ in range(int(rng.uniform(30, 1200))):
        angle, length = towards + rng.standard_normal() * spread, typical_px * rng.uniform(0.4, 1.4)
        start = rng.uniform(-10, size + 10, 2)
        end = start + length * np.array((np.cos(angle), np.sin(angle)))
        cv2.line(levels, start.astype(int).tolist(), end.astype(int).tolist(), float(rng.standard_normal()), thick_px)
    return levels


def _relief(rng: Generator, size: int) -> Field:
    """Draw plaster, cast metal or stone: an uneven surface lit from one side, sometimes sanded flat."""
    height = clouds(rng, size, rng.uniform(3, 60), rng.uniform(0.4, 0.8))
    if rng.random() < 0.3:
        height = np.minimum(height, rng.uniform(-0.5, 1)).astype(np.float32)
    slope_x, slope_y = cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1)
    angle, steep = rng.uniform(0, 2 * np.pi), np.hypot(slope_x, slope_y).std() * rng.uniform(0.6, 3)
    return np.asarray(np.tanh((slope_x * np.cos(angle) + slope_y * np.sin(angle)) / (steep + 1e-6)), np.float32)


def _print(rng: Generator, size: int) -> Field:
    """Draw stamps, labels and marks: characters of many sizes."""
    page = np.full((size, size), 128, np.uint8)
    for _ in range(int(rng.integers(3, 40))):
        text = "".join(map(chr, rng.integers(48, 122, int(rng.integers(1, 9)))))
        place = (int(rng.integers(-20, size)), int(rng.integers(size)))
        ink = int(128 + rng.choice((-1, 1)) * rng.uniform(40, 127))
        font, scale, thick_px = int(rng.integers(7)), float(rng.uniform(0.4, 2.5)), int(rng.integers(1, 4))
        cv2.putText(page, text, place, font, scale, ink, thick_px)
    return np.asarray(page / np.float32(64) + rng.uniform(0, 0.3) * clouds(rng, size, rng.uniform(3, 60)), np.float32)


FAMILIES: tuple[Callable[[Generator, int], Field], ...] = (
    _spectrum,
    _dead_leaves,
    _wood,
    _weave,
    _tiles,
    _cells,
    _marble,
    _brushed,
    _grating,
    _strokes,
    _relief,
    _print,
)
