"""Owns the verdict on the wire: how a frame ended, where its defects and its doubts are, and what is told of it."""

from typing import Annotated

from msgspec import Meta, Struct

from inspector.protocol.fields import Bounded, Count, FrameId, Name, Seconds, Side, Text
from inspector.protocol.frames import FrameHeader
from inspector.vocabulary import Outcome, Reason

#: Most regions, and most doubts, of a frame.
MAX_REGIONS = 256
#: Most characters of the detail why a part of a frame is in doubt.
MAX_DOUBT = 64


class Stages(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Seconds that a frame took to be decoded, waited for a worker, and waited there for its batch to begin."""

    decode_s: Seconds
    queue_s: Seconds
    batch_wait_s: Seconds


class Region(Bounded, frozen=True, kw_only=True):
    """A defect of the frame: the rectangle around it, in pixels, its label, score and severity."""

    x: Count
    y: Count
    width: Side
    height: Side
    label: Name
    score: Annotated[float, Meta(ge=0, le=1)]
    severity: Annotated[str, Meta(max_length=16)] = "none"


class Doubt(Bounded, frozen=True, kw_only=True):
    """A part of the frame, in pixels, about which the model is unsure: the likeliest label, its score, and why."""

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

    `regions`: its defects, the worst first; where they are more than fit, the reason says how many there were.
    `evidence_bytes` is the size of its picture among the evidence, 0 where none is kept. `area`: x, y, width and height
    of what was inspected of it, 0 wide where nothing was; None: all. `stages` is None where it never reached a worker.
    `recipe` is what it was decided by, "" by `decision`; None: by which to decide is not known, so it is unsure.
    `doubts`: what of it is unsure, the largest first, whatever the rest is, none where it was decided as a whole;
    `in_doubt`: how much of what was inspected, from 0 to 1; None: all of it or nothing, as the outcome says.
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
    """What a program that handed in a frame hears of its verdict. `reason` is a sentence; `regions` are the worst."""

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
