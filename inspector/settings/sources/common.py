"""Owns the settings that sources of several types have in common."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from inspector.settings.section import NAME_PATTERN, Section
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.sources.strip import StripSettings


class CommonSourceSettings(Section):
    """What every source has: a name, a place on the strip, and which part of its pictures is strip."""

    name: Annotated[str, Field(pattern=NAME_PATTERN, description="what records and metrics call it")]
    place: PlaceSettings = PlaceSettings()
    strip: StripSettings = StripSettings()

    #: Whether the sender of a frame says where along the piece it lies.
    place_comes_with_frames: ClassVar[bool] = False

    @property
    def known_mm(self) -> frozenset[Literal["along", "across"]]:
        """In which directions its defects can have a place in mm."""
        place = self.place
        across: frozenset[Literal["along", "across"]] = frozenset(["across"] if place.mm_per_px else [])
        told = place.tells_along or self.place_comes_with_frames
        return across | {"along"} if told and (place.mm_per_line or place.mm_per_px) else across


class CommonCameraSettings(CommonSourceSettings):
    """What never waits: it goes on whether or not there is room for its frames."""

    overload: Annotated[
        Literal["oldest", "newest"], Field(description="no room for a frame: which one goes, counted and on record")
    ] = "oldest"
    every: Annotated[
        int, Field(ge=1, le=10_000, description="of so many frames one is inspected; the others count as dropped")
    ] = 1


#: Settings of a camera that a capture process holds.
ConnectS = Annotated[float, Field(gt=0, le=300, description="no answer for so long: it is tried again")]
ReadS = Annotated[float, Field(gt=0, le=3600, description="no picture for so long: it is connected again")]
StaleS = Annotated[
    float | None, Field(gt=0, le=86_400, description="same picture for so long: not ready; none: it is inspected")
]
