"""Owns the settings of models: the gates that one must pass before it may serve, and what one in shadow sees."""

from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.section import Section

_Percent = Annotated[float, Field(ge=0, le=100)]


class FlipSettings(Section):
    """Largest share of kept frames, by the severity of what the serving model finds, that a model decides otherwise.

    Frames that people labelled do not count: there it is known which of two models is right.
    """

    none: _Percent = 20.0
    """Percentage of frames that are ok or unsure for the serving model."""
    minor: _Percent = 20.0
    """Percentage of frames whose worst defect is minor for the serving model."""
    major: _Percent = 10.0
    """Percentage of frames whose worst defect is major for the serving model."""
    critical: _Percent = 5.0
    """Percentage of frames whose worst defect is critical for the serving model."""


class GateSettings(Section):
    """What a model must show before it may serve."""

    max_slowdown: Annotated[float, Field(ge=0.1, le=100)] = 1.2
    """Largest ratio of the CPU time for a tile to that of the serving model."""
    golden_severity: Literal["none", "minor", "major", "critical"] = "minor"
    """Least severity of golden frames that a model may not lose; none includes frames without a defect."""
    min_frames: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    """Least number of kept frames on which a model and the serving one are compared."""
    max_flip_percent: FlipSettings = FlipSettings()
    stuck_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Time in seconds without progress after which a model that is checked is refused."""


class ModelSettings(Section):
    """The models of the line."""

    gate: GateSettings = GateSettings()
    shadow_ok_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of ok frames, drawn at random, that a model in shadow sees; it sees all defect and unsure frames, as far as
    it keeps up."""
