"""Owns the bounded types of the fields of messages, and what is common to all messages."""

from typing import Annotated

from msgspec import Meta, Struct

from inspector.vocabulary import MAX_SIDE_PX

#: Most characters of the name of a piece, and of a steel grade.
MAX_PIECE = 128
MAX_GRADE = 64
Name = Annotated[str, Meta(min_length=1, max_length=64)]
FrameId = Annotated[str, Meta(min_length=1, max_length=64)]
#: Name of a frame for people: a file's relative path, non-UTF-8 bytes written as \\xNN.
FrameName = Annotated[str, Meta(max_length=4096)]
Side = Annotated[int, Meta(ge=1, le=MAX_SIDE_PX)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # what SQLite can keep
Text = Annotated[str, Meta(max_length=1024)]
#: Name of a piece of strip (coil, plate, lot); "" if the frame does not say.
PieceName = Annotated[str, Meta(max_length=MAX_PIECE)]
Millimetres = Annotated[float, Meta(ge=-1e9, le=1e9)]
#: time.monotonic() of this host, the same in all its processes.
Monotonic = Annotated[float, Meta(ge=0, le=1e12)]
#: Duration in seconds.
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
#: Seconds since 1970, UTC.
Epoch = Annotated[float, Meta(ge=0, le=1e12)]
#: Name of a steel grade; "" if none is known.
SteelGrade = Annotated[str, Meta(max_length=MAX_GRADE)]


class Bounded(Struct, frozen=True, array_like=True, tag=True, forbid_unknown_fields=True):
    """Base of messages: the name of the type, then its fields in order."""
