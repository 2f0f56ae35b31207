"""Owns which connector a source of given settings has."""

from typing import TYPE_CHECKING

from inspector.protocol.rejections import Refusals
from inspector.settings.sources import CameraSource, FolderSource, GigeSource, PushSource, ReplaySource, SourceSettings

if TYPE_CHECKING:
    from inspector.sources.connector import Connector
    from inspector.sources.hand import Hand


def connector(settings: SourceSettings, refusals: Refusals, hand: "Hand | None" = None) -> "Connector":
    """What a source of these settings opens, reads and closes; `hand` shows what it reads."""
    if isinstance(settings, FolderSource):
        from inspector.sources.folder.folder import Folder

        return Folder(settings, hand=hand)
    if isinstance(settings, CameraSource):
        from inspector.sources.camera_capture import camera

        return camera(settings)
    if isinstance(settings, GigeSource):
        from inspector.sources.gige_capture import gige

        return gige(settings)
    if isinstance(settings, PushSource):
        from inspector.sources.push import Push

        return Push(settings, refusals, hand)
    if isinstance(settings, ReplaySource):
        from inspector.sources.replay import Replay

        return Replay(settings, hand=hand)
    from inspector.sources.simulated import Simulated

    return Simulated(settings)
