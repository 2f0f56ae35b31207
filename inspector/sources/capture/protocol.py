"""Owns the messages between a source and its capture process, and their form on the wire.

A message is its length in four bytes, msgpack, and behind a CapturedImage with a size its gray pixels.
"""

from typing import Annotated, Literal

import msgspec

from inspector.host.redaction import shown
from inspector.vocabulary import MAX_SIDE_PX

MAX_MESSAGE_BYTES = 16_384
#: Why a picture that was there is not shown; a reason for the sums.
MissedWhy = Literal["overload", "incomplete"]
_Side = Annotated[int, msgspec.Meta(ge=0, le=MAX_SIDE_PX)]


class _Message(msgspec.Struct, tag=True):
    """A message between a source and its capture process."""


class VideoOrder(_Message, kw_only=True):
    """What FFmpeg, or of a device OpenCV, is to capture. Of a file every frame counts, or it runs at its own pace.

    `skip` frames of it were had before. With `stale_s`, a picture that is the very same as the one before is reported,
    and not shown.
    """

    address: str
    kind: Literal["stream", "device", "file"]
    connect_s: float
    read_s: float
    stale_s: float | None
    every_frame: bool = False
    skip: int = 0

    @property
    def title(self) -> str:
        """The name of it for people, without credentials."""
        return shown(self.address)


class AravisOrder(_Message, kw_only=True):
    """What Aravis is to capture: the camera of this address, or the only one; what is None stays as the camera is set.

    With `stale_s`, a picture that is the very same as the one before is reported, and not shown.
    """

    address: str
    connect_s: float
    read_s: float
    stale_s: float | None
    pixel_format: str | None = None
    left_px: int | None = None
    top_px: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    exposure_us: float | None = None
    gain_db: float | None = None
    rate_fps: float | None = None
    trigger: str | None = None
    packet_size_bytes: int | None = None
    packet_delay_ns: int | None = None

    @property
    def title(self) -> str:
        """The name of it for people."""
        return self.address or "the only GenICam camera"


class Opened(_Message):
    """The camera answers; `what` is its own description of itself."""

    what: str = ""


class Waiting(_Message):
    """The camera answers, and nothing triggered it for a while."""


class CapturedImage(_Message, kw_only=True):
    """One picture, gray, uint8 (height, width); without a size the `reason` why it cannot be inspected, or `same`.

    Or `incomplete`: data of it were lost on the way, and a part of it is invented.
    """

    number: int
    captured_at: float
    captured_mono: float
    height: _Side = 0
    width: _Side = 0
    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    same: bool = False
    incomplete: bool = False


class Missed(_Message):
    """This number of pictures were there and are not shown."""

    reason: MissedWhy
    pictures: int


class Failed(_Message):
    """It cannot be opened, or nothing comes any more; unless it is `spent` the process waits for the next order."""

    reason: str
    spent: bool = False


class Ended(_Message):
    """The file was read to its end, `frames` of the `promised` (0: it promises no number)."""

    frames: int
    promised: int


Order = VideoOrder | AravisOrder
Message = Order | Opened | Waiting | CapturedImage | Missed | Failed | Ended
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Return the message with its length in front."""
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(4, "big") + data


def decode(data: bytes | bytearray) -> Message:
    """Return the message in `data`, its length taken off. Raise ValueError if it is none."""
    return _decoder.decode(data)
