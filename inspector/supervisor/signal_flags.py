"""Owns the signals that stop and reload a line: each sets a flag, on which the supervisor's loop acts."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from inspector.host import signals

_STOP = (signal.SIGTERM, signal.SIGINT)


class SignalFlags:
    """The signals that arrived while `listening`."""

    def __init__(self) -> None:
        #: Number of requests to stop; the second one forces.
        self.stops = 0
        self._hangups = 0

    def take_hangup(self) -> bool:
        """Return whether SIGHUP arrived since the last call, once or more often."""
        came, self._hangups = self._hangups > 0, 0
        return came

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Set the handlers, deliver the signals that were blocked, and restore the former handlers at the end."""
        previous = {number: signal.signal(number, self._note) for number in (*_STOP, signal.SIGHUP)}
        signals.release()
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._hangups += 1
        else:
            self.stops += 1
