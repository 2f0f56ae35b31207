"""Owns the canary: a picture whose answer is known, sent along the path of every frame to show that the path works.

Each source offers it to its workers in turn. A worker decides it like any frame. The sink checks the answer and keeps
it out of the record. So readiness rests on a picture that went the whole path, not on reports of being alive.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.frames import CANARY, Frame, FrameHeader
from inspector.protocol.verdicts import Verdict

#: Interval at which each source offers the canary, in seconds.
EVERY_S = 5.0
#: Number of intervals without a right answer, beyond the time of one batch, after which the path counts as broken.
MISSED = 3
#: Tolerance of the score: that of a golden image differs by less between machines, see vision/predictor.
SCORE_OFF = 0.1


@dataclass(frozen=True, slots=True)
class Canary:
    """A picture and the answer of `model` to it. If `label` is "", the answer is not checked.

    `pixels`: uint8 (height, width), at most one view.
    """

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
