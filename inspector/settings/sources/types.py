"""Owns the list of the types of sources."""

from typing import Annotated

from pydantic import BaseModel, Field

from inspector.settings.sources.camera import CameraSourceSettings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.gige import GigeSourceSettings
from inspector.settings.sources.push import PushSourceSettings
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.settings.sources.simulated import SimulatedSourceSettings

SOURCE_TYPES: dict[int | str, type[BaseModel]] = {
    "folder": FolderSourceSettings,
    "camera": CameraSourceSettings,
    "gige": GigeSourceSettings,
    "push": PushSourceSettings,
    "replay": ReplaySourceSettings,
    "simulated": SimulatedSourceSettings,
}
SourceSettings = Annotated[
    FolderSourceSettings
    | CameraSourceSettings
    | GigeSourceSettings
    | PushSourceSettings
    | ReplaySourceSettings
    | SimulatedSourceSettings,
    Field(discriminator="type"),
]
