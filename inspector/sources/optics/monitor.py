"""Owns the eye on a source's own pictures: one a second is looked at, learned from or judged, and told of."""

import logging
import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.messages import Sight
from inspector.settings.settings import OpticsSettings
from inspector.settings.sources.strip import StripSettings
from inspector.sources.optics import figures as optics
from inspector.sources.optics.baseline import Baseline
from inspector.sources.optics.conditions import JUDGED, MOVED, Troubles
from inspector.sources.optics.dirt import Window, relief
from inspector.sources.optics.figures import Look
from inspector.vision import roi as strip
from inspector.vision.formats.outline import MIN_SIDE_PX
from inspector.vision.tiling import Tile

log = logging.getLogger(__name__)

#: A picture is looked at once in so long, however many come.
EVERY_S = 1.0
#: Nothing is known of the time between pictures that lie further apart: one stands for no more.
STEP_S = 5.0
#: So many pictures in a row that have another size: it is another camera, and what is usual is learned anew.
OTHERS = 60
#: What is learned anew is of later than before, also where the clock was ahead then: see optics_record.
_LATER_S = 0.001
#: What was learned so far goes on record after so many pictures.
SAVE_PICTURES = 60


class OpticsMonitor:
    """Looks at the pictures of one source."""

    def __init__(
        self, settings: OpticsSettings, strip: StripSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`strip`: what of a picture is strip; nothing beside it counts. `clock` gives monotonic seconds."""
        self._settings = settings
        self._strip = strip
        self._clock = clock
        self._next = -math.inf
        self._looked: tuple[float, Look] | None = None  # the last one, and when by our clock
        self._at = 0.0  # when that was, since 1970
        self._others = 0
        self._begin(0.0)

    def _begin(self, since: float) -> None:
        self._baseline = Baseline(since, self._settings.learn_pictures)
        self._troubles = Troubles(self._settings)
        self._unsaved: float | None = None  # the first tally that tells what was learned; inf: none has yet

    def see(self, pixels: NDArray[np.uint8], at: float) -> None:
        """A frame came, uint8 (height, width), at that time since 1970: look at it if it is time to."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_S
        area = strip.area(pixels, self._strip, optics.distance(*pixels.shape))
        if min(area.width, area.height) < MIN_SIDE_PX or not self._fits(pixels.shape, at):
            return
        look = optics.look(pixels, area)
        before, self._looked, self._at = self._looked, (now, look), at
        seconds, alike = EVERY_S, 0.0
        if before is not None:
            seconds, alike = min(now - before[0], STEP_S), optics.likeness(before[1], look)
        self._troubles.look(look, alike, seconds, at)
        if not look.blank and alike < MOVED:
            self._judge(look, _window(look, area, pixels.shape), seconds, at)

    def _fits(self, size: tuple[int, ...], at: float) -> bool:
        """Whether it has the size of those before. Many in a row of another come from another camera."""
        if self._baseline.size in (None, size):
            self._others = 0
            self._baseline.since = self._baseline.since or at
            return True
        self._others += 1
        if self._others >= OTHERS:
            log.warning("pictures are %dx%d now: what is usual for them is learned anew", *size[::-1])
            self._begin(max(at, self._baseline.since + _LATER_S))
        return False

    def _judge(self, look: Look, window: Window, seconds: float, at: float) -> None:
        baseline, light = self._baseline, relief(look.cells, window)
        self._troubles.average(look, seconds)
        if baseline.complete:
            self._troubles.judge(baseline, light, window, seconds, at)
            return
        baseline.learn(look.size, look.figures, light, window)
        if baseline.complete:
            log.info("what is usual for its pictures is learned")
        if baseline.complete or baseline.pictures % SAVE_PICTURES == 0:
            self._unsaved = math.inf

    def sight(self, tally: int) -> Sight | None:
        """How pictures are, for the `tally`th tally; None before the first."""
        figures, baseline = self._troubles.figures, self._baseline
        if not baseline.since:
            return None
        usual = None
        if self._unsaved is not None:
            usual, self._unsaved = baseline.encode(), min(self._unsaved, tally)
        troubles = self._troubles.told(baseline)
        return Sight(self._at, baseline.since, baseline.pictures, baseline.needed, figures, troubles, usual)

    def on_record(self, tally: int, learn_since: float) -> None:
        """The `tally`th tally is on record; what is usual is to be learned from pictures since then."""
        if self._unsaved is not None and self._unsaved <= tally:
            self._unsaved = None
        if learn_since > self._baseline.since:
            log.info("what is usual for its pictures is learned anew")
            self._begin(learn_since)

    def resume(self, sight: Sight | None) -> None:
        """Go on where a former life was."""
        if sight is not None:
            self._begin(sight.since)
            self._baseline = Baseline.decode(sight.since, self._settings.learn_pictures, sight.usual)
            complete = self._baseline.complete
            self._troubles.resume([one for one in sight.troubles if complete or one.kind not in JUDGED])

    def report_again(self) -> None:
        """The record may be another: what was learned goes there, too."""
        if self._baseline.pictures:
            self._unsaved = math.inf


def _window(look: Look, area: Tile, size: tuple[int, ...]) -> Window:
    """The cells that are strip and nothing else: where there are edges, to within a cell."""
    along, across = optics.cell(*size)
    rows, columns = look.cells.shape
    left, top, right, bottom = area.x, area.y, area.x + area.width, area.y + area.height
    begins = 0 if left == 0 else -(-left // across) + 1
    ends = columns if right == size[1] else right // across - 1
    first, last = -(-top // along), rows if bottom == size[0] else bottom // along
    return Window(slice(first, max(first, last)), slice(begins, max(begins, ends)))
