"""Owns the verdict on the wire: how a frame ended, its defects and doubts, and what a push client gets of it."""

from typing import Annotated

from msgspec import Meta, Struct

from inspector.protocol.fields import Bounded, Count, FrameId, Name, Seconds, Side, Text
from inspector.protocol.frames import FrameHeader
from inspector.vocabulary import Outcome, Reason

#: Most regions, and most doubts, of a frame.
MAX_REGIONS = 256
#: Most characters of the detail of a doubt's reason.
MAX_DOUBT = 64


class Stages(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Seconds for which a frame was decoded, waited for a worker, and waited at the worker for its batch."""

    decode_s: Seconds
    queue_s: Seconds
    batch_wait_s: Seconds


class Region(Bounded, frozen=True, kw_only=True):
    """A defect of a frame: the rectangle around it, in pixels, its label, score and severity."""

    x: Count
    y: Count
    width: Side
    height: Side
    label: Name
    score: Annotated[float, Meta(ge=0, le=1)]
    severity: Annotated[str, Meta(max_length=16)] = "none"


class Doubt(Bounded, frozen=True, kw_only=True):
    """An unsure part of a frame: its rectangle in pixels, the likeliest label, the score of that, and the reason."""

    x: Count
    y: Count
    width: Side
    height: Side
    label: Annotated[str, Meta(max_length=64)]
    score: Annotated[float, Meta(ge=0, le=1)]
    reason: Reason

    def __post_init__(self) -> None:
        """Raise ValueError if the detail is too long; decoding raises MessageError instead."""
        if len(self.reason.detail) > MAX_DOUBT:
            raise ValueError(f"the detail of a doubt has at most {MAX_DOUBT} characters")


class Verdict(Bounded, frozen=True, kw_only=True):
    """How one frame ended. `reason` says why it is unsure or error.

    `regions`: its defects, the worst first; if there were more than fit, the reason has their number. `evidence_bytes`:
    the size of its picture in the evidence, 0 if none is kept. `area`: x, y, width and height of the inspected part, 0
    wide if nothing was inspected; None: the whole frame. `stages` is None if it never reached a worker. `recipe`
    decided it, "" if `decision` did; None: its recipe is not known, so it is unsure. `doubts`: its unsure parts, the
    largest first, whatever the rest is; empty if the frame was decided as a whole. `in_doubt`: their share of the
    inspected part, from 0 to 1; None: all or nothing, as the outcome says.
    """

    header: FrameHeader
    outcome: Outcome
    label: Annotated[str, Meta(max_length=64)] = ""
    severity: Annotated[str, Meta(max_length=16)] = "none"
    score: Annotated[float, Meta(ge=0, le=1)] = 0.0
    reason: Reason = Reason()
    regions: Annotated[list[Region], Meta(max_length=MAX_REGIONS)] = []  # noqa: RUF012 (msgspec copies it)
    evidence_bytes: Count = 0
    area: tuple[Count, Count, Count, Count] | None = None
    stages: Stages | None = None
    recipe: Annotated[str, Meta(max_length=64)] | None = ""
    doubts: Annotated[list[Doubt], Meta(max_length=MAX_REGIONS)] = []  # noqa: RUF012 (msgspec copies it)
    in_doubt: Annotated[float, Meta(ge=0, le=1)] | None = None


class Judgement(Bounded, frozen=True):
    """A verdict as sent to the program that pushed the frame. `reason` is a sentence; `regions` are the worst."""

    label: Annotated[str, Meta(max_length=64)]
    score: Annotated[float, Meta(ge=0, le=1)]
    severity: Annotated[str, Meta(max_length=16)]
    reason: Text
    regions: Annotated[list[Region], Meta(max_length=MAX_REGIONS)]


class Settled(Bounded, frozen=True):
    """A frame and its outcome on record; `judgement` is None unless the source passes it on to a program."""

    frame: FrameId
    outcome: Outcome
    judgement: Judgement | None = None
