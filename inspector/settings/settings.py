"""Owns the settings of a whole line: default, bounds and help of each. loading.py reads them."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from inspector.settings import decisions, nesting, rules
from inspector.settings.decisions import DecisionSettings, RecipeSettings
from inspector.settings.models import ModelSettings
from inspector.settings.rules import AlarmSettings, GradingSettings, RollSettings
from inspector.settings.section import Section
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.settings.sources.types import SourceSettings
from inspector.vision import bundle


class WorkerSettings(Section):
    """The processes that run the model."""

    count: Annotated[int, Field(ge=1, le=256)] = 2
    """Number of worker processes; each of them loads the model."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Number of CPU threads that the inference engine of one worker uses."""
    max_batch: Annotated[int, Field(ge=1, le=256)] = 16
    """Largest number of tiles in a batch."""
    max_wait_ms: Annotated[float, Field(ge=0, le=10_000)] = 10.0
    """Longest time in milliseconds that a tile waits for its batch to fill."""
    batch_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Longest time in seconds that a batch may run; a worker that takes longer is killed and replaced."""
    device: Literal["cpu", "gpu"] = "cpu"
    """Device that runs the model, cpu or gpu; gpu needs paddlepaddle-gpu, see deploy/README.md."""
    engine: Literal["paddle", "fake"] = "paddle"
    """Inference engine: paddle runs the model, fake runs none and is for tests of the line."""


class DeliverySettings(Section):
    """How many frames may be in flight, and when a frame goes to another worker."""

    in_flight_frames: Annotated[int, Field(ge=1, le=4096)] = 256
    """Largest number of frames of each source that are in flight: let in, and not yet on record."""
    in_flight_mb: Annotated[int, Field(ge=1, le=65_536)] = 256
    """Largest amount of pixels of each source that are in flight, in mebibytes."""
    frame_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Time in seconds after which a frame without a verdict goes to another worker; it must exceed
    workers.batch_timeout_s."""
    max_attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """Number of attempts at a frame whose worker ends or times out; after the last one the frame is an error."""
    drain_s: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """Longest time in seconds that a stop waits for the frames in flight to be recorded."""


class SupervisionSettings(Section):
    """When a process is replaced, and when it is given up."""

    stuck_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Time in seconds without progress after which a process is killed and replaced."""
    start_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Time in seconds after its start within which a process must be ready; one that is not is killed and replaced."""
    give_up_after: Annotated[int, Field(ge=1, le=1000)] = 10
    """Restarts within 30 minutes, without progress between them, before a process is given up."""


class RecordSettings(Section):
    """The record: when it is written, and how much of it is kept."""

    commit_rows: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Largest number of verdicts that are recorded in one transaction."""
    commit_ms: Annotated[float, Field(ge=0, le=10_000)] = 20.0
    """Longest time in milliseconds that a verdict waits for others before it is recorded."""
    keep_days: Annotated[float, Field(ge=1, le=36_500)] = 365.0
    """Age in days after which a record is deleted, unless it is pinned or has evidence."""
    keep_rows: Annotated[int, Field(ge=100_000, le=10_000_000_000)] = 50_000_000
    """Largest number of records; the oldest are deleted beyond it."""
    reserve_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Disk space in megabytes that is held back, so that verdicts can still be recorded on a full disk."""
    defect_log: Path | Literal["stdout"] | None = None
    """File that gets one JSON line for each defect, or stdout; no defect log is written if not set."""


