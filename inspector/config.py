"""Owns every setting of the daemon: its default, its bounds, its help. layers.py reads them.

Precedence: command line (`-o key=value`) > environment (`INSPECTOR_KEY__SUBKEY`) > file > default.
"""

import ipaddress
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from inspector import bundle, layers
from inspector.address import shown
from inspector.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Section):
    """Where on the strip a source's frames lie. Their first line is the one that passed first."""

    mm_per_px: Annotated[float | None, Field(gt=0, le=1000, description="size of a pixel across the strip")] = None
    mm_per_line: Annotated[float | None, Field(gt=0, le=1000, description="along it; none: the same as across")] = None
    left_mm: Annotated[float, Field(ge=-1e6, le=1e6, description="where across the strip the picture begins")] = 0.0
    pattern: Annotated[
        str | None,
        Field(
            max_length=500, description="in a frame's name: a regular expression with groups `piece`, `at_mm` or both"
        ),
    ] = None
    speed_m_min: Annotated[
        float | None,
        Field(gt=0, le=10_000, description="of the strip: place along = speed x time since the piece began"),
    ] = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            groups = set(re.compile(pattern or "").groupindex)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        if pattern is not None and (not groups or not groups <= {"piece", "at_mm"}):
            raise ValueError(
                "name its groups piece and at_mm, as in (?P<piece>[^_]+)_(?P<at_mm>[0-9.]+), or one of them"
            )
        return pattern

    @model_validator(mode="after")
    def _one_way_along(self) -> "Place":
        if self.speed_m_min is not None and "(?P<at_mm>" in (self.pattern or ""):
            raise ValueError("speed_m_min and a pattern with at_mm: only one of them can tell where a frame lies")
        return self


class Strip(_Section):
    """What of a source's pictures is strip. What lies beside it is not inspected, and that is on record."""

    left_px: Annotated[
        int, Field(ge=0, le=65_536, description="region of interest: the picture from this column on")
    ] = 0
    top_px: Annotated[int, Field(ge=0, le=65_536, description="and from this line on")] = 0
    width_px: Annotated[int | None, Field(ge=1, description="its width; none: all that is left")] = None
    height_px: Annotated[int | None, Field(ge=1, description="its height; none: all that is left")] = None
    background: Annotated[
        Literal["none", "dark", "bright"], Field(description="beside the strip: it is found, and is not inspected")
    ] = "none"
    background_level: Annotated[float, Field(ge=0, le=255, description="gray level between background and strip")] = (
        30.0
    )
    overlap_px: Annotated[
        int,
        Field(ge=0, le=2048, description="neighbouring views share so much, up to their half: finds more, costs more"),
    ] = 0
    min_width_px: Annotated[int, Field(ge=1, description="less strip found than this: the frame is unsure")] = 64


class _Source(_Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="what records and metrics call it")]
    place: Place = Place()
    strip: Strip = Strip()


class FolderSource(_Source):
    """Images that other programs drop into a folder."""

    type: Literal["folder"]
    path: Annotated[Path, Field(description="the drop folder; it also holds done/, failed/ and .work/")]
    settle_ms: Annotated[int, Field(ge=0, le=600_000, description="a file untouched for this long is whole")] = 200
    incomplete_wait_s: Annotated[
        float,
        Field(ge=0, le=86_400, description="how long a file without its end, or unreadable, may stay so"),
    ] = 5.0
    rescan_s: Annotated[float, Field(gt=0, le=3600, description="the folder is read again at least this often")] = 5.0
    bit_depth: Annotated[int, Field(ge=8, le=16, description="bits the camera fills in a 16-bit image")] = 16
    keep_done_days: Annotated[float | None, Field(gt=0, description="files in done/ go after so long; none: never")] = (
        None
    )
    keep_done_mb: Annotated[int | None, Field(ge=0, description="the oldest go beyond that; none: never")] = None
    keep_failed_days: Annotated[float | None, Field(gt=0, description="the same for failed/")] = None
    keep_failed_mb: Annotated[int | None, Field(ge=0, description="the same for failed/")] = None

    @model_validator(mode="after")
    def _has_no_clock(self) -> "FolderSource":
        if self.place.speed_m_min is not None:
            raise ValueError(
                "place.speed_m_min: a file tells no time of capture; place.pattern can read at_mm in its name"
            )
        return self


