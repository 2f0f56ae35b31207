"""Owns the settings of the line simulator."""

from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.sources.common import CommonCameraSettings


class SimulatedSourceSettings(CommonCameraSettings):
    """The line simulator: procedural strip, clean or with defects, at a steady rate; it drops frames like a camera."""

    type: Literal["simulated"]
    rate_fps: Annotated[float, Field(gt=0, le=10_000)] = 10.0
    """Frame rate in frames per second."""
    defect_rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of frames that show a defect."""
    width_px: Annotated[int, Field(ge=64, le=16_384)] = 200
    """Width of a frame in pixels."""
    height_px: Annotated[int, Field(ge=64, le=16_384)] = 200
    """Height of a frame in pixels."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the random numbers; the same seed draws the same strip."""
    frames: Annotated[int | None, Field(ge=1)] = None
    """Number of frames after which the source ends; it never ends if not set."""
