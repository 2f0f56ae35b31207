"""Owns the faults of a line that corrupt a picture: by lamp, lens, camera, cable and dirt, each in three strengths.

A picture gets the same fault, to the last pixel, whatever else is evaluated and whenever: all chance is drawn from
its name, and a stronger fault is the same one stronger. Faults come before preprocessing, as they do on the line.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

STRENGTHS = ("mild", "middle", "strong")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault: its name, the `unit` of its three `amounts`, and how an amount changes a picture."""

    name: str
    unit: str
    amounts: tuple[float, float, float]
    change: Callable[[Gray, float, np.random.Generator], Gray]

    def apply(self, pixels: Gray, strength: int, picture: str) -> Gray:
        """Return a changed copy of `pixels`, uint8 (height, width). `strength`: 0 to 2. `picture`: its name, the seed.

        A crop makes the picture smaller and a quarter turn swaps its sides; all else keeps the shape.
        """
        name = picture.encode("utf-8", "surrogateescape")
        rng = np.random.default_rng((zlib.crc32(self.name.encode()), zlib.crc32(name)))
        return self.change(pixels, self.amounts[strength], rng)


def _noise(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    return gray(pixels + rng.normal(0, amount, pixels.shape))


def _defocus(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), amount, borderType=cv2.BORDER_REFLECT), np.uint8)


def _motion_across(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    return np.asarray(cv2.blur(pixels, (int(amount), 1), borderType=cv2.BORDER_REFLECT), np.uint8)


def _motion_along(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    return np.asarray(cv2.blur(pixels, (1, int(amount)), borderType=cv2.BORDER_REFLECT), np.uint8)


def _exposure(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    return gray(pixels.astype(np.float64) * amount)


def _gradient(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    """Light from one side: gain from 1 - amount to 1 + amount across the picture, in a random direction."""
    height, width = pixels.shape
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    ramp = (x * np.cos(angle) + y * np.sin(angle)) / (abs(np.cos(angle)) + abs(np.sin(angle)))
    return gray(pixels * (1 + amount * ramp))


def _contrast(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    mean = pixels.mean()
    return gray(mean + (pixels - mean) * amount)


def _jpeg(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(amount)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _dust(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    """Draw `amount` specks on the lens: soft, darker by up to 60 levels, with radii of 0.5 to 2% of the side."""
    height, width = pixels.shape
    specks = np.zeros(pixels.shape, np.float32)
    for _ in range(int(amount)):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = max(1, round(rng.uniform(0.005, 0.02) * min(height, width)))
        cv2.circle(specks, centre, radius, float(rng.uniform(20, 60)), -1)
    return gray(pixels - cv2.GaussianBlur(specks, (0, 0), 0.7))


def _stripes(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    """Draw the stripes of a line camera: an eighth of the columns brighter or darker, by `amount` levels (sigma)."""
    offsets = rng.normal(0, amount, pixels.shape[1]) * (rng.random(pixels.shape[1]) < 0.125)
    return gray(pixels + offsets)


def _crop(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    """Move the view by `amount` of each side towards a corner. What leaves is cut; what would enter is unknown."""
    height, width = pixels.shape
    down, right = round(amount * height), round(amount * width)
    top, left = int(rng.integers(2)) * down, int(rng.integers(2)) * right
    return np.ascontiguousarray(pixels[top : height - down + top, left : width - right + left])


def _turn(pixels: Gray, amount: float, rng: np.random.Generator) -> Gray:
    return np.ascontiguousarray(np.rot90(pixels, int(amount) // 90))


def gray(levels: NDArray[np.floating]) -> Gray:
    """Return levels of any range as uint8, rounded and clipped to 0 to 255 as a camera does."""
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


#: A turned camera is a fault of mounting, not of the line: a model may rightly depend on the rolling direction.
TURN = Fault("rotation 90/180/270", "degrees", (90, 180, 270), _turn)
#: Faults of the suite. Lengths are in camera pixels of a 200-pixel view.
FAULTS = (
    Fault("sensor noise", "gray levels, sigma", (5, 10, 20), _noise),
    Fault("defocus", "pixels, sigma", (1, 2, 3), _defocus),
    Fault("motion blur, horizontal", "pixels", (3, 7, 11), _motion_across),
    Fault("motion blur, vertical", "pixels", (3, 7, 11), _motion_along),
    Fault("under-exposure", "gain", (0.8, 0.6, 0.4), _exposure),
    Fault("over-exposure", "gain", (1.15, 1.3, 1.6), _exposure),
    Fault("illumination gradient", "gain, +/-", (0.15, 0.3, 0.5), _gradient),
    Fault("contrast loss", "share left", (0.75, 0.5, 0.3), _contrast),
    Fault("JPEG", "quality", (70, 40, 15), _jpeg),
    Fault("dust", "specks", (3, 8, 20), _dust),
    Fault("stripes", "gray levels, sigma", (4, 8, 16), _stripes),
    Fault("crop shift", "share of the side", (0.025, 0.05, 0.1), _crop),
    TURN,
)
