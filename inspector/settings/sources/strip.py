"""Owns the settings that say which part of a source's pictures is strip."""

from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.section import Section


class StripSettings(Section):
    """What of a source's pictures is strip. What lies beside it is not inspected, and that is on record."""

    left_px: Annotated[
        int, Field(ge=0, le=65_536, description="region of interest: the picture from this column on")
    ] = 0
    top_px: Annotated[int, Field(ge=0, le=65_536, description="and from this line on")] = 0
    width_px: Annotated[int | None, Field(ge=1, description="its width; none: all that is left")] = None
    height_px: Annotated[int | None, Field(ge=1, description="its height; none: all that is left")] = None
    background: Annotated[
        Literal["none", "dark", "bright"], Field(description="beside the strip: it is found, and is not inspected")
    ] = "none"
    background_level: Annotated[float, Field(ge=0, le=255, description="gray level between background and strip")] = (
        30.0
    )
    overlap_px: Annotated[
        int,
        Field(ge=0, le=2048, description="neighbouring views share so much; of half, four judge each place together"),
    ] = 0
    min_width_px: Annotated[int, Field(ge=1, description="less strip found than this: the frame is unsure")] = 64
