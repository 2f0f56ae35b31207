"""Owns the capture of GigE Vision and USB3 Vision cameras: what is incomplete, late or lost on the way."""

import threading
import time
from collections.abc import Callable
from typing import Any

from inspector.sources.capture import genicam
from inspector.sources.capture.device_clock import DeviceClock, WorldClock
from inspector.sources.capture.frame_check import FrameCheck
from inspector.sources.capture.genicam import Buffer, Camera, Stream
from inspector.sources.capture.protocol import AravisOrder, CapturedImage, Failed, Opened, Waiting
from inspector.sources.capture.sender import Sender

#: Seconds between checks whether the camera is still there, and whether to stop.
_TURN_S = 0.1
#: Incomplete pictures in a row, with no whole one for `read_s`, that waiting will not heal.
_TORN = 10
_HALF = 1 << 15
SOFTWARE = "Software"


def grab(order: AravisOrder, sender: Sender, stop: threading.Event) -> None:
    """Send the pictures of a camera until it fails, or `stop` is set."""
    try:
        camera, stream = _start(order, sender)
    except OSError as error:
        sender.send(Failed(str(error)[:1024]))
        return
    try:
        _GigeCapture(camera, stream, order, sender).run(stop)
    except OSError as error:
        # Sent first, and for the last time: to leave a camera that is not there any more takes Aravis ten seconds.
        sender.send(Failed(str(error)[:1024], spent=True))
    finally:
        camera.stop()
        stream.close()
        camera.close()


def _start(order: AravisOrder, sender: Sender) -> tuple[Camera, Stream]:
    """Return the camera, set as ordered, and its pictures. Raise OSError if there are none."""
    camera = genicam.open_camera(order.address)
    try:
        _set(camera, order)
        sender.send(Opened(camera.describe()))
        return camera, camera.start()
    except OSError:
        camera.close()
        raise


def _set(camera: Camera, order: AravisOrder) -> None:
    """Set what the order names; the rest stays as the camera is set. A trigger comes after the rate, which ends it."""
    region = (order.left_px, order.top_px, order.width_px, order.height_px)
    steps: list[tuple[str, Callable[..., None], list[Any]]] = [
        ("pixel_format", camera.set_pixel_format, [order.pixel_format]),
        ("region", camera.set_region, list(region)),
        ("exposure_us", camera.set_exposure, [order.exposure_us]),
        ("gain_db", camera.set_gain, [order.gain_db]),
        ("rate_fps", camera.set_rate, [None if order.trigger == SOFTWARE else order.rate_fps]),
        ("trigger", camera.set_trigger, [order.trigger]),
        ("packet_size_bytes", camera.set_packet_size, [order.packet_size_bytes]),
        ("packet_delay_ns", camera.set_packet_delay, [order.packet_delay_ns]),
    ]
    for name, set_, values in steps:
        if any(value is not None for value in values):
            try:
                set_(*values)
            except OSError as error:
                raise OSError(f"{name}: {error}") from None


class _GigeCapture:
    """One connection's pictures, in the order in which they come."""

    def __init__(self, camera: Camera, stream: Stream, order: AravisOrder, sender: Sender) -> None:
        self._camera = camera
        self._stream = stream
        self._order = order
        self._sender = sender
        self._judge = FrameCheck(order.stale_s is not None)
        self._clock = DeviceClock()
        self._world = WorldClock()
        self._pulse_s = 1 / order.rate_fps if order.trigger == SOFTWARE and order.rate_fps else None
        self._may_be_silent = self._pulse_s is None and camera.is_triggered()
        self._pulse_at = self._whole_at = self._reported_at = time.monotonic()
        self._torn = 0  # incomplete ones in a row
        self._before: int | None = None  # the camera's number of the picture before
        self._number = 0

    def run(self, stop: threading.Event) -> None:
        """Send pictures until `stop` is set. Raise OSError if the camera is lost, or shows nothing whole any more."""
        while not stop.is_set():
            if self._camera.lost.is_set():
                raise OSError("it does not answer any more, or obeys another program")
            buffer = self._stream.pop(self._pulse())
            if buffer is not None:
                self._take(buffer)
                self._stream.push(buffer)
            self._check_deadline(time.monotonic())

    def _pulse(self) -> float:
        """Trigger the camera if the order asks for that and it is due; return the seconds to wait for a picture."""
        if self._pulse_s is None:
            return _TURN_S
        now = time.monotonic()
        if now >= self._pulse_at:
            self._camera.trigger()
            self._pulse_at = max(self._pulse_at + self._pulse_s, now)
        return min(_TURN_S, self._pulse_at - now)

    def _take(self, buffer: Buffer) -> None:
        if lost := skipped(self._before, buffer.number):
            self._sender.miss("overload" if self._stream.ran_out() else "incomplete", lost)
        self._before = buffer.number
        if not buffer.is_whole:
            self._torn += 1
            self._sender.miss("incomplete", 1)
            return
        self._torn = 0
        age_s = buffer.age_s()  # first: a pause between the two may make its way seem longer, never shorter
        self._whole_at = now = time.monotonic()
        captured_mono = self._clock.captured(buffer.stamp_s, now - age_s)
        picture = CapturedImage(
            number=self._number, captured_at=self._world.at(captured_mono), captured_mono=captured_mono
        )
        self._number += 1
        pixels = self._judge.judge(picture, genicam.gray, buffer)
        self._sender.send(picture, pixels, patient=False)

    def _check_deadline(self, now: float) -> None:
        read_s = self._order.read_s
        if now - self._whole_at <= read_s:
            return
        if self._torn >= _TORN or (self._torn and not self._may_be_silent):
            raise OSError(
                f"no whole picture within {read_s:g} s, only incomplete ones: packets are lost on the way"
                " (network, packet_size_bytes, packet_delay_ns)"
            )
        if not self._may_be_silent:
            raise OSError(f"no picture within {read_s:g} s")
        if now - max(self._whole_at, self._reported_at) > read_s:
            self._reported_at = now
            self._sender.send(Waiting())


def skipped(before: int | None, number: int) -> int:
    """Return how many pictures are missing between these two, by the camera's numbers; `before` is None at the first.

    Numbers of 16 bits go from 65535 to 1 (GigE Vision 2.0, 24.3). A number that goes back, or that far ahead that it
    tells nothing, began anew.
    """
    if before is None:
        return 0
    step = number - before
    if step < -_HALF and before < 1 << 16:
        step += (1 << 16) - 1
    return step - 1 if 1 < step < _HALF else 0
