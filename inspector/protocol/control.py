"""Owns what the supervisor and its children send each other: typed, bounded messages through pipes of their own.

supervisor ── WorkerGone ──▶ source, sink                       take its frames back: these it had in hand
supervisor ── Processes ──▶ sink                                who runs, who ended how often and why
supervisor ── DecideBy ──▶ worker                               decide by these from now on
supervisor ── InForce ──▶ sink                                  what decides now, to be kept with the record
worker, sink, source ── Ready, Unusable ──▶ supervisor          it serves from now on / why it never can
"""

from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from inspector.protocol import messages
from inspector.protocol.fields import Bounded, Count, Epoch, Name, SteelGrade, Text
from inspector.protocol.frames import FrameOf
from inspector.protocol.messages import MAX_BATCH_FRAMES

#: Why a process ended: an exit code, a signal, killed because it was stuck, or told something impossible.
Cause = Literal["exit", "signal", "stuck", "unusable"]


CAUSES: tuple[Cause, ...] = get_args(Cause)


#: What is set by label.
Threshold = Annotated[float, Meta(ge=0, le=1)]
Thresholds = dict[Name, Threshold]
SeverityName = Annotated[str, Meta(max_length=16)]
Severities = dict[Name, SeverityName]
Margin = Annotated[float, Meta(ge=-1000, le=1000)]


class WorkerGone(Bounded, frozen=True):
    """The supervisor saw this worker end: it will answer nothing more. The batch in its hands may be why."""

    worker: Name
    in_hand: Annotated[list[FrameOf], Meta(max_length=MAX_BATCH_FRAMES)] = []  # noqa: RUF012 (msgspec copies it)


class Process(Bounded, frozen=True):
    """One place in the line: its process (0: none runs), how often one ended, by cause, and what is wrong with it."""

    name: Name
    role: Literal["sink", "worker", "source"]
    pid: Count
    ends: dict[Cause, Count]
    trouble: Text = ""


class Processes(Bounded, frozen=True):
    """All of the line's processes, as the supervisor sees them."""

    processes: Annotated[list[Process], Meta(max_length=512)]


class Recipe(Bounded, frozen=True):
    """A recipe's own numbers, and for which steel grades it is. What it leaves out is that of the DecideBy it is in."""

    name: Name
    grades: Annotated[list[SteelGrade], Meta(max_length=1000)]
    thresholds: Thresholds
    novelty_margin: Margin | None
    severities: Severities


class DecideBy(Bounded, frozen=True):
    """The line's own numbers, by label: those of the bundle hold for the others. And its recipes."""

    thresholds: Thresholds
    novelty_margin: Margin
    severities: Severities
    recipes: Annotated[list[Recipe], Meta(max_length=64)]


class LabelNumbers(Bounded, frozen=True):
    """What a bundle says of a label."""

    kind: Literal["ok", "defect"]
    severity: SeverityName
    threshold: Threshold
    place_threshold: Threshold | None = None  # of a place of a wide frame; None: as of a tile


class InForce(Bounded, frozen=True):
    """What frames are decided by since then: a model and its numbers by label, the line's own, and recipes.

    And where they lie: by source, the settings of its `place` and `strip`, as texts.
    """

    since: Epoch
    model: Text
    labels: Annotated[dict[Name, LabelNumbers], Meta(max_length=1024)]
    by: DecideBy
    sources: dict[Name, dict[Name, Text]]


class Ready(Bounded, frozen=True):
    """A process serves from now on."""

    process: Name


class Unusable(Bounded, frozen=True):
    """Why this process cannot serve: a bundle, a file, a port."""

    process: Name
    reason: Text


ControlMessage = WorkerGone | Processes | DecideBy | InForce | Ready | Unusable

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[ControlMessage] = msgspec.msgpack.Decoder(ControlMessage)


def encode(message: ControlMessage) -> bytes:
    """Return the message as bytes."""
    return _encoder.encode(message)


def send(pipe: Connection, message: ControlMessage) -> None:
    """Send a message through a pipe. Raise OSError if its other end is gone."""
    pipe.send_bytes(encode(message))


def receive(pipe: Connection) -> ControlMessage:
    """Wait for the next message from a pipe and return it.

    Raise MessageError if it is no message of the line, EOFError or OSError if the other end of the pipe is gone.
    """
    return messages.decoded(_decoder, pipe.recv_bytes(messages.MAX_MESSAGE_BYTES))


def receive_all(pipe: Connection | None) -> Iterator[ControlMessage]:
    """Yield the messages that wait in a pipe. Raise as `receive` does."""
    while pipe is not None and pipe.poll():
        yield receive(pipe)
