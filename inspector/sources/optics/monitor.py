"""Owns the monitoring of a source's pictures: one a second is measured, learned from or judged, and reported."""

import logging
import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.optics import OpticsState
from inspector.settings.settings import OpticsSettings
from inspector.settings.sources.strip import StripSettings
from inspector.sources.optics.baseline import Baseline
from inspector.sources.optics.conditions import JUDGED, MOVED, Conditions
from inspector.sources.optics.dirt import StripCells, relief
from inspector.sources.optics.figures import OpticsSample, cell, likeness, line_step, measure
from inspector.vision import roi
from inspector.vision.formats.outline import MIN_SIDE_PX
from inspector.vision.tiling import Tile

log = logging.getLogger(__name__)

#: Sampling interval in seconds: at most one frame per second is analysed.
EVERY_S = 1.0
#: Most seconds that one picture stands for: nothing is known of the time between pictures that lie further apart.
STEP_S = 5.0
#: Pictures in a row of another size that show that it is another camera: its baseline is learned anew.
OTHERS = 60
#: Seconds by which a new baseline is later than the one before, also if the clock was ahead then: see
#: record/optics_history.
_LATER_S = 0.001
#: Pictures after which the baseline learned so far goes on record.
SAVE_PICTURES = 60


class OpticsMonitor:
    """Monitors the pictures of one source."""

    def __init__(
        self, settings: OpticsSettings, strip: StripSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`strip`: what of a picture is strip; nothing beside it counts. `clock` gives monotonic seconds."""
        self._settings = settings
        self._strip = strip
        self._clock = clock
        self._next = -math.inf
        self._looked: tuple[float, OpticsSample] | None = None  # the last one, and when by our clock
        self._at = 0.0  # when that was, since 1970
        self._others = 0
        self._begin(0.0)

    def _begin(self, since: float) -> None:
        self._baseline = Baseline(since, self._settings.learn_pictures)
        self._conditions = Conditions(self._settings)
        self._unsaved: float | None = None  # the first tally with the baseline; inf: none has had it yet

    def see(self, pixels: NDArray[np.uint8], at: float) -> None:
        """Analyse a frame, uint8 (height, width), that came at that time since 1970, if the next sample is due."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_S
        area = roi.area(pixels, self._strip, line_step(*pixels.shape))
        if min(area.width, area.height) < MIN_SIDE_PX or not self._fits(pixels.shape, at):
            return
        look = measure(pixels, area)
        before, self._looked, self._at = self._looked, (now, look), at
        seconds, alike = EVERY_S, 0.0
        if before is not None:
            seconds, alike = min(now - before[0], STEP_S), likeness(before[1], look)
        self._conditions.look(look, alike, seconds, at)
        if not look.blank and alike < MOVED:
            self._judge(look, _window(look, area, pixels.shape), seconds, at)

    def _fits(self, size: tuple[int, ...], at: float) -> bool:
        """Return whether a picture has the size of those before. Many in a row of another are of another camera."""
        if self._baseline.size in (None, size):
            self._others = 0
            self._baseline.since = self._baseline.since or at
            return True
        self._others += 1
        if self._others >= OTHERS:
            log.warning("pictures are %dx%d now: the baseline is learned anew", *size[::-1])
            self._begin(max(at, self._baseline.since + _LATER_S))
        return False

    def _judge(self, look: OpticsSample, window: StripCells, seconds: float, at: float) -> None:
        baseline, light = self._baseline, relief(look.cells, window)
        self._conditions.average(look, seconds)
        if baseline.complete:
            self._conditions.judge(baseline, light, window, seconds, at)
            return
        baseline.learn(look.size, look.figures, light, window)
        if baseline.complete:
            log.info("the baseline of its pictures is learned")
        if baseline.complete or baseline.pictures % SAVE_PICTURES == 0:
            self._unsaved = math.inf

    def state(self, tally: int) -> OpticsState | None:
        """Return how pictures are, for the `tally`th tally; None before the first."""
        figures, baseline = self._conditions.figures, self._baseline
        if not baseline.since:
            return None
        unsaved = None
        if self._unsaved is not None:
            unsaved, self._unsaved = baseline.encode(), min(self._unsaved, tally)
        troubles = self._conditions.troubles(baseline)
        return OpticsState(
            at=self._at,
            since=baseline.since,
            learned=baseline.pictures,
            needed=baseline.needed,
            figures=figures,
            troubles=troubles,
            baseline=unsaved,
        )

    def on_record(self, tally: int, learn_since: float) -> None:
        """Note that the `tally`th tally is on record, and from which time on the baseline is to be learned."""
        if self._unsaved is not None and self._unsaved <= tally:
            self._unsaved = None
        if learn_since > self._baseline.since:
            log.info("the baseline of its pictures is learned anew")
            self._begin(learn_since)

    def resume(self, state: OpticsState | None) -> None:
        """Go on where the former life was."""
        if state is not None:
            self._begin(state.since)
            self._baseline = Baseline.decode(state.since, self._settings.learn_pictures, state.baseline)
            complete = self._baseline.complete
            self._conditions.resume([one for one in state.troubles if complete or one.kind not in JUDGED])

    def report_again(self) -> None:
        """Report the baseline again: the record may be another one."""
        if self._baseline.pictures:
            self._unsaved = math.inf


def _window(look: OpticsSample, area: Tile, size: tuple[int, ...]) -> StripCells:
    """Return the cells that are strip and nothing else; at an edge, to within a cell."""
    along, across = cell(*size)
    rows, columns = look.cells.shape
    left, top, right, bottom = area.x, area.y, area.x + area.width, area.y + area.height
    begins = 0 if left == 0 else -(-left // across) + 1
    ends = columns if right == size[1] else right // across - 1
    first, last = -(-top // along), rows if bottom == size[0] else bottom // along
    return StripCells(slice(first, max(first, last)), slice(begins, max(begins, ends)))
