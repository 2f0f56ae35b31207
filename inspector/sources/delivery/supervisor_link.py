"""Owns what a source and its supervisor tell each other: ready, progress, lost workers, and when to stop."""

from collections.abc import Callable
from multiprocessing.connection import Connection

from inspector.protocol.control import Ready, WorkerGone, receive_all, send


class SupervisorLink:
    """The source's end of the supervisor's pipe; None where there is no supervisor."""

    def __init__(
        self,
        pipe: Connection | None = None,
        stop: Callable[[], bool] = lambda: False,
        worked: Callable[[], None] = lambda: None,
    ) -> None:
        """`stop` is called in every turn and returns whether the source is to stop; `worked` shows progress."""
        self.worked = worked
        self._pipe = pipe
        self._stop = stop
        self._orphaned = False

    @property
    def stopping(self) -> bool:
        """Whether the source is to stop: it was asked to, or the supervisor is gone."""
        return self._orphaned or self._stop()

    @property
    def descriptors(self) -> list[int]:
        """The descriptors that become readable when the supervisor sends something."""
        return [self._pipe.fileno()] if self._pipe else []

    def ready(self, name: str) -> None:
        """Report that the source of this name serves from now on."""
        if self._pipe:
            send(self._pipe, Ready(name))

    def lost_workers(self) -> list[WorkerGone]:
        """Return the workers that the supervisor saw end since the last call."""
        gone: list[WorkerGone] = []
        try:
            gone.extend(message for message in receive_all(self._pipe) if isinstance(message, WorkerGone))
        except (EOFError, OSError):
            self._orphaned = True
        return gone
