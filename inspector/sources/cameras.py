"""Owns the frames that a grabber shows: the connector of every camera, whatever library opens it."""

import logging
import math
import os
import time
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from inspector.protocol.messages import Judgement, Left
from inspector.settings.sources.camera import CameraSourceSettings
from inspector.settings.sources.gige import GigeSourceSettings
from inspector.sources.capture.client import Leash
from inspector.sources.capture.protocol import (
    AravisOrder,
    Ended,
    Failed,
    Missed,
    Opened,
    Order,
    Picture,
    VideoOrder,
    Waiting,
    Word,
)
from inspector.sources.connector import Capture, Overload
from inspector.vocabulary import Outcome

log = logging.getLogger(__name__)

#: What a hanging grabber gets beyond its deadline, which the library itself should keep, and for its start.
GRACE_S = 3.0
#: A file that says it has so many more frames than it has, as a share of them, was cut short: it may only guess.
_SHORT = 0.01


class Grabbed:
    """A camera never waits; a video file of which every frame counts does. Its frames are gone with this process."""

    patient = False

    def __init__(self, order: Order, overload: Overload, clock: Callable[[], float] = time.monotonic) -> None:
        self._order = order
        self._clock = clock
        self.overload = overload
        self._file = order.address if isinstance(order, VideoOrder) and order.kind == "file" else ""
        self._epoch = f"{time.time_ns():x}"
        self._sequence = 0  # of the pictures that came, over all connections
        self._had = 0  # frames of the file that came
        self._leash: Leash | None = None
        self._spare: Leash | None = None  # waits for an order, started already
        self._connected = self._seen = self._ended = self._failed = False
        self._same_since: float | None = None
        self._missed: dict[str, int] = {}
        self._size: tuple[int, ...] = ()

    def open(self) -> list[Capture]:
        """Begin to connect, which takes its time: `problem` says how far it is. OSError where the file is not there."""
        if self._ended:
            return []
        order = self._order
        if self._file:
            os.stat(self._file)
            order = msgspec.structs.replace(order, skip=self._had)
        self._connected = self._seen = self._failed = False
        self._same_since = None
        self._leash, self._spare = self._spare or Leash(self._clock), None
        self._leash.order(order)
        return []

    def read(self) -> Capture | None:
        """The next picture that is whole. OSError: the camera is lost, or hangs."""
        while self._leash is not None and not self._ended:
            heard = self._leash.hear()
            if heard is None:
                self._check_deadline(self._leash)
                return None
            if capture := self._take(*heard):
                return capture
        return None

    def due_ms(self) -> float:
        """Time until it is late; its words wake earlier."""
        if self._leash is None or self._ended:
            return math.inf
        return max(0.0, (self._leash.heard_at + self._deadline_s - self._clock()) * 1000)

    def wake(self) -> int | None:
        """The grabber's pipe."""
        return None if self._leash is None else self._leash.fileno()

    def secure(self) -> None:
        """A camera's frames end with this process."""

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """A camera forgets the frame."""

    def missed(self) -> dict[str, int]:
        """`stale`: the very same picture as before; the others are the grabber's reasons."""
        missed, self._missed = self._missed, {}
        return missed

    def left(self) -> list[Left]:
        """Nothing: frames are taken as they come."""
        return []

    def problem(self) -> str:
        """Why it shows nothing new."""
        if self._ended or self._leash is None:
            return ""
        if not self._connected:
            return f"connecting to {self._order.title}"
        stale_s = self._order.stale_s
        if self._same_since is not None and stale_s is not None and self._clock() - self._same_since > stale_s:
            return "the very same picture again and again: the camera stands still, or shows nothing but black"
        return "" if self._seen else f"{self._order.title} answers and shows no whole picture"

    def close(self) -> None:
        """End the grabber. One that has just failed in good order is kept for the next `open`, until closed again."""
        if self._failed:
            self._failed = False
            return
        for leash in (self._leash, self._spare):
            if leash is not None:
                leash.close()
        self._leash = self._spare = None

    @property
    def _deadline_s(self) -> float:
        return GRACE_S + (self._order.read_s if self._connected else self._order.connect_s)

    def _check_deadline(self, leash: Leash) -> None:
        if self._clock() - leash.heard_at > self._deadline_s:
            what = "shows no picture" if self._connected else "does not answer"
            raise OSError(f"it {what} and hangs: the capture process is killed")

    def _take(self, word: Word, pixels: NDArray[np.uint8] | None) -> Capture | None:
        match word:
            case Opened():
                self._connected = True
                log.info("connected to %s%s", self._order.title, f": {word.what}" if word.what else "")
            case Waiting():
                self._seen = True  # it shows nothing because nothing triggers it
            case Missed():
                self._miss(word.reason, word.pictures)
            case Failed():
                if not word.spent:
                    self._leash, self._spare, self._failed = None, self._leash, True
                raise OSError(word.reason)
            case Ended():
                return self._end(word)
            case Picture():
                return self._show(word, pixels)
        return None

    def _show(self, picture: Picture, pixels: NDArray[np.uint8] | None) -> Capture | None:
        self._had = picture.number + 1
        if picture.incomplete:
            self._miss("incomplete", 1)
            return None
        self._seen = True
        if picture.same:
            self._same_since = self._clock() if self._same_since is None else self._same_since
            self._miss("stale", 1)
            return None
        self._same_since = None
        if pixels is not None and pixels.shape != self._size:
            if self._size:
                log.warning("pictures are %dx%d now, and were %dx%d", *pixels.shape[::-1], *self._size[::-1])
            self._size = pixels.shape
        return self._capture(self._had - 1, picture.captured_at, picture.captured_mono, pixels, picture.reason)

    def _end(self, ended: Ended) -> Capture | None:
        """The file is read; one that was cut short is on record as an error."""
        self._ended = True
        log.info("%s: read to its end, %d frames", self._file, ended.frames)
        if ended.promised - ended.frames <= _SHORT * ended.promised:
            return None
        reason = f"the video ends after {ended.frames} frames and promises {ended.promised}: cut short or damaged"
        return self._capture(ended.frames, time.time(), time.monotonic(), None, reason)

    def _capture(
        self, number: int, captured_at: float, captured_mono: float, pixels: NDArray[np.uint8] | None, reason: str
    ) -> Capture:
        frame = f"{self._epoch}-{self._sequence}"
        name = f"{os.path.basename(self._file)}-{number:06d}" if self._file else f"{self._sequence:06d}"
        self._sequence += 1
        return Capture(frame, name[-4096:], captured_at, captured_mono, pixels, reason)

    def _miss(self, reason: str, count: int) -> None:
        self._missed[reason] = self._missed.get(reason, 0) + count


