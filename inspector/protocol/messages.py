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
from inspector.protocol.optics import OpticsState
from inspector.protocol.verdicts import Settled, Verdict
from inspector.vocabulary import Outcome

#: Bound on every part of a message but pixels, in bytes; the largest is a Hello with 4,096 claimed frames.
MAX_MESSAGE_BYTES = 1 << 20
MAX_IN_FLIGHT_FRAMES = 4096
MAX_BATCH_FRAMES = 1024
#: Reason for files that a drop folder leaves in place because it cannot take them.
REFUSED = "refused"
#: Reason for recorded files that stay beyond their time: they cannot be deleted, or the clock is in doubt.
KEPT = "kept"

T = TypeVar("T")


class Credit(Bounded, frozen=True):
    """The worker has room for `free` frames beyond the `seen` frames it received since the source started as `epoch`.

    Absolute, not an increment: sending it again is harmless, and a restarted source needs no other message.
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
    """Life sign of a worker that is ready and idle; the verdicts of a busy worker are its life sign."""

    worker: Name
    model: Annotated[str, Meta(max_length=128)]


class Hello(Bounded, frozen=True):
    """A source and the frames it owns. `durable`: the frames outlive the source (files), so a late verdict counts."""

    source: Name
    epoch: Name
    durable: bool
    claimed: Annotated[list[FrameId], Meta(max_length=MAX_IN_FLIGHT_FRAMES)]


class Welcome(Bounded, frozen=True, kw_only=True):
    """Answer to Hello: the sink's incarnation, which claimed frames are on record, and the source's sums so far.

    `since`: no frame in flight at the last tally on record was captured before. `optics`: the state of its optics at
    that tally, with all that was learned of them.
    """

    sink: Name
    recorded: Annotated[list[Settled], Meta(max_length=MAX_IN_FLIGHT_FRAMES)]
    captured: Count
    outcomes: dict[Outcome, Count]
    dropped: dict[Name, Count]
    since: Epoch = 0.0
    optics: OpticsState | None = None


class Span(Bounded, frozen=True):
    """A time span; seconds since 1970."""

    began_at: Epoch
    ended_at: Epoch


class Left(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Number of files or folders that a drop folder leaves in place for one reason, and one of them as an example."""

    reason: Name
    count: Count
    example: Text


class Tally(Bounded, frozen=True, kw_only=True):
    """The sums of a source at one instant: captured = outcomes + dropped + in flight.

    `problem` is the reason why it captures nothing, "" if it captures. The tally is the `number`th of this life of the
    source, made `at`. `oldest_at` is when the oldest frame in flight was captured, and `at` if none is in flight.
    `spans` gives by reason when frames dropped since the last recorded tally were captured, or when the source stood
    still. `refused` counts messages to its socket that were not a worker's. `left` is what the last scan of a drop
    folder left in place.
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
    optics: OpticsState | None = None
    left: Annotated[list[Left], Meta(max_length=16)] = []  # noqa: RUF012 (msgspec copies it)


class Pulse(Bounded, frozen=True):
    """Answer to a Tally: the incarnation of the sink, and the number of the tally of this life that is on record.

    `learn_since`: the source learns its optics baseline from pictures captured from then on.
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
    """Return the message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """Return the message in `data`. Raise MessageError if it is no message of the line or breaks a bound."""
    return decoded(_decoder, data)


def decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    """Decode bytes from outside with a decoder of bounded types. Raise MessageError if they cannot be decoded."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"{len(data)} bytes: a message has at most {MAX_MESSAGE_BYTES}")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MessageError(str(error)) from None
    except RecursionError:
        raise MessageError("nested too deeply") from None
