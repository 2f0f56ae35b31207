"""Owns the canary: a picture whose answer is known, sent the way of every frame to show that the way is open.

Each source offers it to its workers in turn; the worker decides it among the others; the sink judges the answer and
keeps it out of the record. So readiness rests on a picture that went the whole way, not on who says it is alive.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.frames import CANARY, Frame, FrameHeader
from inspector.protocol.verdicts import Verdict

#: Interval at which each source offers the canary, in seconds.
EVERY_S = 5.0
#: Canaries without a right answer, beside the time that one batch may take, after which the way counts as shut.
MISSED = 3
#: Tolerance of the score: golden images of one bundle differ by less on any machine, see vision/predictor.
SCORE_OFF = 0.1


@dataclass(frozen=True, slots=True)
class Canary:
    """Pixels, uint8 (height, width), of one view at most, and what `model` says to them; no label: it is not judged."""

    pixels: NDArray[np.uint8]
    model: str
    label: str = ""
    score: float = 0.0

    def frame(self, source: str, epoch: str) -> Frame:
        """Return the canary as a frame of a source, captured now."""
        height, width = self.pixels.shape
        return Frame(
            FrameHeader(
                source=source,
                epoch=epoch,
                frame=CANARY,
                name="",
                sequence=0,
                captured_at=time.time(),
                captured_mono=time.monotonic(),
                height=height,
                width=width,
            )
        )

    def wrong(self, model: str, verdict: Verdict) -> str:
        """Return what is wrong with an answer of `model`, for people; "" if nothing is. Thresholds do not matter."""
        if not self.label or model != self.model:
            return ""  # another model has other scores, and was held to its golden images when it started
        if verdict.label == self.label and abs(verdict.score - self.score) <= SCORE_OFF:
            return ""
        said = f"{verdict.label or verdict.reason} {verdict.score:.2f}"
        return f"wrong answer to the canary picture: {said}, right is {self.label} {self.score:.2f}"
