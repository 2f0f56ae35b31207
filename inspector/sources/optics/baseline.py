"""Owns the baseline of a source's pictures: learned from the first of them, then fixed. Pure.

It never follows slowly: so would dirt. Distances from it are in limits: more than 1 is too far.
"""

import math
from collections.abc import Sequence

import numpy as np

from inspector.protocol.optics import Figures, Kind, OpticsBaseline
from inspector.sources.optics import dirt
from inspector.sources.optics.dirt import Average, Relief, StripCells
from inspector.sources.optics.figures import grid

#: How far a figure may stray: brightness, contrast and sharpness by a factor, saturation by a share. Found on
#: simulated strip: see tests/measure/false_alarms.py.
BRIGHTNESS, CONTRAST, SHARPNESS, SATURATION = 2.0, 3.5, 2.5, 0.1
#: Standard deviations of single pictures within which nothing is strange: a line of many products is varied.
DEVIATIONS = 3.0
_LEAST = (1.0, 1e-4, 1e-3)
_BYTE = 127 / dirt.CLIP

#: The four figures as they are averaged and compared: those of which a factor counts as logarithms.
Scaled = tuple[float, ...]


class Baseline:
    """Learns from pictures of one size, `since` a time in seconds since 1970, until it has `needed` of them."""

    def __init__(self, since: float, needed: int) -> None:
        self.since = since
        self.needed = needed
        self.pictures = 0
        self.size: tuple[int, ...] | None = None  # height, width
        self.mean: Scaled = (0.0,) * 4
        self.deviation: Scaled = (0.0,) * 4
        self._light: Average | None = None

    @property
    def complete(self) -> bool:
        """Whether all is learned: then the baseline stays as it is."""
        return self.pictures >= self.needed

    @property
    def relief(self) -> Relief | None:
        """The average relief; None before the first picture."""
        return None if self._light is None else self._light.relief

    def learn(self, size: tuple[int, ...], figures: Figures, relief: Relief, window: StripCells) -> None:
        """Learn from one more picture, by Welford's recurrence."""
        self.size, self.pictures = size, self.pictures + 1
        before, new = self.mean, scaled(figures)
        self.mean = towards(before, new, 1 / self.pictures)
        self.deviation = tuple(
            math.sqrt(max(0.0, d * d * (self.pictures - 1) + (x - b) * (x - m)) / self.pictures)
            for d, x, b, m in zip(self.deviation, new, before, self.mean, strict=True)
        )
        self._light = self._light or Average(*relief.spots.shape)
        self._light.take(relief, window, 1 / self.pictures, 1 / self.pictures)

    def limits(self, now: Scaled, tolerance: float) -> dict[Kind, float]:
        """Return how far figures are from the baseline, by kind, in limits."""
        floors = (math.log(BRIGHTNESS), math.log(CONTRAST), math.log(SHARPNESS), SATURATION)
        brighter, richer, sharper, fuller = (
            (x - mean) / max(tolerance * floor, DEVIATIONS * deviation)
            for x, mean, deviation, floor in zip(now, self.mean, self.deviation, floors, strict=True)
        )
        return {
            "dark": -brighter,
            "bright": brighter,
            "low_contrast": -richer,
            "blurred": -sharper,
            "saturated": fuller,
        }

    def encode(self) -> OpticsBaseline | None:
        """Return the baseline as it is kept on record; None before the first picture."""
        if self.size is None or self._light is None:
            return None
        spots, streaks = (np.rint(part * _BYTE).astype(np.int8).tobytes() for part in self._light.relief)
        height, width = self.size
        return OpticsBaseline(
            pictures=self.pictures,
            height=height,
            width=width,
            mean=unscaled(self.mean),
            deviation=Figures(*self.deviation),
            spots=spots,
            streaks=streaks,
        )

    @classmethod
    def decode(cls, since: float, needed: int, kept: OpticsBaseline | None) -> "Baseline":
        """Return what `encode` was given. One whose cells do not fit its size (another version's) is learned anew."""
        made = cls(since, needed)
        if kept is None:
            return made
        rows, columns = grid(kept.height, kept.width)
        if (len(kept.spots), len(kept.streaks)) != (rows * columns, columns):
            return made
        made.pictures, made.size = kept.pictures, (kept.height, kept.width)
        made.mean, made.deviation = scaled(kept.mean), tuple(kept.deviation)
        made._light = Average(rows, columns)
        for part, data in zip(made._light.relief, (kept.spots, kept.streaks), strict=True):
            part.flat[:] = np.frombuffer(data, np.int8) / _BYTE
        return made


def scaled(figures: Figures) -> Scaled:
    """Return figures as they are averaged and compared."""
    floors = zip(figures[:3], _LEAST, strict=True)
    return (*(math.log(max(figure, least)) for figure, least in floors), figures.saturation)


def unscaled(values: Scaled) -> Figures:
    """Return the figures that `scaled` was given."""
    brightness, contrast, sharpness = (math.exp(value) for value in values[:3])
    return Figures(brightness, contrast, sharpness, values[3])


def towards(mean: Sequence[float], new: Sequence[float], share: float) -> Scaled:
    """Return the mean, moved by this share of the way."""
    return tuple(m + share * (x - m) for m, x in zip(mean, new, strict=True))
