"""Owns the settings of a source that replays a recorded run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.sources.common import CommonSourceSettings


class ReplaySourceSettings(CommonSourceSettings):
    """A recorded run once more: the pictures that another line kept as evidence, and its names for them."""

    type: Literal["replay"]
    path: Annotated[Path, Field(description="data folder of the run; another than that of this line")]
    speed: Annotated[
        float | None, Field(gt=0, le=1000, description="1: as fast as it ran; none: as fast as the workers are")
    ] = 1.0
