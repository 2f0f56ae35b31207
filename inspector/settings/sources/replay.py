"""Owns the settings of a source that replays a recorded run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from inspector.settings.sources.common import CommonSourceSettings


class ReplaySourceSettings(CommonSourceSettings):
    """A replay of a recorded run: the images that another line kept as evidence, under their names."""

    type: Literal["replay"]
    path: Path
    """Data folder of the recorded run; it must not be the data folder of this line."""
    speed: Annotated[float | None, Field(gt=0, le=1000)] = 1.0
    """Factor on the speed of the recorded run; frames are replayed as fast as the workers decide them if not set."""
