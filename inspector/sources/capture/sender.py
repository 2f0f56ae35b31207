"""Owns sending from a capture process: messages and pictures to the source, by a thread of its own, a few at a time."""

import os
import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from inspector.sources.capture.protocol import CapturedImage, Message, Missed, MissedWhy, encode

#: Pictures that may wait here for the source, which takes them within milliseconds.
_WAITING = 4


class Sender:
    """Sends to the source: the capture does not wait for the reader, unless it is to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._change = threading.Condition()
        self._waiting: deque[tuple[Message, NDArray[np.uint8] | None]] = deque()
        self._missed: dict[MissedWhy, int] = {}
        threading.Thread(target=self._talk, name="sender", daemon=True).start()

    def send(self, message: Message, pixels: NDArray[np.uint8] | None = None, patient: bool = True) -> None:
        """Hand over a message. Without room a patient one waits; else the oldest picture goes, and is counted."""
        with self._change:
            while patient and len(self._waiting) >= _WAITING:
                self._change.wait()
            self._waiting.append((message, pixels))
            if len(self._waiting) > _WAITING and isinstance(self._waiting[0][0], CapturedImage):
                self._waiting.popleft()
                self._count("overload", 1)
            self._change.notify_all()

    def miss(self, reason: MissedWhy, pictures: int) -> None:
        """Count pictures that were there and cannot be shown. Sent as sums, so this never waits and takes no room."""
        with self._change:
            self._count(reason, pictures)
            self._change.notify_all()

    def _count(self, reason: MissedWhy, pictures: int) -> None:
        self._missed[reason] = self._missed.get(reason, 0) + pictures

    def _talk(self) -> None:
        while True:
            with self._change:
                while not self._waiting and not self._missed:
                    self._change.wait()
                missed, self._missed = self._missed, {}
                message, pixels = self._waiting.popleft() if self._waiting else (None, None)
                self._change.notify_all()
            try:
                for reason, pictures in missed.items():
                    self._write(encode(Missed(reason, pictures)))
                if message is not None:
                    self._write(encode(message))
                if pixels is not None:
                    self._write(pixels.data.cast("B"))
            except OSError:  # nobody listens any more
                os._exit(0)

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
