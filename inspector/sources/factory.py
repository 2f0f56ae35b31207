"""Owns how a source is put together: its connector by its settings, and its collaborators around it."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from inspector.protocol.canary import Canary
from inspector.protocol.frames import FrameHeader
from inspector.protocol.rejections import Refusals
from inspector.protocol.sockets import Dealer, Router
from inspector.record.position import Locator
from inspector.record.samples import last_samples
from inspector.settings.settings import DeliverySettings, EvidenceSettings
from inspector.settings.sources.camera import CameraSourceSettings
from inspector.settings.sources.folder import FolderSourceSettings
from inspector.settings.sources.gige import GigeSourceSettings
from inspector.settings.sources.push import PushSourceSettings
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.settings.sources.simulated import SimulatedSourceSettings
from inspector.settings.sources.types import SourceSettings
from inspector.sources.delivery.dispatcher import Dispatcher
from inspector.sources.delivery.ledger import Ledger
from inspector.sources.delivery.outages import Outages
from inspector.sources.delivery.sink_link import SinkLink
from inspector.sources.delivery.supervisor_link import SupervisorLink
from inspector.sources.intake import Intake
from inspector.sources.optics.monitor import OpticsMonitor
from inspector.sources.sampling import MAX_STRETCHES, Sampler, read_key
from inspector.sources.source import Source

if TYPE_CHECKING:
    from inspector.sources.connector import Connector
    from inspector.sources.crash_guard import CrashGuard


def source(
    name: str,
    connector: "Connector",
    delivery: DeliverySettings,
    sockets: Path,
    supervisor: SupervisorLink,
    *,
    refusals: Refusals,
    monitor: OpticsMonitor | None = None,
    canary: Canary | None = None,
    samples: Callable[[FrameHeader], bool] = lambda _: False,
    clock: Callable[[], float] = time.monotonic,
) -> Source:
    """Return the source of this name around a connector, not running yet.

    `sockets`: the folder of the line's sockets. `refusals` is what the connector counts with, too. `monitor` looks at
    the pictures, `samples` chooses frames at random, `clock` gives monotonic seconds.
    """
    epoch = f"{time.time_ns():x}"
    ledger = Ledger(
        name,
        epoch,
        delivery.in_flight_frames,
        delivery.in_flight_mb << 20,
        delivery.max_attempts,
        delivery.frame_timeout_s,
        samples,
    )
    outages = Outages(clock)
    intake = Intake(connector, ledger, outages, monitor, clock)
    dispatcher = Dispatcher(Router(), sockets, ledger, refusals, canary, clock)
    sink = SinkLink(Dealer(f"{name}.{epoch}"), sockets, ledger, intake, outages, refusals, monitor, clock)
    return Source(ledger, outages, intake, dispatcher, sink, supervisor, delivery.drain_s, clock)


def sampler(settings: SourceSettings, evidence: EvidenceSettings, data: Path) -> Sampler:
    """Return what samples the frames of a source of these settings, by the key and the record in the data folder."""
    taken = partial(last_samples, data, settings.name, MAX_STRETCHES)
    return Sampler(settings.name, read_key(data), evidence, Locator(settings.place), taken)


def connector(settings: SourceSettings, refusals: Refusals, guard: "CrashGuard | None" = None) -> "Connector":
    """Return what a source of these settings opens, reads and closes; `guard` shows what it reads."""
    if isinstance(settings, FolderSourceSettings):
        from inspector.sources.folder.folder import Folder

        return Folder(settings, guard=guard)
    if isinstance(settings, CameraSourceSettings):
        from inspector.sources.cameras import camera

        return camera(settings)
    if isinstance(settings, GigeSourceSettings):
        from inspector.sources.cameras import gige

        return gige(settings)
    if isinstance(settings, PushSourceSettings):
        from inspector.sources.push import Push

        return Push(settings, refusals, guard)
    if isinstance(settings, ReplaySourceSettings):
        from inspector.sources.replay import Replay

        return Replay(settings, guard=guard)
    if isinstance(settings, SimulatedSourceSettings):
        from inspector.sources.simulated import Simulated

        return Simulated(settings)
    assert_never(settings)
