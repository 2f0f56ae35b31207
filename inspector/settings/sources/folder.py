"""Owns the settings of a drop folder."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from inspector.settings.sources.common import CommonSourceSettings


class FolderSourceSettings(CommonSourceSettings):
    """Images that other programs drop into a folder."""

    type: Literal["folder"]
    path: Path
    """Drop folder; it also holds done/, failed/ and .work/."""
    settle_ms: Annotated[int, Field(ge=0, le=600_000)] = 200
    """Time in milliseconds without a write after which a file is taken as complete."""
    incomplete_wait_s: Annotated[float, Field(ge=0, le=86_400)] = 5.0
    """Longest time in seconds that a truncated or unreadable file may stay so before it is an error."""
    rescan_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Longest time in seconds between two scans of the folder."""
    ignore: Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=100)] = []  # noqa: RUF012
    """Patterns of the names of files to leave alone, as *_small.*; a pattern with a / is for paths, as test/*."""
    bit_depth: Annotated[int, Field(ge=8, le=16)] = 16
    """Number of bits that the camera fills in a 16-bit image."""
    keep_done_days: Annotated[float | None, Field(gt=0)] = None
    """Age in days after which files in done/ are deleted; never if not set."""
    keep_done_mb: Annotated[int | None, Field(ge=0)] = None
    """Largest size of done/ in megabytes; the oldest files are deleted beyond it, and none if not set."""
    keep_failed_days: Annotated[float | None, Field(gt=0)] = None
    """Age in days after which files in failed/ are deleted; never if not set."""
    keep_failed_mb: Annotated[int | None, Field(ge=0)] = None
    """Largest size of failed/ in megabytes; the oldest files are deleted beyond it, and none if not set."""

    @model_validator(mode="after")
    def _has_no_clock(self) -> "FolderSourceSettings":
        if self.place.speed_m_min is not None:
            raise ValueError(
                "place.speed_m_min: a file tells no time of capture; place.pattern can read at_mm in its name"
            )
        return self
