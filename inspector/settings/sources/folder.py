"""Owns the settings of a drop folder."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from inspector.settings.sources.common import CommonSourceSettings


class FolderSourceSettings(CommonSourceSettings):
    """Images that other programs drop into a folder."""

    type: Literal["folder"]
    path: Annotated[Path, Field(description="the drop folder; it also holds done/, failed/ and .work/")]
    settle_ms: Annotated[int, Field(ge=0, le=600_000, description="a file untouched for this long is whole")] = 200
    incomplete_wait_s: Annotated[
        float,
        Field(ge=0, le=86_400, description="how long a file without its end, or unreadable, may stay so"),
    ] = 5.0
    rescan_s: Annotated[float, Field(gt=0, le=3600, description="the folder is read again at least this often")] = 5.0
    ignore: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=500)]],
        Field(max_length=100, description="names, or with a / paths below, to be left alone: *_small.*, test/*"),
    ] = []  # noqa: RUF012
    bit_depth: Annotated[int, Field(ge=8, le=16, description="bits the camera fills in a 16-bit image")] = 16
    keep_done_days: Annotated[float | None, Field(gt=0, description="files in done/ go after so long; none: never")] = (
        None
    )
    keep_done_mb: Annotated[int | None, Field(ge=0, description="the oldest go beyond that; none: never")] = None
    keep_failed_days: Annotated[float | None, Field(gt=0, description="the same for failed/")] = None
    keep_failed_mb: Annotated[int | None, Field(ge=0, description="the same for failed/")] = None

    @model_validator(mode="after")
    def _has_no_clock(self) -> "FolderSourceSettings":
        if self.place.speed_m_min is not None:
            raise ValueError(
                "place.speed_m_min: a file tells no time of capture; place.pattern can read at_mm in its name"
            )
        return self