class EvidenceSettings(Section):
    """Images that are kept of frames; record/evidence/retention.py has the rule which ones stay."""

    budget_mb: Annotated[int, Field(ge=0, le=1_000_000_000)] = 10_000
    """Largest size of the evidence in megabytes; ok frames are deleted first beyond it, and 0 keeps no evidence."""
    keep_days: Annotated[float, Field(gt=0, le=36_500)] = 90.0
    """Age in days after which evidence is deleted, unless it is pinned."""
    ok_share: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Share of ok frames, drawn at random, that are kept as evidence; defect and unsure frames all are."""
    ok_every_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """Time in seconds in which each source samples one frame at random, whose image is kept also if it is ok; 0
    samples none by time."""
    ok_every_m: Annotated[float, Field(ge=0, le=1_000_000)] = 500.0
    """Length of strip in metres in which each source samples one frame at random, in place of evidence.ok_every_s
    where frames tell their piece and their place along it; 0 samples by time there, too."""


class OpticsSettings(Section):
    """Monitoring of image quality, by comparison with a baseline of each source."""

    enabled: bool = True
    """Whether image quality is monitored; at most one frame per second of each source is analysed."""
    learn_pictures: Annotated[int, Field(ge=60, le=1_000_000)] = 3600
    """Number of analysed frames that form the baseline of a source; frames after these are compared with it."""
    after_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """Time in seconds that an image fault must last before it is reported."""
    streak_after_s: Annotated[float, Field(ge=1, le=604_800)] = 3600.0
    """Time in seconds that a streak down the whole image must last before it is reported; longer than a coil takes."""
    tolerance: Annotated[float, Field(ge=0.1, le=100)] = 1.0
    """Factor on the deviation from the baseline that is tolerated: with 2, an image may deviate twice as far."""


class DiskSettings(Section):
    """The disk that holds the data folder."""

    min_free_mb: Annotated[int, Field(ge=0, le=1_000_000_000)] = 1000
    """Free disk space in megabytes below which no evidence is kept and the line is not ready."""


class MetricsSettings(Section):
    """/metrics, /livez and /readyz."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address on which /metrics, /livez and /readyz listen; others than loopback are open to other machines."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 9108
    """TCP port of /metrics, /livez and /readyz; 0 takes any free port."""

    @property
    def exposed(self) -> str:
        """A warning if other machines can read the metrics, else ""."""
        try:
            loopback = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = self.host == "localhost"
        return "" if loopback else f"metrics.host: {self.host}: not loopback, whoever reaches this machine may read it"


class Settings(Section):
    """The settings of a whole line."""

    data: Path
    """Data folder of the line, which holds its database, evidence and sockets."""
    bundle: Path = Path("default")
    """Folder of the model bundle; `default` is the bundle that ships with the package."""
    sources: Annotated[list[SourceSettings], Field(min_length=1, max_length=64)]
    """List of the sources of frames; the `type` of each is folder, camera, gige, push, replay or simulated."""
    workers: WorkerSettings = WorkerSettings()
    delivery: DeliverySettings = DeliverySettings()
    supervision: SupervisionSettings = SupervisionSettings()
    record: RecordSettings = RecordSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    optics: OpticsSettings = OpticsSettings()
    disk: DiskSettings = DiskSettings()
    metrics: MetricsSettings = MetricsSettings()
    models: ModelSettings = ModelSettings()
    decision: DecisionSettings = DecisionSettings()
    recipes: Annotated[list[RecipeSettings], Field(max_length=64)] = []  # noqa: RUF012
    """List of recipes, which replace the numbers of `decision` for some steel grades."""
    alarms: Annotated[list[AlarmSettings], Field(max_length=64)] = []  # noqa: RUF012
    """List of alarm rules; an empty list raises no alarms."""
    grading: GradingSettings = GradingSettings()
    rolls: Annotated[list[RollSettings], Field(max_length=64)] = []  # noqa: RUF012
    """List of the line's rolls; an empty list searches for no roll marks."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level of messages that are logged."""

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: list[Any]) -> list[Any]:
        names = [source.name for source in sources]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two sources are called {', '.join(sorted(twice))}: records tell sources by name")
        return sources

    @field_validator("recipes")
    @classmethod
    def _recipes_differ(cls, recipes: list[RecipeSettings]) -> list[RecipeSettings]:
        decisions.check(recipes)
        return recipes

    @model_validator(mode="after")
    def _folders_are_apart(self) -> "Settings":
        nesting.check(self.data, self.sources)
        return self

    @model_validator(mode="after")
    def _replays_another(self) -> "Settings":
        for source in self.sources:
            if isinstance(source, ReplaySourceSettings) and source.path.resolve() == self.data.resolve():
                raise ValueError(f"sources: {source.name} replays this line's own data folder, and so would never end")
        return self

    @model_validator(mode="after")
    def _timeouts_agree(self) -> "Settings":
        if self.delivery.frame_timeout_s <= self.workers.batch_timeout_s:
            raise ValueError(
                "delivery.frame_timeout_s must be longer than workers.batch_timeout_s: "
                "otherwise a frame is given away while its batch may still end well"
            )
        return self

    @model_validator(mode="after")
    def _rules_can_be_followed(self) -> "Settings":
        rules.check(self.alarms, self.grading, self.rolls, self.sources, self.recipes)
        return self

    @property
    def bundle_path(self) -> Path:
        """The folder of the bundle; `default` is the bundle in the package."""
        return bundle.DEFAULT if self.bundle == Path("default") else self.bundle
