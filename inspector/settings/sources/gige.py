"""Owns the settings of a GigE Vision or USB3 Vision camera."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from inspector.settings.section import Section
from inspector.settings.sources.common import CommonCameraSettings, ConnectS, ReadS, StaleS


class RegionSettings(Section):
    """Which part of its sensor a camera shows. None: as the camera is set."""

    left_px: Annotated[int | None, Field(ge=0, le=65_536, description="of the sensor: from this column on")] = None
    top_px: Annotated[int | None, Field(ge=0, le=65_536, description="and from this line on")] = None
    width_px: Annotated[int | None, Field(ge=32, le=65_536, description="width of the picture")] = None
    height_px: Annotated[int | None, Field(ge=32, le=65_536, description="its height")] = None


class GigeSourceSettings(CommonCameraSettings):
    """A GigE Vision or USB3 Vision camera. What is None stays as the camera is set."""

    type: Literal["gige"]
    address: Annotated[
        str | None, Field(min_length=1, max_length=255, description="IP or id of the camera; none: the only one found")
    ] = None
    pixel_format: Annotated[
        Literal["Mono8", "Mono10", "Mono12", "Mono14", "Mono16"] | None, Field(description="8 bits of it are inspected")
    ] = "Mono8"
    region: RegionSettings = RegionSettings()
    exposure_us: Annotated[float | None, Field(gt=0, le=1e9, description="exposure time; ends the automatic one")] = (
        None
    )
    gain_db: Annotated[
        float | None,
        Field(ge=-1000, le=10_000, description="gain, dB or the camera's own unit; ends the automatic one"),
    ] = None
    rate_fps: Annotated[
        float | None, Field(gt=0, le=100_000, description="frames a second, running free or by trigger: Software")
    ] = None
    trigger: Annotated[
        str | None, Field(min_length=1, max_length=64, description="what starts a frame, as the camera calls it: Line1")
    ] = None
    packet_size_bytes: Annotated[
        int | None, Field(ge=576, le=16_260, description="of a UDP packet; none: the largest that gets through")
    ] = None
    packet_delay_ns: Annotated[int | None, Field(ge=0, le=10**9, description="pause between two packets")] = None
    connect_s: ConnectS = 5.0
    read_s: ReadS = 5.0
    stale_s: StaleS = 10.0

    @model_validator(mode="after")
    def _pulses_come_from_one_place(self) -> "GigeSourceSettings":
        if self.trigger == "Software" and self.rate_fps is None:
            raise ValueError("rate_fps: with trigger Software it says how often the line triggers")
        if self.trigger not in (None, "Software") and self.rate_fps is not None:
            raise ValueError(f"rate_fps: {self.trigger} says when a frame is captured; leave one of them out")
        return self
