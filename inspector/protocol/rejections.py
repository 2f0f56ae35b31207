"""Owns the messages that a socket refuses: which sender may send which message, how many it refused, and their log.

The files of sockets are private to the user. This guards against broken processes of the line, and against other
programs that connect by mistake.
"""

import logging
import math
import time
from collections.abc import Callable, Collection

from inspector.errors import MessageError
from inspector.protocol.messages import Beat, Credit, Hello, Message, Tally, Verdicts

log = logging.getLogger(__name__)

#: Interval between two log lines about refused messages, in seconds.
TELL_S = 10.0
#: Messages read in one turn: a flood must not hold up the rest of the work.
READ_BURST = 256


class Refusals:
    """Counts the messages that were refused at one socket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns monotonic seconds."""
        self.count = 0
        self._clock = clock
        self._told_at = -math.inf

    def add(self, reason: str) -> None:
        """Count one refused message, and log its reason at most every TELL_S."""
        self.count += 1
        if self._clock() - self._told_at >= TELL_S:
            self._told_at = self._clock()
            log.warning("message refused, %d so far: %s", self.count, reason[:200])


def check_credit(peer: bytes, message: Message) -> Credit:
    """Return the message if it is the worker's own Credit, all that a source takes. Raise MessageError otherwise."""
    if not isinstance(message, Credit):
        raise MessageError(f"{type(message).__name__}: a worker sends Credit here")
    _check_peer(peer, message.worker)
    return message


def check_report(peer: bytes, message: Message, sources: Collection[str]) -> Message:
    """Return the message if its sender, a worker or one of `sources`, may send it. Raise MessageError otherwise.

    The peer name of a source is its name, a dot, and its epoch; that of a worker is its name.
    """
    match message:
        case Beat():
            _check_peer(peer, message.worker)
        case Hello() | Tally():
            _check_source(peer, message.source, sources)
        case Verdicts():
            of = {verdict.header.source for verdict in message.verdicts}
            if message.model:
                _check_peer(peer, message.sender)
                if not of <= set(sources):
                    raise MessageError(f"verdicts on frames of {sorted(of)}: the sources are {sorted(sources)}")
            else:
                _check_source(peer, message.sender, sources)
                if of != {message.sender}:
                    raise MessageError(f"{message.sender} reports frames of {sorted(of)}")
        case _:
            raise MessageError(f"{type(message).__name__}: nobody says this to the sink")
    return message


def _check_source(peer: bytes, name: str, sources: Collection[str]) -> None:
    if name not in sources:
        raise MessageError(f"{name!r} is no source of this line: {sorted(sources)}")
    _check_peer(peer.rpartition(b".")[0], name)


def _check_peer(peer: bytes, name: str) -> None:
    if peer != name.encode():
        raise MessageError(f"{peer!r} speaks as {name!r}")
