"""Owns the settings of each type of source, of the place of its frames and of the strip in them."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo

from inspector.host.redaction import wrong

#: What sources, recipes, alarms and rolls may be called: a word of a file name, a metric label and a config key.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"


class Section(BaseModel):
    """Settings that belong together: none but these, and none of them changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _can_be_said_to_the_system(cls, value: Any) -> Any:
        if isinstance(value, Path | str) and not _sayable(os.fspath(value)):
            raise ValueError("a NUL or half a character is in it: nothing can be called so")
        if isinstance(value, Path) and (wrong := no_path(os.fspath(value))):
            raise ValueError(f"{wrong}: write an absolute path, or one from the config file's folder")
        return value


def _sayable(text: str) -> bool:
    """Whether a file could have this name, or part of it."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def no_path(text: str) -> str:
    """Return why a path is none here as it stands, though a shell or Windows would take it; empty where it is one."""
    if text.startswith("~"):
        return "~ is a shell's word for a home folder, and nothing puts that in its place here"
    if re.search(r"\$\{?\w|%\w+%", text):
        return "variables of the environment are not put in their place here"
    if "\\" in text or re.match(r"[A-Za-z]:(/|$)", text):
        return "a path of Windows: this machine has it under another name, where the share is mounted"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):  # of // a path keeps one
        return "a URL is no path: mount the share, and name the folder where it is mounted"
    return ""


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the settings that a setting holds: it is a section, or a list of them; None where it is neither."""
    kind = get_args(field.annotation)[0] if get_origin(field.annotation) is list else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


class Place(Section):
    """Where on the strip a source's frames lie. Their first line is the one that passed first."""

    mm_per_px: Annotated[float | None, Field(gt=0, le=1000, description="size of a pixel across the strip")] = None
    mm_per_line: Annotated[float | None, Field(gt=0, le=1000, description="along it; none: the same as across")] = None
    left_mm: Annotated[float, Field(ge=-1e6, le=1e6, description="where across the strip the picture begins")] = 0.0
    pattern: Annotated[
        str | None,
        Field(
            max_length=500,
            description="in a frame's name: a regular expression with groups `piece`, `at_mm`, `grade` or some of them",
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
        if pattern is not None and (not groups or not groups <= {"piece", "at_mm", "grade"}):
            raise ValueError(
                "name its groups piece, at_mm and grade, as in "
                r"(?P<piece>[^_]+)_(?P<at_mm>[0-9]+(?:\.[0-9]+)?), or some of them"
            )
        return pattern

    @property
    def tells_along(self) -> bool:
        """Whether a frame's name or time tells where along the piece it lies."""
        return self.speed_m_min is not None or "(?P<at_mm>" in (self.pattern or "")

    @model_validator(mode="after")
    def _one_way_along(self) -> "Place":
        if self.speed_m_min is not None and "(?P<at_mm>" in (self.pattern or ""):
            raise ValueError("speed_m_min and a pattern with at_mm: only one of them can tell where a frame lies")
        return self


class Strip(Section):
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
        Field(ge=0, le=2048, description="neighbouring views share so much; of half, four judge each place together"),
    ] = 0
    min_width_px: Annotated[int, Field(ge=1, description="less strip found than this: the frame is unsure")] = 64


class _Source(Section):
    name: Annotated[str, Field(pattern=NAME_PATTERN, description="what records and metrics call it")]
    place: Place = Place()
    strip: Strip = Strip()

    @property
    def known_mm(self) -> frozenset[Literal["along", "across"]]:
        """In which directions its defects can have a place in mm."""
        place = self.place
        across: frozenset[Literal["along", "across"]] = frozenset(["across"] if place.mm_per_px else [])
        told = place.tells_along or isinstance(self, PushSource)  # there it comes with the frame
        return across | {"along"} if told and (place.mm_per_line or place.mm_per_px) else across


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
    ignore: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=500)]],
        Field(max_length=100, description="names, or with a / paths below, to be left alone: *_small.*, test/*"),
    ] = []
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
    """A socket on which another program hands in frames. It waits while there is no room.

    Beside what is under way, the socket holds frames of up to 3 x `max_clients` x `max_frame_mb`.
    """

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
    max_clients: Annotated[
        int,
        Field(ge=1, le=1024, description="programs connected at once; more are turned away, and counted"),
    ] = 8
    max_frame_mb: Annotated[
        int, Field(ge=1, le=300, description="who sends more is cut off; unread: up to 3 x max_clients x max_frame_mb")
    ] = 32
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


