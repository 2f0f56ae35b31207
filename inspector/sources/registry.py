"""Owns which connector a source of given settings has."""

from typing import TYPE_CHECKING

from inspector.protocol.rejections import Refusals
from inspector.settings.sources.camera import CameraSourceSettings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.gige import GigeSourceSettings
from inspector.settings.sources.push import PushSourceSettings
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.settings.sources.types import SourceSettings

if TYPE_CHECKING:
    from inspector.sources.connector import Connector
    from inspector.sources.hand import Hand


def connector(settings: SourceSettings, refusals: Refusals, hand: "Hand | None" = None) -> "Connector":
    """What a source of these settings opens, reads and closes; `hand` shows what it reads."""
    if isinstance(settings, FolderSourceSettings):
        from inspector.sources.folder.folder import Folder

        return Folder(settings, hand=hand)
    if isinstance(settings, CameraSourceSettings):
        from inspector.sources.camera_capture import camera

        return camera(settings)
    if isinstance(settings, GigeSourceSettings):
        from inspector.sources.gige_capture import gige

        return gige(settings)
    if isinstance(settings, PushSourceSettings):
        from inspector.sources.push import Push

        return Push(settings, refusals, hand)
    if isinstance(settings, ReplaySourceSettings):
        from inspector.sources.replay import Replay

        return Replay(settings, hand=hand)
    from inspector.sources.simulated import Simulated

    return Simulated(settings)
