"""Owns the simulated camera: procedural strip at a steady rate, as a line would deliver it."""

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.messages import Left
from inspector.protocol.verdicts import Judgement
from inspector.settings.sources.simulated import SimulatedSourceSettings
from inspector.sources.connector import Capture, Overload
from inspector.vision.renderer.strip import DEFECTS, render_image, render_strip
from inspector.vocabulary import Outcome


class Simulated:
    """A camera that never waits: a frame without room is dropped. The same seed gives the same strip.

    A frame's name tells the truth about it: `000042-scratches`.
    """

    patient = False

    def __init__(self, settings: SimulatedSourceSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self.overload = Overload(settings.overload, settings.every)
        self._clock = clock
        self._epoch = f"{time.time_ns():x}"
        self._sequence = 0
        self._next_at = 0.0

    def open(self) -> list[Capture]:
        """Start the line. A camera owns nothing from a former life."""
        self._next_at = self._clock()
        return []

    def read(self) -> Capture | None:
        """Return the frame that is due, or None."""
        settings = self._settings
        if self._finished or self._clock() < self._next_at:
            return None
        self._next_at += 1 / settings.rate_fps
        label = self._label(self._sequence)
        capture = Capture(
            frame=f"{self._epoch}-{self._sequence}",
            name=f"{self._sequence:06d}-{label}",
            captured_at=time.time(),
            captured_mono=time.monotonic(),
            pixels=self._pixels(label),
        )
        self._sequence += 1
        return capture

    def due_ms(self) -> float:
        """Return the time to the next frame."""
        return math.inf if self._finished else max(0.0, (self._next_at - self._clock()) * 1000)

    def wake(self) -> None:
        """Return None: frames come by the clock."""

    def secure(self) -> None:
        """Do nothing: a camera's frames end with this process."""

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """Do nothing: a camera forgets the frame."""

    def missed(self) -> dict[str, int]:
        """Return nothing: a simulator draws every frame."""
        return {}

    def left(self) -> list[Left]:
        """Return nothing: frames are taken as they come."""
        return []

    def problem(self) -> str:
        """Return no problem: a simulator has none."""
        return ""

    def close(self) -> None:
        """Do nothing: there is no connection."""

    @property
    def _finished(self) -> bool:
        return self._settings.frames is not None and self._sequence >= self._settings.frames

    def _pixels(self, label: str) -> NDArray[np.uint8]:
        """A square frame is one view of strip; any other is a stretch of it, clean but for one defect at most."""
        width, height = self._settings.width_px, self._settings.height_px
        seed = self._settings.seed + self._sequence
        if width == height:
            return render_image(label, seed, width).pixels
        return render_strip(seed, width, height, () if label == "ok" else (label,)).pixels

    def _label(self, sequence: int) -> str:
        draw = np.random.default_rng((self._settings.seed, sequence)).random(2)
        return DEFECTS[int(draw[1] * len(DEFECTS))] if draw[0] < self._settings.defect_rate else "ok"
