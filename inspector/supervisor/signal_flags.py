"""Owns the signals that a line is stopped and reloaded by: each sets a flag, and the supervisor's loop acts on it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from inspector.host import signals

_STOP = (signal.SIGTERM, signal.SIGINT)


class SignalFlags:
    """Which signals came while `listening`."""

    def __init__(self) -> None:
        #: How often a stop was asked for; the second time it is by force.
        self.stops = 0
        self._hangups = 0

    def take_hangup(self) -> bool:
        """Return whether SIGHUP came since the last call, however often."""
        came, self._hangups = self._hangups > 0, 0
        return came

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Set the handlers, let the signals that were held come, and restore the former handlers at the end."""
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
