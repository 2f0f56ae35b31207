"""Owns the axis along a piece: from mm to px, and its round numbers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.coverage import Stretch
from inspector.paper.drawing import GRAY, Line, Words


@dataclass(frozen=True, slots=True)
class Along:
    """The piece from left to right, between two places on the paper in px."""

    whole: Stretch
    left: float
    right: float

    @property
    def px_per_mm(self) -> float:
        """How long a mm is."""
        return (self.right - self.left) / (self.whole.to_mm - self.whole.from_mm)

    def x(self, at_mm: float) -> float:
        """Where a place is."""
        return self.left + (at_mm - self.whole.from_mm) * self.px_per_mm

    def draw(self, y: float) -> Iterator[Line | Words]:
        """Its ticks, hanging from there."""
        for at_mm in ticks(self.whole, 10):
            x = self.x(at_mm)
            yield Line(x, y, x, y + 5)
            yield Words(x, y + 18, f"{at_mm / 1000:g} m", 11, "middle", GRAY)


def ticks(whole: Stretch, most: int) -> list[float]:
    """Round places in mm, at most one more than that."""
    least = (whole.to_mm - whole.from_mm) / most
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= least)
    return [number * step for number in range(math.ceil(whole.from_mm / step), math.floor(whole.to_mm / step) + 1)]
