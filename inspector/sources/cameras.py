"""Owns the frames of a capture process: the connector of every camera, whatever library opens it."""

import logging
import math
import os
import time
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from inspector.protocol.messages import Left
from inspector.protocol.verdicts import Judgement
from inspector.settings.sources.camera import CameraSourceSettings
from inspector.settings.sources.gige import GigeSourceSettings
from inspector.sources.capture.client import CaptureClient
from inspector.sources.capture.protocol import (
    AravisOrder,
    CapturedImage,
    Ended,
    Failed,
    Message,
    Missed,
    Opened,
    Order,
    VideoOrder,
    Waiting,
)
from inspector.sources.connector import Capture, Overload
from inspector.vocabulary import Outcome

log = logging.getLogger(__name__)

#: Seconds that a capture process gets beyond its deadline, which the library itself should keep, and for its start.
GRACE_S = 3.0
#: Share of the promised frames that may be missing at the end of a file: its header may only be a guess.
_SHORT = 0.01


class RemoteCamera:
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
        self._client: CaptureClient | None = None
        self._spare: CaptureClient | None = None  # waits for an order, started already
        self._connected = self._seen = self._ended = self._failed = False
        self._same_since: float | None = None
        self._missed: dict[str, int] = {}
        self._size: tuple[int, ...] = ()

    def open(self) -> list[Capture]:
        """Begin to connect, which takes a while: `problem` tells how far it is. Raise OSError without the file."""
        if self._ended:
            return []
        order = self._order
        if self._file:
            os.stat(self._file)
            order = msgspec.structs.replace(order, skip=self._had)
        self._connected = self._seen = self._failed = False
        self._same_since = None
        self._client, self._spare = self._spare or CaptureClient(self._clock), None
        self._client.order(order)
        return []

    def read(self) -> Capture | None:
        """Return the next whole picture. Raise OSError if the camera is lost, or hangs."""
        while self._client is not None and not self._ended:
            received = self._client.receive()
            if received is None:
                self._check_deadline(self._client)
                return None
            if capture := self._take(*received):
                return capture
        return None

    def due_ms(self) -> float:
        """Return the time until the process is late; its messages wake the source earlier."""
        if self._client is None or self._ended:
            return math.inf
        return max(0.0, (self._client.received_at + self._deadline_s - self._clock()) * 1000)

    def wake(self) -> int | None:
        """Return the descriptor of the process's pipe."""
        return None if self._client is None else self._client.fileno()

    def secure(self) -> None:
        """Do nothing: a camera's frames end with this process."""

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """Do nothing: a camera forgets the frame."""

    def missed(self) -> dict[str, int]:
        """Return `stale`, the very same picture as before, and the reasons of the capture process."""
        missed, self._missed = self._missed, {}
        return missed

    def left(self) -> list[Left]:
        """Return nothing: frames are taken as they come."""
        return []

    def problem(self) -> str:
        """Return why the camera shows nothing new."""
        if self._ended or self._client is None:
            return ""
        if not self._connected:
            return f"connecting to {self._order.title}"
        stale_s = self._order.stale_s
        if self._same_since is not None and stale_s is not None and self._clock() - self._same_since > stale_s:
            return "the very same picture again and again: the camera stands still, or shows nothing but black"
        return "" if self._seen else f"{self._order.title} answers and shows no whole picture"

    def close(self) -> None:
        """End the capture process. One that has just failed in good order is kept until the next `open` or `close`."""
        if self._failed:
            self._failed = False
            return
        for client in (self._client, self._spare):
            if client is not None:
                client.close()
        self._client = self._spare = None

    @property
    def _deadline_s(self) -> float:
        return GRACE_S + (self._order.read_s if self._connected else self._order.connect_s)

    def _check_deadline(self, client: CaptureClient) -> None:
        if self._clock() - client.received_at > self._deadline_s:
            what = "shows no picture" if self._connected else "does not answer"
            raise OSError(f"it {what} and hangs: the capture process is killed")

    def _take(self, message: Message, pixels: NDArray[np.uint8] | None) -> Capture | None:
        match message:
            case Opened():
                self._connected = True
                log.info("connected to %s%s", self._order.title, f": {message.what}" if message.what else "")
            case Waiting():
                self._seen = True  # it shows nothing because nothing triggers it
            case Missed():
                self._miss(message.reason, message.pictures)
            case Failed():
                if not message.spent:
                    self._client, self._spare, self._failed = None, self._client, True
                raise OSError(message.reason)
            case Ended():
                return self._end(message)
            case CapturedImage():
                return self._show(message, pixels)
        return None

    def _show(self, picture: CapturedImage, pixels: NDArray[np.uint8] | None) -> Capture | None:
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
        """Note that the file is read. One that was cut short becomes an error on record."""
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
        return Capture(
            frame=frame,
            name=name[-4096:],
            captured_at=captured_at,
            captured_mono=captured_mono,
            pixels=pixels,
            reason=reason,
        )

    def _miss(self, reason: str, count: int) -> None:
        self._missed[reason] = self._missed.get(reason, 0) + count


def camera(settings: CameraSourceSettings, clock: Callable[[], float] = time.monotonic) -> RemoteCamera:
    """Return the connector of a source of type camera: an RTSP or HTTP stream, a USB device, or a video file.

    A video file of which every frame counts waits, and may show the same picture twice.
    """
    every_frame = settings.kind == "file" and settings.pace == "every_frame"
    order = VideoOrder(
        address=settings.address.get_secret_value(),
        kind=settings.kind,
        connect_s=settings.connect_s,
        read_s=settings.read_s,
        stale_s=None if settings.kind == "file" else settings.stale_s,
        every_frame=every_frame,
    )
    return RemoteCamera(order, Overload("block" if every_frame else settings.overload, settings.every), clock)


def gige(settings: GigeSourceSettings, clock: Callable[[], float] = time.monotonic) -> RemoteCamera:
    """Return the connector of a source of type gige: a GigE Vision or USB3 Vision camera, through Aravis."""
    region = settings.region
    order = AravisOrder(
        address=settings.address or "",
        connect_s=settings.connect_s,
        read_s=settings.read_s,
        stale_s=settings.stale_s,
        pixel_format=settings.pixel_format,
        left_px=region.left_px,
        top_px=region.top_px,
        width_px=region.width_px,
        height_px=region.height_px,
        exposure_us=settings.exposure_us,
        gain_db=settings.gain_db,
        rate_fps=settings.rate_fps,
        trigger=settings.trigger,
        packet_size_bytes=settings.packet_size_bytes,
        packet_delay_ns=settings.packet_delay_ns,
    )
    return RemoteCamera(order, Overload(settings.overload, settings.every), clock)
