"""Owns the frame on the wire: its header, which its verdict and its record have in common, and its pixels."""

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from inspector import MAX_PIXELS
from inspector.errors import MessageError
from inspector.protocol.fields import (
    Bounded,
    Count,
    Epoch,
    FrameId,
    FrameName,
    Millimetres,
    Monotonic,
    Name,
    PieceName,
    Seconds,
    SteelGrade,
)
from inspector.vocabulary import MAX_SIDE_PX

#: The id of every canary: see canary.py. No connector gives it to a frame.
CANARY = "canary"


class FrameHeader(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """Identity and origin of a frame, the same in its Frame, its Verdict and its record.

    `sequence` counts the frames that this source ever captured. `attempt` counts the workers that were sent it.
    `height` and `width` are in pixels, 0 if the image was never decoded. `piece`, `at_mm` and `grade` came with the
    frame, not in its name. `timed`: `captured_at` is when it was captured; otherwise it was captured at some earlier
    time. `sampled`: the source chose it at random, before anybody knew what it shows.
    """

    source: Name
    epoch: Name
    frame: FrameId
    name: FrameName
    sequence: Count
    captured_at: Epoch
    captured_mono: Monotonic
    height: Annotated[int, Meta(ge=0, le=MAX_SIDE_PX)]
    width: Annotated[int, Meta(ge=0, le=MAX_SIDE_PX)]
    attempt: Annotated[int, Meta(ge=1, le=100)] = 1
    piece: PieceName = ""
    at_mm: Millimetres | None = None
    grade: SteelGrade = ""
    timed: bool = True
    sampled: bool = False


class Frame(Bounded, frozen=True):
    """One frame for a worker; its pixels, uint8 (height, width), are the message's second part."""

    header: FrameHeader
    decode_s: Seconds = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for a frame without pixels; decoding raises MessageError instead."""
        if not (self.header.height and self.header.width):
            raise ValueError("a Frame has pixels")


class FrameOf(Bounded, frozen=True):
    """Source and id of a frame."""

    source: Name
    frame: FrameId


def view_pixels(frame: Frame, data: "memoryview | bytes") -> NDArray[np.uint8]:
    """View `data` as the frame's pixels, uint8 (height, width). Raise MessageError if the length is another."""
    height, width = frame.header.height, frame.header.width
    if height * width != len(data) or len(data) > MAX_PIXELS:
        raise MessageError(f"{len(data)} bytes of pixels for {width}x{height}")
    return np.frombuffer(data, np.uint8).reshape(height, width)