class PushSource(_Source):
    """A socket on which another program hands in frames. It waits while there is no room."""

    type: Literal["push"]
    path: Annotated[
        Path | None, Field(description="socket for programs of this user and group; see configs/push_client.py")
    ] = None
    address: Annotated[
        str | None, Field(description="or tcp://IP:PORT to listen on; not loopback only with the two below")
    ] = None
    secret_key: Annotated[
        Path | None, Field(description="server.key_secret of `inspector keys`: the line's, for address")
    ] = None
    clients: Annotated[
        Path | None, Field(description="folder of *.key, the public keys of clients that are heard, or one such file")
    ] = None
    bit_depth: Annotated[int, Field(ge=8, le=16, description="bits the camera fills in a 16-bit image")] = 16

    @field_validator("path")
    @classmethod
    def _fits_a_socket(cls, path: Path | None) -> Path | None:
        if path is not None and len(os.fsencode(path.absolute())) > 100:
            raise ValueError("path: the system's sockets have at most 100 bytes of path")
        return path

    @model_validator(mode="after")
    def _is_safe_to_listen(self) -> "PushSource":
        if (self.path is None) == (self.address is None):
            raise ValueError("path or address: one of them is where it listens")
        if (self.secret_key is None) != (self.clients is None) or (self.path and self.clients):
            raise ValueError("secret_key and clients: both are needed, and with address only")
        if self.address is not None and not _loopback(self.address) and self.clients is None:
            raise ValueError(
                f"address: {self.address} is not loopback, and so needs secret_key and clients:"
                " `inspector keys DIR` makes the files; tcp://127.0.0.1:PORT needs none"
            )
        return self


def _loopback(address: str) -> bool:
    """Whether only this machine can reach it. ValueError: what an address to listen on is."""
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    try:
        if scheme != "tcp" or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
            raise ValueError
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        raise ValueError("address: tcp://IP:PORT with an IPv4 address of this machine is needed") from None


class ReplaySource(_Source):
    """A recorded run once more: the pictures that another line kept as evidence, and its names for them."""

    type: Literal["replay"]
    path: Annotated[Path, Field(description="data folder of the run; another than that of this line")]
    speed: Annotated[
        float | None, Field(gt=0, le=1000, description="1: as fast as it ran; none: as fast as the workers are")
    ] = 1.0


class _Camera(_Source):
    """What never waits: it goes on whether or not there is room for its frames."""

    overload: Annotated[
        Literal["oldest", "newest"], Field(description="no room for a frame: which one goes, counted and on record")
    ] = "oldest"
    every: Annotated[
        int, Field(ge=1, le=10_000, description="of so many frames one is inspected; the others count as dropped")
    ] = 1


class CameraSource(_Camera):
    """A camera that OpenCV can open, or a recorded video."""

    type: Literal["camera"]
    address: Annotated[
        SecretStr, Field(description="rtsp:// or http:// URL, number or path of a video device, or a video file")
    ]
    pace: Annotated[
        Literal["every_frame", "realtime"], Field(description="of a file: all of it, or as it was filmed")
    ] = "every_frame"
    connect_s: Annotated[float, Field(gt=0, le=300, description="no answer for so long: it is tried again")] = 5.0
    read_s: Annotated[float, Field(gt=0, le=3600, description="no picture for so long: it is connected again")] = 5.0
    stale_s: Annotated[
        float | None,
        Field(gt=0, le=86_400, description="same picture for so long: not ready; none: it is inspected"),
    ] = 10.0

    @field_validator("address", mode="before")
    @classmethod
    def _number_is_a_device(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _can_be_opened(self) -> "CameraSource":
        address = self.address.get_secret_value()
        scheme, separator, _ = address.partition("://")
        if not address or "\0" in address or (separator and scheme.lower() not in _STREAMS):
            raise ValueError(f"address: {', '.join(f'{one}://' for one in _STREAMS)}, a device or a file is needed")
        if self.kind != "file" and "pace" in self.model_fields_set:
            raise ValueError("pace: is for video files; a camera gives what it gives")
        return self

    @property
    def kind(self) -> Literal["stream", "device", "file"]:
        """What the address leads to."""
        address = self.address.get_secret_value()
        if "://" in address:
            return "stream"
        return "device" if address.isdigit() or address.startswith("/dev/") else "file"


_STREAMS = ("rtsp", "rtsps", "http", "https", "rtmp", "srt", "udp", "tcp")


class SimulatedSource(_Camera):
    """The line simulator: procedural strip, clean or with defects, at a steady rate. It does not wait: it drops."""

    type: Literal["simulated"]
    rate_fps: Annotated[float, Field(gt=0, le=10_000, description="frames a second")] = 10.0
    defect_rate: Annotated[float, Field(ge=0, le=1, description="share of frames with a defect")] = 0.1
    width_px: Annotated[int, Field(ge=64, le=16_384, description="width of a frame")] = 200
    height_px: Annotated[int, Field(ge=64, le=16_384, description="height of a frame")] = 200
    seed: Annotated[int, Field(ge=0, description="same seed, same strip")] = 0
    frames: Annotated[int | None, Field(ge=1, description="stop after so many; none: never")] = None


_SOURCE_TYPES: dict[int | str, type[BaseModel]] = {
    "folder": FolderSource, "camera": CameraSource, "push": PushSource,
    "replay": ReplaySource, "simulated": SimulatedSource,
}  # fmt: skip
SourceSettings = Annotated[
    FolderSource | CameraSource | PushSource | ReplaySource | SimulatedSource, Field(discriminator="type")
]


class Workers(_Section):
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
    device: Annotated[Literal["cpu", "gpu"], Field(description="gpu needs paddlepaddle-gpu: see README, GPU")] = "cpu"
    engine: Annotated[Literal["paddle", "fake"], Field(description="fake: no model, for tests of the line")] = "paddle"


class Delivery(_Section):
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


class Supervision(_Section):
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


class Record(_Section):
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


class Evidence(_Section):
    """Pictures that are kept of frames; gallery.py has the rule which stay."""

    budget_mb: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="of defect and unsure, and a share of ok; 0: none is kept")
    ] = 10_000
    keep_days: Annotated[float, Field(gt=0, le=36_500, description="older evidence goes, unless it is pinned")] = 90.0
    ok_share: Annotated[float, Field(ge=0, le=1, description="random share of ok frames that is kept")] = 0.001


