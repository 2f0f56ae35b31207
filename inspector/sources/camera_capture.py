"""Owns the source of type camera: an RTSP or HTTP stream, a USB device, or a video file."""

import time
from collections.abc import Callable

from inspector.settings.sources.camera import CameraSourceSettings
from inspector.sources.cameras import Grabbed
from inspector.sources.capture.protocol import VideoOrder
from inspector.sources.connector import Overload


def camera(settings: CameraSourceSettings, clock: Callable[[], float] = time.monotonic) -> Grabbed:
    """Its connector. A video file of which every frame counts waits, and may show the same picture twice."""
    every_frame = settings.kind == "file" and settings.pace == "every_frame"
    order = VideoOrder(
        settings.address.get_secret_value(), settings.kind, settings.connect_s, settings.read_s,
        None if settings.kind == "file" else settings.stale_s, every_frame,
    )  # fmt: skip
    return Grabbed(order, Overload("block" if every_frame else settings.overload, settings.every), clock)