def camera(settings: CameraSourceSettings, clock: Callable[[], float] = time.monotonic) -> Grabbed:
    """Return the connector of a source of type camera: an RTSP or HTTP stream, a USB device, or a video file.

    A video file of which every frame counts waits, and may show the same picture twice.
    """
    every_frame = settings.kind == "file" and settings.pace == "every_frame"
    order = VideoOrder(
        settings.address.get_secret_value(), settings.kind, settings.connect_s, settings.read_s,
        None if settings.kind == "file" else settings.stale_s, every_frame,
    )  # fmt: skip
    return Grabbed(order, Overload("block" if every_frame else settings.overload, settings.every), clock)


def gige(settings: GigeSourceSettings, clock: Callable[[], float] = time.monotonic) -> Grabbed:
    """Return the connector of a source of type gige: a GigE Vision or USB3 Vision camera, through Aravis."""
    region = settings.region
    order = AravisOrder(
        settings.address or "", settings.connect_s, settings.read_s, settings.stale_s, settings.pixel_format,
        region.left_px, region.top_px, region.width_px, region.height_px, settings.exposure_us, settings.gain_db,
        settings.rate_fps, settings.trigger, settings.packet_size_bytes, settings.packet_delay_ns,
    )  # fmt: skip
    return Grabbed(order, Overload(settings.overload, settings.every), clock)
