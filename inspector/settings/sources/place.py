"""Owns the settings of the place of a source's frames on the strip."""

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from inspector.settings.section import Section


class PlaceSettings(Section):
    """Where on the strip a source's frames lie. Their first line is the one that passed first."""

    mm_per_px: Annotated[float | None, Field(gt=0, le=1000, description="size of a pixel across the strip")] = None
    mm_per_line: Annotated[float | None, Field(gt=0, le=1000, description="along it; none: the same as across")] = None
    left_mm: Annotated[float, Field(ge=-1e6, le=1e6, description="where across the strip the picture begins")] = 0.0
    pattern: Annotated[
        str | None,
        Field(
            max_length=500,
            description="in a frame's name: a regular expression with groups `piece`, `at_mm`, `grade` or some of them",
        ),
    ] = None
    speed_m_min: Annotated[
        float | None,
        Field(gt=0, le=10_000, description="of the strip: place along = speed x time since the piece began"),
    ] = None

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
        """Whether a frame's name or time tells where along the piece it lies."""
        return self.speed_m_min is not None or "(?P<at_mm>" in (self.pattern or "")

    @model_validator(mode="after")
    def _one_way_along(self) -> "PlaceSettings":
        if self.speed_m_min is not None and "(?P<at_mm>" in (self.pattern or ""):
            raise ValueError("speed_m_min and a pattern with at_mm: only one of them can tell where a frame lies")
        return self
