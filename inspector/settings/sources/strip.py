"""Owns the settings that say which part of a source's pictures is strip."""

from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.section import Section


class StripSettings(Section):
    """Which part of a source's images is strip. The rest is not inspected; the record keeps the inspected area."""

    left_px: Annotated[int, Field(ge=0, le=65_536)] = 0
    """First column of the region of interest, in pixels from the left of the image."""
    top_px: Annotated[int, Field(ge=0, le=65_536)] = 0
    """First line of the region of interest, in pixels from the top of the image."""
    width_px: Annotated[int | None, Field(ge=1)] = None
    """Width of the region of interest in pixels; up to the right edge of the image if not set."""
    height_px: Annotated[int | None, Field(ge=1)] = None
    """Height of the region of interest in pixels; down to the bottom of the image if not set."""
    background: Literal["none", "dark", "bright"] = "none"
    """Background beside the strip: none, dark or bright; it is detected and not inspected."""
    background_level: Annotated[float, Field(ge=0, le=255)] = 30.0
    """Gray level that separates background from strip."""
    overlap_px: Annotated[int, Field(ge=0, le=2048)] = 0
    """Overlap of neighbouring tiles in pixels; from half a tile on, the four tiles that show a place decide it
    together."""
    min_width_px: Annotated[int, Field(ge=1)] = 64
    """Least width of strip in pixels; a frame that shows less strip is unsure."""
