"""Owns the axes of a map: from mm along or across the piece to px on the paper, and their round numbers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.quality.coverage import Stretch
from inspector.reports.map.shapes import GRAY, Line, Text


@dataclass(frozen=True, slots=True)
class Axis:
    """The stretch that is shown, and the px of its ends: left and right along the piece, top and bottom across it."""

    whole: Stretch
    first: float
    last: float

    @property
    def px_per_mm(self) -> float:
        """The length of a mm."""
        return (self.last - self.first) / (self.whole.to_mm - self.whole.from_mm)

    def px(self, at_mm: float) -> float:
        """Return where a place lies."""
        return self.first + (at_mm - self.whole.from_mm) * self.px_per_mm

    def around(self, start_mm: float, length_mm: float, least_px: float) -> tuple[float, float]:
        """Return where something begins and how long it is, at least `least_px`, moved to lie between the ends."""
        length = max(least_px, length_mm * self.px_per_mm)
        start = self.px(start_mm + length_mm / 2) - length / 2
        return max(self.first, min(start, self.last - length)), length

    def below(self, y: float) -> Iterator[Line | Text]:
        """Yield ticks along the piece that hang from `y`."""
        for at_mm in ticks(self.whole, 10):
            x = self.px(at_mm)
            yield Line(x, y, x, y + 5)
            yield Text(x, y + 18, f"{at_mm / 1000:g} m", 11, "middle", GRAY)

    def beside(self, x: float) -> Iterator[Line | Text]:
        """Yield ticks across the piece, to the left of `x`."""
        for at_mm in ticks(self.whole, 4):
            y = self.px(at_mm)
            yield Line(x - 4, y, x, y)
            yield Text(x - 7, y + 4, f"{at_mm:g} mm", 11, "end", GRAY)


def ticks(whole: Stretch, most: int) -> list[float]:
    """Return round places in mm, at most one more than `most`."""
    least = (whole.to_mm - whole.from_mm) / most
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= least)
    return [number * step for number in range(math.ceil(whole.from_mm / step), math.floor(whole.to_mm / step) + 1)]
