"""Owns the settings that sources of several types have in common."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from inspector.settings.section import NAME_PATTERN, Section
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.sources.strip import StripSettings


class CommonSourceSettings(Section):
    """The settings of every source: its name, the place of its frames, and which part of an image is strip."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    """Name of the source on the record and in metrics."""
    place: PlaceSettings = PlaceSettings()
    strip: StripSettings = StripSettings()

    #: Whether a frame may come with its place along the piece.
    place_comes_with_frames: ClassVar[bool] = False

    @property
    def known_mm(self) -> frozenset[Literal["along", "across"]]:
        """The directions in which defects of this source can have a place in mm."""
        place = self.place
        across: frozenset[Literal["along", "across"]] = frozenset(["across"] if place.mm_per_px else [])
        known_along = place.tells_along or self.place_comes_with_frames
        return across | {"along"} if known_along and (place.mm_per_line or place.mm_per_px) else across


class CommonCameraSettings(CommonSourceSettings):
    """A source that never waits: it captures on, whether or not there is room for its frames."""

    overload: Literal["oldest", "newest"] = "oldest"
    """Frame that is dropped when there is no room for all: the oldest or the newest; drops are counted and recorded."""
    every: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Sampling interval in frames: with 4, every fourth frame is inspected and the others count as dropped."""


class CapturedCameraSettings(CommonCameraSettings):
    """A camera that a capture process of its own holds."""

    connect_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    """Time in seconds that the camera has to answer before the connection is tried again."""
    read_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Time in seconds without an image after which the camera is connected again."""
    stale_s: Annotated[float | None, Field(gt=0, le=86_400)] = 10.0
    """Time in seconds of repeated images after which the line is not ready. Repeated images are dropped; if this is not
    set, they are inspected."""
