"""Owns what travels over the line's sockets: typed, bounded messages. Decoding validates; no pickle.

    worker ── Credit ──▶ source ── Frame + pixels ──▶ worker        "I can hold n more" / "here is one"
    worker ── Verdicts, Beat ──▶ sink                               a batch a message / "I am ready, with model m"
    source ── Hello, Tally, Verdicts ──▶ sink                       who I am / my sums / what never reached a worker
    sink ── Welcome, Pulse, Ack ──▶ source                          what is on record / I am here / recorded

On the wire a message is one msgpack array that starts with its type's name; a Frame has a second part, its
raw pixels.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from inspector.errors import MessageError
from inspector.protocol.fields import Bounded, Count, Epoch, FrameId, Name, Text
from inspector.protocol.frames import Frame
from inspector.protocol.optics import Sight
from inspector.protocol.verdicts import Settled, Verdict
from inspector.vocabulary import Outcome

#: Bound on any message of ours that is not pixels; the largest is a Hello with 4,096 claimed frames.
MAX_MESSAGE_BYTES = 1 << 20
MAX_IN_FLIGHT_FRAMES = 4096
MAX_BATCH_FRAMES = 1024
#: Why a file is left where it is although it should be taken: it cannot be.
REFUSED = "refused"
#: Why what is on record stays in done/ or failed/ although it should go: it cannot, or the clock is in doubt.
KEPT = "kept"

T = TypeVar("T")


class Credit(Bounded, frozen=True):
    """The worker can hold `free` frames beyond the `seen` ones it got since the source started as `epoch`.

    Absolute, not an increment: sending it again is harmless, and a restarted source needs no other word.
    """

    worker: Name
    epoch: Name
    seen: Count
    free: Annotated[int, Meta(ge=0, le=MAX_BATCH_FRAMES * 2)]


class Verdicts(Bounded, frozen=True):
    """A batch of verdicts of one model. A source that reports its own errors sends `model` empty and no times."""

    sender: Name
    model: Annotated[str, Meta(max_length=128)]
    verdicts: Annotated[list[Verdict], Meta(min_length=1, max_length=MAX_BATCH_FRAMES * 2)]
    tiles: Count = 0
    inference_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0


class Beat(Bounded, frozen=True):
    """A worker that is ready and idle says so; one that infers is heard through its verdicts."""

    worker: Name
    model: Annotated[str, Meta(max_length=128)]


class Hello(Bounded, frozen=True):
    """A source presents itself, with the frames it owns. `durable`: they outlive it (files): a late verdict counts."""

    source: Name
    epoch: Name
    durable: bool
    claimed: Annotated[list[FrameId], Meta(max_length=MAX_IN_FLIGHT_FRAMES)]


class Welcome(Bounded, frozen=True, kw_only=True):
    """Answer to Hello: the sink's incarnation, which claimed frames are on record, and the source's sums so far.

    `since`: what was in flight at the source's last word on record was captured from then on. `sight`: how its pictures
    were then, with all that was learned of them.
    """

    sink: Name
    recorded: Annotated[list[Settled], Meta(max_length=MAX_IN_FLIGHT_FRAMES)]
    captured: Count
    outcomes: dict[Outcome, Count]
    dropped: dict[Name, Count]
    since: Epoch = 0.0
    sight: Sight | None = None


class Span(Bounded, frozen=True):
    """From when to when, seconds since 1970."""

    began_at: Epoch
    ended_at: Epoch


class Left(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """So many files of a drop folder, or folders in it, are left where they are for this reason, and one of them."""

    reason: Name
    count: Count
    example: Text


class Tally(Bounded, frozen=True, kw_only=True):
    """A source's sums at one instant: captured = outcomes + dropped + in flight. `problem`: why it captures nothing.

    The `number`th of this life, told `at`. The oldest frame in flight was captured `oldest_at`, or nothing is and
    it is `at`. `spans`: by reason, when the frames dropped of late were captured, or when it stood still.
    `refused`: messages to its socket that were none of a worker. `sight`: how its pictures are. `left`: what of a drop
    folder was left alone when it was looked through last.
    """

    source: Name
    epoch: Name
    captured: Count
    outcomes: dict[Outcome, Count]
    dropped: dict[Name, Count]
    in_flight: Count
    last_frame_at: Epoch
    problem: Text = ""
    number: Count = 0
    at: Epoch = 0.0
    oldest_at: Epoch = 0.0
    spans: dict[Name, Span] = {}  # noqa: RUF012 (msgspec copies it)
    refused: Count = 0
    sight: Sight | None = None
    left: Annotated[list[Left], Meta(max_length=16)] = []  # noqa: RUF012 (msgspec copies it)


class Pulse(Bounded, frozen=True):
    """Answer to a Tally: which incarnation of the sink is listening, and which tally of this life is on record.

    `learn_since`: what is usual for its pictures is to be learned from those since then.
    """

    sink: Name
    number: Count = 0
    learn_since: Epoch = 0.0


class Ack(Bounded, frozen=True):
    """These frames are on durable record."""

    settled: Annotated[list[Settled], Meta(min_length=1)]


Message = Credit | Frame | Verdicts | Beat | Hello | Welcome | Tally | Pulse | Ack

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """The message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """The message in `data`. MessageError where it is none of ours or breaks a bound."""
    return decoded(_decoder, data)


def decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    """What a decoder of bounded types makes of bytes from outside. MessageError where that is nothing."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"{len(data)} bytes: a message has at most {MAX_MESSAGE_BYTES}")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MessageError(str(error)) from None
    except RecursionError:
        raise MessageError("nested too deeply") from None
