"""Owns the frames that a worker holds and has not scored: they wait for what decides them, then for their batch."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.frames import CANARY, Frame
from inspector.settings.sources.strip import StripSettings
from inspector.vision import roi
from inspector.worker.batcher import Batcher, Job
from inspector.worker.recipes import RETRY_MS, Chooser, Recipes


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A frame and its pixels, which came at a monotonic time."""

    frame: Frame
    pixels: NDArray[np.uint8]
    at: float


class Backlog:
    """Frames by the recipes in force. `recipes` may be replaced: frames admitted from then on are decided by them."""

    def __init__(
        self, chooser: Chooser, recipes: Recipes, strips: Mapping[str, StripSettings], batcher: Batcher
    ) -> None:
        """`strips`: by source, what of its frames is inspected."""
        self.recipes = recipes
        self._chooser = chooser
        self._strips = strips
        self._batcher = batcher
        self._arrived: list[_Arrival] = []

    def __len__(self) -> int:
        return len(self._arrived) + len(self._batcher)

    def add(self, frame: Frame, pixels: NDArray[np.uint8]) -> None:
        """Take a frame and its pixels, uint8 (height, width)."""
        self._arrived.append(_Arrival(frame, pixels, time.monotonic()))

    def admit(self) -> Iterator[Job]:
        """Batch the frames of which it is known what decides them, and yield each with its tiles."""
        arrived, self._arrived = self._arrived, []
        choices = self._chooser.choose([one.frame.header for one in arrived], self.recipes)
        for one, choice in zip(arrived, choices, strict=True):
            if choice is None:
                self._arrived.append(one)
                continue
            header = one.frame.header
            strip = self._strips[header.source]
            # A canary is no picture of the source: all of it is inspected.
            area = None if header.frame == CANARY else roi.area(one.pixels, strip)
            yield self._batcher.add(one.frame, one.pixels, choice, one.at, area, strip.overlap_px)

    def due_ms(self) -> float | None:
        """Return how long until a batch must go, in ms, 0 or less: now; None if none is waiting."""
        return self._batcher.due_ms(time.monotonic())

    def idle_ms(self, at_most: float) -> float:
        """Return for how long, in ms, nothing is to be done unless a message comes."""
        due_ms = self.due_ms()
        idle_ms = min(at_most, RETRY_MS) if self._arrived else at_most
        return idle_ms if due_ms is None else min(due_ms, idle_ms)

    def take(self) -> list[Job]:
        """Return the frames of the next batch, the oldest first."""
        return self._batcher.take()

    def close(self) -> None:
        """Close the record, if it was opened to find recipes."""
        self._chooser.close()
