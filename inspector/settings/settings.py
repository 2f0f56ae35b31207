"""Owns every setting of the daemon: its default, its bounds, its help. layers.py reads them.

Precedence: command line (`-o key=value`) > environment (`INSPECTOR_KEY__SUBKEY`) > file > default.
"""

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from inspector.errors import ConfigError
from inspector.settings import config_file, decisions, loading, mistakes, nesting, rules
from inspector.settings.decisions import Overrides, Recipe
from inspector.settings.rules import Alarm, Grading, Roll
from inspector.settings.sources import SOURCE_TYPES, Place, ReplaySource, Section, SourceSettings, Strip, section_of
from inspector.vision import bundle


class Workers(Section):
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


class Delivery(Section):
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


class Supervision(Section):
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


class Record(Section):
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


class Evidence(Section):
    """Pictures that are kept of frames; gallery.py has the rule which stay."""

    budget_mb: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="of defect and unsure, and a share of ok; 0: none is kept")
    ] = 10_000
    keep_days: Annotated[float, Field(gt=0, le=36_500, description="older evidence goes, unless it is pinned")] = 90.0
    ok_share: Annotated[float, Field(ge=0, le=1, description="random share of ok frames that is kept")] = 0.001


class Optics(Section):
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


class Disk(Section):
    """The disk that holds the data folder."""

    min_free_mb: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="less is free: no evidence is kept, and readyz says so")
    ] = 1000


class Metrics(Section):
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
    workers: Workers = Workers()
    delivery: Delivery = Delivery()
    supervision: Supervision = Supervision()
    record: Record = Record()
    evidence: Evidence = Evidence()
    optics: Optics = Optics()
    disk: Disk = Disk()
    metrics: Metrics = Metrics()
    decision: Overrides = Overrides()
    recipes: Annotated[
        list[Recipe], Field(max_length=64, description="a list: other decision numbers for some steel grades")
    ] = []  # noqa: RUF012
    alarms: Annotated[list[Alarm], Field(max_length=64, description="a list of rules; none: no alarms")] = []  # noqa: RUF012
    grading: Grading = Grading()
    rolls: Annotated[
        list[Roll], Field(max_length=64, description="a list; with one, marks that come again are looked for")
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
    def _recipes_differ(cls, recipes: list[Recipe]) -> list[Recipe]:
        decisions.check(recipes)
        return recipes

    @model_validator(mode="after")
    def _folders_are_apart(self) -> "Settings":
        nesting.check(self.data, self.sources)
        return self

    @model_validator(mode="after")
    def _replays_another(self) -> "Settings":
        for source in self.sources:
            if isinstance(source, ReplaySource) and source.path.resolve() == self.data.resolve():
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


def load(path: Path, overrides: list[str] | None = None) -> Settings:
    """Read the config file at `path`, then the environment, then `overrides` ("workers.count=4", values in YAML).

    Raises:
        ConfigError: the file and key, what is wrong with it, and what would be right.
    """
    values, origins = loading.read(path, os.environ, overrides or [], _anchor)
    config_file.check_anchored(values, path)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        told = (mistakes.explain(one, Settings, path, origins) for one in error.errors())
        raise ConfigError("\n".join(told)) from None


def _anchor(values: dict[str, Any], path: Path) -> None:
    config_file.anchor(values, Settings, path)


def differences(one: BaseModel, other: BaseModel, prefix: str = "") -> list[str]:
    """The keys in which two settings of the same kind differ."""
    keys = []
    for name in type(one).model_fields:
        ours, theirs = getattr(one, name), getattr(other, name)
        if isinstance(ours, BaseModel) and isinstance(theirs, BaseModel):
            keys += differences(ours, theirs, f"{prefix}{name}.")
        elif ours != theirs:
            keys.append(f"{prefix}{name}")
    return keys


def pin_labels(settings: Settings, labels: tuple[bundle.Label, ...]) -> None:
    """ConfigError where the line names labels that the bundle does not have: nothing would ever come of them."""
    unknown = [
        *decisions.unknown_labels(settings.decision, settings.recipes, labels),
        *rules.unknown_labels(settings.alarms, settings.grading, labels),
    ]
    if unknown:
        raise ConfigError("\n".join(unknown))


def describe(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every setting as (key, default, what it does and its bounds), for help and documents."""
    for name, field in model.model_fields.items():
        key, below = f"{prefix}{name}", section_of(field)
        if name == "sources":
            yield key, "required", f"a list; each entry has a `type`: {', '.join(str(kind) for kind in SOURCE_TYPES)}"
            yield from describe(Place, "sources.<any>.place.")
            yield from describe(Strip, "sources.<any>.strip.")
            for kind, source in SOURCE_TYPES.items():
                yield from describe(source, f"sources.<{kind}>.")
        elif field.annotation in (Place, Strip):
            continue  # told once for all sources
        elif name != "type":
            below = section_of(field)
            listed = get_origin(field.annotation) is list
            if below is None or listed:
                default = "required" if field.is_required() else str(field.default)
                yield key, default, f"{field.description or ''}{_bounds(field)}"
            if below is not None:
                yield from describe(below, f"{key}.<any>." if listed else f"{key}.")


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return f" ({', '.join(limits)})" if limits else ""
