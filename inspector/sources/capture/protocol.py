"""Owns what a source and its grabber say to each other, and how that looks on the wire.

A message is its length in four bytes, msgpack, and behind a Picture with a size its gray pixels.
"""

from typing import Annotated, Literal

import msgspec

from inspector.host.redaction import shown
from inspector.vocabulary import MAX_SIDE_PX

MAX_MESSAGE_BYTES = 16_384
#: Why a picture that was there is not shown; a reason for the sums.
MissedWhy = Literal["overload", "incomplete"]
_Side = Annotated[int, msgspec.Meta(ge=0, le=MAX_SIDE_PX)]


class _Word(msgspec.Struct, tag=True):
    """What goes between a source and its grabber."""


class VideoOrder(_Word):
    """What FFmpeg, or of a device OpenCV, is to capture. Of a file every frame counts, or it runs at its own pace.

    `skip` frames of it were had before. With `stale_s`, a picture that is the very same as the one before is told of,
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
        """What people call it, without credentials."""
        return shown(self.address)


class AravisOrder(_Word):
    """What Aravis is to capture: the camera of this address, or the only one; what is None stays as the camera is set.

    With `stale_s`, a picture that is the very same as the one before is told of, and not shown.
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
        """What people call it."""
        return self.address or "the only GenICam camera"


class Opened(_Word):
    """The camera answers, and is `what` it says itself that it is."""

    what: str = ""


class Waiting(_Word):
    """The camera answers, and nothing triggered it for a while."""


class Picture(_Word):
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


class Missed(_Word):
    """So many pictures were there and are not shown."""

    reason: MissedWhy
    pictures: int


class Failed(_Word):
    """It cannot be opened, or nothing comes any more; unless it is `spent` the grabber waits for the next order."""

    reason: str
    spent: bool = False


class Ended(_Word):
    """The file was read to its end, `frames` of the `promised` (0: it does not say)."""

    frames: int
    promised: int


Order = VideoOrder | AravisOrder
Word = Order | Opened | Waiting | Picture | Missed | Failed | Ended
_decoder: msgspec.msgpack.Decoder[Word] = msgspec.msgpack.Decoder(Word)


def encode(word: Word) -> bytes:
    """The word with its length in front."""
    data = msgspec.msgpack.encode(word)
    return len(data).to_bytes(4, "big") + data


def decode(data: bytes | bytearray) -> Word:
    """The word in `data`, its length taken off. ValueError where it is none."""
    return _decoder.decode(data)
