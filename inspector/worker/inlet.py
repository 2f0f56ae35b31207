"""Owns one source as a worker sees it: the credit it gives the source, and the frames that come for it."""

import logging
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from inspector.errors import MessageError
from inspector.protocol import messages
from inspector.protocol.frames import Frame, view_pixels
from inspector.protocol.messages import Credit
from inspector.protocol.sockets import Dealer

log = logging.getLogger(__name__)


class Inlet:
    """Frames of one source, which sends no more of them than it was asked for."""

    def __init__(self, worker: str, source: str, dealer: Dealer, share: int) -> None:
        """Ask by the name `worker` for as many frames as have `share` tiles; `dealer` is connected to the source."""
        self.source = source
        self.dealer = dealer
        #: Tiles of the source's latest frame; None before the first.
        self.tiles: int | None = None
        self._worker = worker
        self._share = share
        self._epoch = "-"
        self._seen = 0
        self._held = 0

    def ask(self, stopping: bool) -> None:
        """Send the source the number of frames that there is room for: none while stopping."""
        free = 0 if stopping else self._room()
        self.dealer.send(messages.encode(Credit(self._worker, self._epoch, self._seen, free)))

    def receive(self) -> Iterator[tuple[Frame, NDArray[np.uint8]]]:
        """Yield the frames that wait, each with its pixels, uint8 (height, width); they are held from then on."""
        while parts := self.dealer.receive():
            try:
                yield self._accepted(parts)
            except MessageError as error:
                log.warning("message from source %s ignored: %s", self.source, error)

    def release(self) -> None:
        """Count one frame less as held: its batch begins."""
        self._held -= 1

    def close(self) -> None:
        """Leave the source."""
        self.dealer.close()

    def _room(self) -> int:
        """Return how many more frames fill the share: one while their size is unknown, and always one to go on with."""
        most = 1 if self.tiles is None else max(1, self._share // max(1, self.tiles))
        return max(0, most - self._held)

    def _accepted(self, parts: list[bytes]) -> tuple[Frame, NDArray[np.uint8]]:
        frame = messages.decode(parts[0])
        if not isinstance(frame, Frame) or len(parts) != 2 or frame.header.source != self.source:
            raise MessageError("a source sends a Frame of its own and its pixels")
        pixels = view_pixels(frame, parts[1])
        if frame.header.epoch != self._epoch:
            self._epoch, self._seen = frame.header.epoch, 0
        self._seen += 1
        self._held += 1
        return frame, pixels
