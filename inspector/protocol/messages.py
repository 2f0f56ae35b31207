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
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from inspector import MAX_PIXELS
from inspector.errors import MessageError
from inspector.protocol.optics import KINDS, MAX_COLUMNS, MAX_ROWS, Figures, Kind
from inspector.vocabulary import MAX_SIDE_PX, Outcome, Reason

#: Bound on any message of ours that is not pixels; the largest is a Hello with 4,096 claimed frames.
MAX_MESSAGE_BYTES = 1 << 20
MAX_IN_FLIGHT_FRAMES = 4096
MAX_BATCH_FRAMES = 1024
MAX_REGIONS = 256
#: Most characters of the detail why a part of a frame is in doubt.
MAX_DOUBT = 64
#: What a piece may be called has so many characters, and what a steel grade.
MAX_PIECE = 128
MAX_GRADE = 64
#: The id of every canary: see canary.py. No connector gives it to a frame.
CANARY = "canary"
#: Why a file is left where it is although it should be taken: it cannot be.
REFUSED = "refused"
#: Why what is on record stays in done/ or failed/ although it should go: it cannot, or the clock is in doubt.
KEPT = "kept"

Name = Annotated[str, Meta(min_length=1, max_length=64)]
FrameId = Annotated[str, Meta(min_length=1, max_length=64)]
#: What a person calls the frame: a file's relative path, non-UTF-8 bytes written as \\xNN.
FrameName = Annotated[str, Meta(max_length=4096)]
Side = Annotated[int, Meta(ge=1, le=MAX_SIDE_PX)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # what SQLite can keep
Text = Annotated[str, Meta(max_length=1024)]
#: A piece of strip (coil, plate, lot), "" where the frame does not say; and a place along it.
PieceName = Annotated[str, Meta(max_length=MAX_PIECE)]
#: A steel grade, "" where none is told.
Grade = Annotated[str, Meta(max_length=MAX_GRADE)]
Millimetres = Annotated[float, Meta(ge=-1e9, le=1e9)]
#: time.monotonic() of this host: shared by all its processes.
Monotonic = Annotated[float, Meta(ge=0, le=1e12)]
#: How long something took.
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
#: Seconds since 1970, UTC.
Epoch = Annotated[float, Meta(ge=0, le=1e12)]
T = TypeVar("T")


class Bounded(Struct, frozen=True, array_like=True, tag=True, forbid_unknown_fields=True):
    """A message's fields in order, after its type's name."""


class Credit(Bounded, frozen=True):
    """The worker can hold `free` frames beyond the `seen` ones it got since the source started as `epoch`.

    Absolute, not an increment: sending it again is harmless, and a restarted source needs no other word.
    """

    worker: Name
    epoch: Name
    seen: Count
    free: Annotated[int, Meta(ge=0, le=MAX_BATCH_FRAMES * 2)]


class FrameHeader(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """Identity and origin of a frame, the same in its Frame, its Verdict and its record.

    `sequence` counts the frames that this source ever captured. `attempt` counts the workers that were given it.
    `height` and `width` are in pixels, 0 where the image was never decoded. `piece`, `at_mm` and `grade` are what came
    with the frame, not with its name. `timed`: `captured_at` is when it was captured; otherwise it was captured at some
    time before.
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
    grade: Grade = ""
    timed: bool = True


class Frame(Bounded, frozen=True):
    """One frame for a worker; its pixels, uint8 (height, width), are the message's second part."""

    header: FrameHeader
    decode_s: Seconds = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for a frame without pixels; decoding raises MessageError instead."""
        if not (self.header.height and self.header.width):
            raise ValueError("a Frame has pixels")


class Stages(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a frame waited for: to be decoded, for a worker, and there for its batch to begin."""

    decode_s: Seconds
    queue_s: Seconds
    batch_wait_s: Seconds


class Region(Bounded, frozen=True):
    """A defect of the frame: the rectangle around it, in pixels, and what it is."""

    x: Count
    y: Count
    width: Side
    height: Side
    label: Name
    score: Annotated[float, Meta(ge=0, le=1)]
    severity: Annotated[str, Meta(max_length=16)] = "none"


class Doubt(Bounded, frozen=True):
    """A part of the frame, in pixels, of which the model does not know what it is: its best guess, and why not."""

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
    regions: Annotated[list[Region], Meta(max_length=MAX_REGIONS)] = []
    evidence_bytes: Count = 0
    area: tuple[Count, Count, Count, Count] | None = None
    stages: Stages | None = None
    recipe: Annotated[str, Meta(max_length=64)] | None = ""
    doubts: Annotated[list[Doubt], Meta(max_length=MAX_REGIONS)] = []
    in_doubt: Annotated[float, Meta(ge=0, le=1)] | None = None


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


class Judgement(Bounded, frozen=True):
    """What is on record for a frame beside its outcome: as in its Verdict, with the worst of its regions."""

    label: Annotated[str, Meta(max_length=64)]
    score: Annotated[float, Meta(ge=0, le=1)]
    severity: Annotated[str, Meta(max_length=16)]
    reason: Text
    regions: Annotated[list[Region], Meta(max_length=MAX_REGIONS)]


class Settled(Bounded, frozen=True):
    """A frame and the outcome that is on record for it; a `judgement` only where the source hands it on."""

    frame: FrameId
    outcome: Outcome
    judgement: Judgement | None = None


class Usual(Bounded, frozen=True):
    """What is usual for a source's pictures of this size, learned from so many of them.

    `deviation` is of the logarithms, but for saturation. `spots`, `streaks`: how light lies, see dust.py; signed bytes,
    127 of which are dust.CLIP.
    """

    pictures: Count
    height: Side
    width: Side
    mean: Figures
    deviation: Figures
    spots: Annotated[bytes, Meta(max_length=MAX_COLUMNS * MAX_ROWS)]
    streaks: Annotated[bytes, Meta(max_length=MAX_COLUMNS)]


class Trouble(Bounded, frozen=True):
    """What has been wrong with a source's pictures since it began: the figure that says so, and what it was usually."""

    kind: Kind
    began_at: Epoch
    figure: Annotated[float, Meta(ge=-1e6, le=1e6)]
    usual: Annotated[float, Meta(ge=-1e6, le=1e6)]
    detail: Text = ""


class Sight(Bounded, frozen=True):
    """How a source's pictures are: the last one was looked at `at`, `figures` are an average of late.

    What is usual is learned from pictures `since` then, `learned` so far of those that are `needed`. It is told as
    `usual` until that is on record.
    """

    at: Epoch
    since: Epoch
    learned: Count
    needed: Count
    figures: Figures | None = None
    troubles: Annotated[list[Trouble], Meta(max_length=len(KINDS))] = []
    usual: Usual | None = None


class Welcome(Bounded, frozen=True):
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


class Tally(Bounded, frozen=True):
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
    spans: dict[Name, Span] = {}
    refused: Count = 0
    sight: Sight | None = None
    left: Annotated[list[Left], Meta(max_length=16)] = []


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


class FrameOf(Bounded, frozen=True):
    """A frame, by its source and id."""

    source: Name
    frame: FrameId


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


def pixels(frame: Frame, data: "memoryview | bytes") -> NDArray[np.uint8]:
    """View `data` as the frame's pixels, uint8 (height, width). Raise MessageError if the length is another."""
    height, width = frame.header.height, frame.header.width
    if height * width != len(data) or len(data) > MAX_PIXELS:
        raise MessageError(f"{len(data)} bytes of pixels for {width}x{height}")
    return np.frombuffer(data, np.uint8).reshape(height, width)
