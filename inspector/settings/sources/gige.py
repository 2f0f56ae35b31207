"""Owns the settings of a GigE Vision or USB3 Vision camera."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from inspector.settings.section import Section
from inspector.settings.sources.common import CapturedCameraSettings


class RegionSettings(Section):
    """Region of the sensor that a camera reads. None: as the camera is set."""

    left_px: Annotated[int | None, Field(ge=0, le=65_536)] = None
    """First column of the sensor that is read, in pixels; as the camera is set if not given."""
    top_px: Annotated[int | None, Field(ge=0, le=65_536)] = None
    """First line of the sensor that is read, in pixels; as the camera is set if not given."""
    width_px: Annotated[int | None, Field(ge=32, le=65_536)] = None
    """Width of the image in pixels; as the camera is set if not given."""
    height_px: Annotated[int | None, Field(ge=32, le=65_536)] = None
    """Height of the image in pixels; as the camera is set if not given."""


class GigeSourceSettings(CapturedCameraSettings):
    """A GigE Vision or USB3 Vision camera. A setting of None leaves the camera as it is set."""

    type: Literal["gige"]
    address: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    """IP address or id of the camera; the only camera found if not set."""
    pixel_format: Literal["Mono8", "Mono10", "Mono12", "Mono14", "Mono16"] | None = "Mono8"
    """Pixel format of the camera; 8 bits of each pixel are inspected."""
    region: RegionSettings = RegionSettings()
    exposure_us: Annotated[float | None, Field(gt=0, le=1e9)] = None
    """Exposure time in microseconds; it turns automatic exposure off."""
    gain_db: Annotated[float | None, Field(ge=-1000, le=10_000)] = None
    """Gain in decibels or the camera's own unit; it turns automatic gain off."""
    rate_fps: Annotated[float | None, Field(gt=0, le=100_000)] = None
    """Frame rate in frames per second of a camera that runs free or has the trigger Software."""
    trigger: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    """Trigger that starts a frame, as the camera names it, for example Line1; Software triggers at rate_fps."""
    packet_size_bytes: Annotated[int | None, Field(ge=576, le=16_260)] = None
    """Size of a UDP packet in bytes; the largest that gets through if not set."""
    packet_delay_ns: Annotated[int | None, Field(ge=0, le=10**9)] = None
    """Pause between two packets in nanoseconds; as the camera is set if not given."""

    @model_validator(mode="after")
    def _pulses_come_from_one_place(self) -> "GigeSourceSettings":
        if self.trigger == "Software" and self.rate_fps is None:
            raise ValueError("rate_fps: with trigger Software it says how often the line triggers")
        if self.trigger not in (None, "Software") and self.rate_fps is not None:
            raise ValueError(f"rate_fps: {self.trigger} says when a frame is captured; leave one of them out")
        return self