#: Of a camera that a capture process holds.
_ConnectS = Annotated[float, Field(gt=0, le=300, description="no answer for so long: it is tried again")]
_ReadS = Annotated[float, Field(gt=0, le=3600, description="no picture for so long: it is connected again")]
_StaleS = Annotated[
    float | None, Field(gt=0, le=86_400, description="same picture for so long: not ready; none: it is inspected")
]


class CameraSource(_Camera):
    """A camera that OpenCV can open, or a recorded video."""

    type: Literal["camera"]
    address: Annotated[
        SecretStr, Field(description="rtsp:// or http:// URL, number or path of a video device, or a video file")
    ]
    pace: Annotated[
        Literal["every_frame", "realtime"], Field(description="of a file: all of it, or as it was filmed")
    ] = "every_frame"
    connect_s: _ConnectS = 5.0
    read_s: _ReadS = 5.0
    stale_s: _StaleS = 10.0

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
        if separator and (fault := wrong(address)):
            raise ValueError(f"address: {fault}")
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


class Region(Section):
    """Which part of its sensor a camera shows. None: as the camera is set."""

    left_px: Annotated[int | None, Field(ge=0, le=65_536, description="of the sensor: from this column on")] = None
    top_px: Annotated[int | None, Field(ge=0, le=65_536, description="and from this line on")] = None
    width_px: Annotated[int | None, Field(ge=32, le=65_536, description="width of the picture")] = None
    height_px: Annotated[int | None, Field(ge=32, le=65_536, description="its height")] = None


class GigeSource(_Camera):
    """A GigE Vision or USB3 Vision camera. What is None stays as the camera is set."""

    type: Literal["gige"]
    address: Annotated[
        str | None, Field(min_length=1, max_length=255, description="IP or id of the camera; none: the only one found")
    ] = None
    pixel_format: Annotated[
        Literal["Mono8", "Mono10", "Mono12", "Mono14", "Mono16"] | None, Field(description="8 bits of it are inspected")
    ] = "Mono8"
    region: Region = Region()
    exposure_us: Annotated[float | None, Field(gt=0, le=1e9, description="exposure time; ends the automatic one")] = (
        None
    )
    gain_db: Annotated[
        float | None,
        Field(ge=-1000, le=10_000, description="gain, dB or the camera's own unit; ends the automatic one"),
    ] = None
    rate_fps: Annotated[
        float | None, Field(gt=0, le=100_000, description="frames a second, running free or by trigger: Software")
    ] = None
    trigger: Annotated[
        str | None, Field(min_length=1, max_length=64, description="what starts a frame, as the camera calls it: Line1")
    ] = None
    packet_size_bytes: Annotated[
        int | None, Field(ge=576, le=16_260, description="of a UDP packet; none: the largest that gets through")
    ] = None
    packet_delay_ns: Annotated[int | None, Field(ge=0, le=10**9, description="pause between two packets")] = None
    connect_s: _ConnectS = 5.0
    read_s: _ReadS = 5.0
    stale_s: _StaleS = 10.0

    @model_validator(mode="after")
    def _pulses_come_from_one_place(self) -> "GigeSource":
        if self.trigger == "Software" and self.rate_fps is None:
            raise ValueError("rate_fps: with trigger Software it says how often the line triggers")
        if self.trigger not in (None, "Software") and self.rate_fps is not None:
            raise ValueError(f"rate_fps: {self.trigger} says when a frame is captured; leave one of them out")
        return self


class SimulatedSource(_Camera):
    """The line simulator: procedural strip, clean or with defects, at a steady rate. It does not wait: it drops."""

    type: Literal["simulated"]
    rate_fps: Annotated[float, Field(gt=0, le=10_000, description="frames a second")] = 10.0
    defect_rate: Annotated[float, Field(ge=0, le=1, description="share of frames with a defect")] = 0.1
    width_px: Annotated[int, Field(ge=64, le=16_384, description="width of a frame")] = 200
    height_px: Annotated[int, Field(ge=64, le=16_384, description="height of a frame")] = 200
    seed: Annotated[int, Field(ge=0, description="same seed, same strip")] = 0
    frames: Annotated[int | None, Field(ge=1, description="stop after so many; none: never")] = None


SOURCE_TYPES: dict[int | str, type[BaseModel]] = {
    "folder": FolderSource, "camera": CameraSource, "gige": GigeSource, "push": PushSource,
    "replay": ReplaySource, "simulated": SimulatedSource,
}  # fmt: skip
SourceSettings = Annotated[
    FolderSource | CameraSource | GigeSource | PushSource | ReplaySource | SimulatedSource, Field(discriminator="type")
]
