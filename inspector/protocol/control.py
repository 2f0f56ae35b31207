"""Owns what the supervisor and its children send each other: typed, bounded messages through pipes of their own.

supervisor ── WorkerGone ──▶ source, sink                       take back its frames; these were in its hands
supervisor ── Processes ──▶ sink                                which processes run, how often and why they ended
supervisor ── DecideBy ──▶ worker                               decide by these numbers from now on
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

#: Why a process ended: with an exit code, by a signal, killed because it was stuck, or because it cannot serve.
Cause = Literal["exit", "signal", "stuck", "unusable"]


CAUSES: tuple[Cause, ...] = get_args(Cause)


#: Thresholds and severities by label.
Threshold = Annotated[float, Meta(ge=0, le=1)]
Thresholds = dict[Name, Threshold]
SeverityName = Annotated[str, Meta(max_length=16)]
Severities = dict[Name, SeverityName]
Margin = Annotated[float, Meta(ge=-1000, le=1000)]


class WorkerGone(Bounded, frozen=True):
    """A worker that the supervisor saw end: it sends no more verdicts. The batch `in_hand` may be the reason."""

    worker: Name
    in_hand: Annotated[list[FrameOf], Meta(max_length=MAX_BATCH_FRAMES)] = []  # noqa: RUF012 (msgspec copies it)


class Process(Bounded, frozen=True):
    """One place in the line: the `pid` of its process (0: none runs), its ends by cause, and its trouble."""

    name: Name
    role: Literal["sink", "worker", "source"]
    pid: Count
    ends: dict[Cause, Count]
    trouble: Text = ""


class Processes(Bounded, frozen=True):
    """All of the line's processes, as the supervisor sees them."""

    processes: Annotated[list[Process], Meta(max_length=512)]


class Recipe(Bounded, frozen=True):
    """A recipe: its numbers, and the steel grades it is for. Numbers that it omits are those of its DecideBy."""

    name: Name
    grades: Annotated[list[SteelGrade], Meta(max_length=1000)]
    thresholds: Thresholds
    novelty_margin: Margin | None
    severities: Severities


class DecideBy(Bounded, frozen=True):
    """The line's own numbers, by label, and its recipes. Labels without a number take that of the bundle."""

    thresholds: Thresholds
    novelty_margin: Margin
    severities: Severities
    recipes: Annotated[list[Recipe], Meta(max_length=64)]


class LabelNumbers(Bounded, frozen=True):
    """The numbers of a label in the bundle."""

    kind: Literal["ok", "defect"]
    severity: SeverityName
    threshold: Threshold
    place_threshold: Threshold | None = None  # for a place of a wide frame; None: as for a tile


class InForce(Bounded, frozen=True):
    """What frames are decided by from `since` on: a model with its numbers by label, the line's numbers, and recipes.

    `sources`: by source, its settings `place` and `strip` as texts, which say where its frames lie.
    """

    since: Epoch
    model: Text
    labels: Annotated[dict[Name, LabelNumbers], Meta(max_length=1024)]
    by: DecideBy
    sources: dict[Name, dict[Name, Text]]


class Ready(Bounded, frozen=True):
    """A process that serves from now on."""

    process: Name


class Unusable(Bounded, frozen=True):
    """Why a process cannot serve: its bundle, a file, a port."""

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
