"""Owns the source of type gige: a GigE Vision or USB3 Vision camera, through Aravis."""

import time
from collections.abc import Callable

from inspector.settings.sources.gige import GigeSourceSettings
from inspector.sources.cameras import Grabbed
from inspector.sources.capture.protocol import AravisOrder
from inspector.sources.connector import Overload


def gige(settings: GigeSourceSettings, clock: Callable[[], float] = time.monotonic) -> Grabbed:
    """Its connector."""
    region = settings.region
    order = AravisOrder(
        settings.address or "", settings.connect_s, settings.read_s, settings.stale_s, settings.pixel_format,
        region.left_px, region.top_px, region.width_px, region.height_px, settings.exposure_us, settings.gain_db,
        settings.rate_fps, settings.trigger, settings.packet_size_bytes, settings.packet_delay_ns,
    )  # fmt: skip
    return Grabbed(order, Overload(settings.overload, settings.every), clock)
