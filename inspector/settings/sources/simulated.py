"""Owns the settings of the line simulator."""

from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.sources.common import CommonCameraSettings


class SimulatedSourceSettings(CommonCameraSettings):
    """The line simulator: procedural strip, clean or with defects, at a steady rate. It does not wait: it drops."""

    type: Literal["simulated"]
    rate_fps: Annotated[float, Field(gt=0, le=10_000, description="frames a second")] = 10.0
    defect_rate: Annotated[float, Field(ge=0, le=1, description="share of frames with a defect")] = 0.1
    width_px: Annotated[int, Field(ge=64, le=16_384, description="width of a frame")] = 200
    height_px: Annotated[int, Field(ge=64, le=16_384, description="height of a frame")] = 200
    seed: Annotated[int, Field(ge=0, description="same seed, same strip")] = 0
    frames: Annotated[int | None, Field(ge=1, description="stop after so many; none: never")] = None
