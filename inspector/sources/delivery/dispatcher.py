"""Owns handing frames to workers: never more than they asked for, the emptiest first, and the canary now and then."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inspector.errors import MessageError
from inspector.protocol import canary, messages
from inspector.protocol.canary import Canary
from inspector.protocol.frames import Frame
from inspector.protocol.rejections import READ_BURST, Refusals, check_credit
from inspector.protocol.sockets import Router, source_address
from inspector.sources.delivery.credits import Credits, CreditWindow
from inspector.sources.delivery.ledger import Flight, Ledger


class Dispatcher:
    """The source's side of its workers: their credits come in, frames go out."""

    def __init__(
        self,
        router: Router,
        sockets: Path,
        ledger: Ledger,
        refusals: Refusals,
        canary: Canary | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sockets`: the folder of the line's sockets. `refusals` counts what comes that is no worker's message."""
        self.router = router
        self._sockets = sockets
        self._ledger = ledger
        self._refusals = refusals
        self._canary = canary
        self._clock = clock
        self._next_canary = -math.inf
        self._credits = Credits(ledger.epoch)

    def open(self) -> None:
        """Listen for workers. Raise BusyError if the address is taken."""
        self.router.bind(source_address(self._sockets, self._ledger.source))

    def close(self) -> None:
        """Stop listening."""
        self.router.close()

    def hand_out(self) -> None:
        """Give waiting frames to the workers that asked, the emptiest first, shared out evenly."""
        waiting = self._ledger.waiting
        if not waiting:
            return
        asking = self._credits.asking()
        for window in asking:
            share = math.ceil(waiting / len(asking))
            for flight in self._ledger.take(window.worker, min(window.available, share), self._clock()):
                if not self._hand_over(window, flight):
                    self._ledger.untake(flight)

    def offer_canary(self) -> None:
        """Now and then give the canary to the worker that had it longest ago. The sink judges what becomes of it."""
        now = self._clock()
        if self._canary is None or now < self._next_canary:
            return
        if asking := self._credits.asking():
            window = min(asking, key=lambda window: window.canary_at)
            frame = self._canary.frame(self._ledger.source, self._ledger.epoch)
            if self._send(window, frame, self._canary.pixels):
                window.canary_at, self._next_canary = now, now + canary.EVERY_S

    def expect_canary(self) -> None:
        """Give the canary at the next offer: a sink that has just started has seen none."""
        self._next_canary = -math.inf

    def receive(self) -> None:
        """Take in the credits that came, a bounded number of them."""
        for _ in range(READ_BURST):
            if not (received := self.router.receive()):
                break
            peer, parts = received
            try:
                message = messages.decode(parts[0] if len(parts) == 1 else b"")
                self._credits.take_in(peer, check_credit(peer, message))
            except MessageError as error:
                self._refusals.add(str(error))

    def forget(self, worker: str) -> None:
        """Send this worker nothing more: it ended."""
        self._credits.forget(worker)

    def _hand_over(self, window: CreditWindow, flight: Flight) -> bool:
        capture = flight.capture
        if capture.pixels is None:
            return False
        return self._send(window, Frame(self._ledger.header(flight), capture.decode_s), capture.pixels)

    def _send(self, window: CreditWindow, frame: Frame, pixels: NDArray[np.uint8]) -> bool:
        if not self.router.send(window.peer, messages.encode(frame), pixels.data):
            window.free = 0  # not reachable now; its next Credit tells otherwise
            return False
        window.sent += 1
        return True