class Disk(_Section):
    """The disk that holds the data folder."""

    min_free_mb: Annotated[
        int, Field(ge=0, le=1_000_000_000, description="less is free: no evidence is kept, and readyz says so")
    ] = 1000


class Metrics(_Section):
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


class Overrides(_Section):
    """Decision numbers of the line that replace the bundle's."""

    thresholds: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=1)]],
        Field(description="by label, from 0 to 1: a score under it is unsure"),
    ] = {}
    novelty_margin: Annotated[
        float, Field(ge=-1000, le=1000, description="added to the bundle's novelty limits: higher lets more pass")
    ] = 0.0


class Settings(_Section):
    """A whole line. Unknown keys are refused."""

    data: Annotated[Path, Field(description="the inspector's own folder: database, evidence, sockets")]
    bundle: Annotated[Path, Field(description="model bundle; `default` is the one that ships")] = Path("default")
    sources: Annotated[list[SourceSettings], Field(min_length=1, max_length=64)]
    workers: Workers = Workers()
    delivery: Delivery = Delivery()
    supervision: Supervision = Supervision()
    record: Record = Record()
    evidence: Evidence = Evidence()
    disk: Disk = Disk()
    metrics: Metrics = Metrics()
    decision: Overrides = Overrides()
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
        folders = [source.path.resolve() for source in sources if isinstance(source, FolderSource)]
        for one in folders:
            for other in folders:
                if one is not other and one.is_relative_to(other):
                    raise ValueError(f"{one} is watched twice, by itself and through {other}")
        return sources

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

    @property
    def bundle_path(self) -> Path:
        """The bundle's folder; `default` is the one in the package."""
        return bundle.DEFAULT if self.bundle == Path("default") else self.bundle


def load(path: Path, overrides: list[str] | None = None) -> Settings:
    """Read the config file at `path`, then the environment, then `overrides` ("workers.count=4", values in YAML).

    Raises:
        ConfigError: the file and key, what is wrong with it, and what would be right.
    """
    values, origins = layers.read(path, os.environ, overrides or [])
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        where, what = _explain(error)
        given = [o for key, o in origins.items() if f"{where}.".startswith(f"{key}.") or key.startswith(f"{where}.")]
        raise ConfigError(f"{given[-1] if given else path}: {where}{': ' if where else ''}{what}") from None


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


def pin_thresholds(settings: Settings, labels: tuple[bundle.Label, ...]) -> None:
    """ConfigError where the line overrides a threshold for a label that the bundle does not have."""
    known = [label.name for label in labels]
    for name in settings.decision.thresholds:
        if name not in known:
            raise ConfigError(f"decision.thresholds.{name}: the bundle has no such label; it has {', '.join(known)}")


def _explain(error: ValidationError) -> tuple[str, str]:
    """Which key, and what is wrong with it."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in _SOURCE_TYPES)
    got = "" if isinstance(first["input"], dict | list) else f" (got {shown(repr(first['input']))})"
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        text, got = f"no such setting; there are {', '.join(_section(first['loc'][:-1]).model_fields)}", ""
    more = f"; and {error.error_count() - 1} more" if error.error_count() > 1 else ""
    return where, f"{text}{got}{more}"


def _section(location: tuple[int | str, ...]) -> type[BaseModel]:
    """The part of Settings at this place of a validation error."""
    section: type[BaseModel] = Settings
    for part in location:
        field = section.model_fields.get(str(part))
        if part in _SOURCE_TYPES:
            section = _SOURCE_TYPES[part]
        elif field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            section = field.annotation
    return section


def describe(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every setting as (key, default, what it does and its bounds), for help and documents."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if name == "sources":
            yield key, "required", f"a list; each entry has a `type`: {', '.join(str(kind) for kind in _SOURCE_TYPES)}"
            yield from describe(Place, "sources.<any>.place.")
            yield from describe(Strip, "sources.<any>.strip.")
            for kind, source in _SOURCE_TYPES.items():
                yield from describe(source, f"sources.<{kind}>.")
        elif field.annotation in (Place, Strip):
            continue  # told once for all sources
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from describe(field.annotation, f"{key}.")
        elif name != "type":
            default = "required" if field.is_required() else str(field.default)
            yield key, default, f"{field.description or ''}{_bounds(field)}"


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return f" ({', '.join(limits)})" if limits else ""
