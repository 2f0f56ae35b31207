"""Owns the settings of the place of a source's frames on the strip."""

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from inspector.settings.section import Section


class PlaceSettings(Section):
    """Where on the strip the frames of a source lie. The first line of a frame passed the camera first."""

    mm_per_px: Annotated[float | None, Field(gt=0, le=1000)] = None
    """Size of a pixel across the strip, in millimetres; without it, defects have no place across."""
    mm_per_line: Annotated[float | None, Field(gt=0, le=1000)] = None
    """Size of an image line along the strip, in millimetres; as mm_per_px if not set."""
    left_mm: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    """Place across the strip at which the image begins, in millimetres."""
    pattern: Annotated[str | None, Field(max_length=500)] = None
    """Regular expression that reads a frame's name; its groups are `piece`, `at_mm` and `grade`, or some of them."""
    speed_m_min: Annotated[float | None, Field(gt=0, le=10_000)] = None
    """Speed of the strip in metres per minute; the place along is this speed times the time since the piece began."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            groups = set(re.compile(pattern or "").groupindex)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        if pattern is not None and (not groups or not groups <= {"piece", "at_mm", "grade"}):
            raise ValueError(
                "name its groups piece, at_mm and grade, as in "
                r"(?P<piece>[^_]+)_(?P<at_mm>[0-9]+(?:\.[0-9]+)?), or some of them"
            )
        return pattern

    @property
    def tells_along(self) -> bool:
        """Whether the name or the time of a frame gives its place along the piece."""
        return self.speed_m_min is not None or "(?P<at_mm>" in (self.pattern or "")

    @model_validator(mode="after")
    def _one_way_along(self) -> "PlaceSettings":
        if self.speed_m_min is not None and "(?P<at_mm>" in (self.pattern or ""):
            raise ValueError("speed_m_min and a pattern with at_mm: only one of them can tell where a frame lies")
        return self
