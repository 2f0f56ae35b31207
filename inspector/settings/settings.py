"""Owns the settings of a whole line: default, bounds and help of each. loading.py reads them."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from inspector.settings import decisions, nesting, rules
from inspector.settings.decisions import DecisionSettings, RecipeSettings
from inspector.settings.rules import AlarmSettings, GradingSettings, RollSettings
from inspector.settings.section import Section
from inspector.settings.sources.replay import ReplaySourceSettings
from inspector.settings.sources.types import SourceSettings
from inspector.vision import bundle


class WorkerSettings(Section):
    """The processes that run the model."""

    count: Annotated[int, Field(ge=1, le=256, description="worker processes")] = 2
    threads: Annotated[int, Field(ge=1, le=64, description="threads of one worker's engine")] = 1
    max_batch: Annotated[int, Field(ge=1, le=256, description="tiles in a batch at most")] = 16
    max_wait_ms: Annotated[float, Field(ge=0, le=10_000, description="how long a tile waits for its batch to fill")] = (
        10.0
    )
    batch_timeout_s: Annotated[
        float, Field(gt=0, le=3600, description="a batch that runs longer is stuck: the worker is killed")
    ] = 60.0
    device: Annotated[Literal["cpu", "gpu"], Field(description="gpu needs paddlepaddle-gpu: see deploy/README.md")] = (
        "cpu"
    )
    engine: Annotated[Literal["paddle", "fake"], Field(description="fake: no model, for tests of the line")] = "paddle"


class DeliverySettings(Section):
    """How many frames may be under way, and when one is given to another worker."""

    in_flight_frames: Annotated[int, Field(ge=1, le=4096, description="frames under way, for each source")] = 256
    in_flight_mb: Annotated[
        int, Field(ge=1, le=65_536, description="megabytes of pixels under way, for each source")
    ] = 256
    frame_timeout_s: Annotated[
        float, Field(gt=0, le=3600, description="no verdict for so long: another worker gets it")
    ] = 120.0
    max_attempts: Annotated[
        int, Field(ge=1, le=20, description="workers a frame may take down before it is an error")
    ] = 3
    drain_s: Annotated[float, Field(gt=0, le=3600, description="at a stop, how long frames under way may take")] = 20.0


class SupervisionSettings(Section):
    """When a process is replaced, and when it is given up."""

    stuck_s: Annotated[
        float, Field(gt=0, le=3600, description="a process that makes no turn for so long is killed and replaced")
    ] = 60.0
    start_s: Annotated[
        float, Field(gt=0, le=86_400, description="so is one that is not at work so long after its start")
    ] = 600.0
    give_up_after: Annotated[
        int, Field(ge=1, le=1000, description="ends in half an hour, without work in between, and it stays down")
    ] = 10


class RecordSettings(Section):
    """What is kept of each frame."""

    commit_rows: Annotated[int, Field(ge=1, le=10_000, description="verdicts in one transaction at most")] = 256
    commit_ms: Annotated[float, Field(ge=0, le=10_000, description="how long a verdict may wait for others")] = 20.0
    keep_days: Annotated[
        float, Field(ge=1, le=36_500, description="older records go, unless pinned or with evidence")
    ] = 365.0
    keep_rows: Annotated[
        int, Field(ge=100_000, le=10_000_000_000, description="more records than that: the oldest go")
    ] = 50_000_000
    reserve_mb: Annotated[
        int, Field(ge=1, le=1_000_000, description="held back on the disk, for records when it is full")
    ] = 64
    defect_log: Annotated[
        Path | Literal["stdout"] | None, Field(description="one JSON line a defect: stdout, a file, or none")
    ] = None


class EvidenceSettings(Section):
    """Pictures that are kept of frames; gallery.py has the rule which stay."""

    budget_mb: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="of defect and unsure, and a share of ok; 0: none is kept")
    ] = 10_000
    keep_days: Annotated[float, Field(gt=0, le=36_500, description="older evidence goes, unless it is pinned")] = 90.0
    ok_share: Annotated[float, Field(ge=0, le=1, description="random share of ok frames that is kept")] = 0.001


class OpticsSettings(Section):
    """Whether the pictures of each source are good, held against what was usual when the lens was clean."""

    enabled: Annotated[bool, Field(description="look at a picture of each source a second")] = True
    learn_pictures: Annotated[
        int, Field(ge=60, le=1_000_000, description="so many of these tell what is usual, before others are judged")
    ] = 3600
    after_s: Annotated[float, Field(ge=1, le=86_400, description="trouble is told when it has lasted so long")] = 60.0
    streak_after_s: Annotated[
        float, Field(ge=1, le=604_800, description="a streak down the whole picture: longer than a coil takes")
    ] = 3600.0
    tolerance: Annotated[
        float, Field(ge=0.1, le=100, description="2: pictures may differ twice as much before it is trouble")
    ] = 1.0


class DiskSettings(Section):
    """The disk that holds the data folder."""

    min_free_mb: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="less is free: no evidence is kept, and readyz says so")
    ] = 1000


class MetricsSettings(Section):
    """/metrics, /livez and /readyz."""

    host: Annotated[str, Field(min_length=1, description="loopback unless told otherwise")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="0: any free port")] = 9108

    @property
    def exposed(self) -> str:
        """A warning where other machines may read it, else nothing."""
        try:
            loopback = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = self.host == "localhost"
        return "" if loopback else f"metrics.host: {self.host}: not loopback, whoever reaches this machine may read it"


class Settings(Section):
    """A whole line. Unknown keys are refused."""

    data: Annotated[Path, Field(description="the inspector's own folder: database, evidence, sockets")]
    bundle: Annotated[Path, Field(description="model bundle; `default` is the one that ships")] = Path("default")
    sources: Annotated[list[SourceSettings], Field(min_length=1, max_length=64)]
    workers: WorkerSettings = WorkerSettings()
    delivery: DeliverySettings = DeliverySettings()
    supervision: SupervisionSettings = SupervisionSettings()
    record: RecordSettings = RecordSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    optics: OpticsSettings = OpticsSettings()
    disk: DiskSettings = DiskSettings()
    metrics: MetricsSettings = MetricsSettings()
    decision: DecisionSettings = DecisionSettings()
    recipes: Annotated[
        list[RecipeSettings], Field(max_length=64, description="a list: other decision numbers for some steel grades")
    ] = []  # noqa: RUF012
    alarms: Annotated[list[AlarmSettings], Field(max_length=64, description="a list of rules; none: no alarms")] = []  # noqa: RUF012
    grading: GradingSettings = GradingSettings()
    rolls: Annotated[
        list[RollSettings], Field(max_length=64, description="a list; with one, marks that come again are looked for")
    ] = []  # noqa: RUF012
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="least severe line logged")
    ] = "INFO"

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
        """The bundle's folder; `default` is the one in the package."""
        return bundle.DEFAULT if self.bundle == Path("default") else self.bundle
