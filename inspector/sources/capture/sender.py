"""Owns what a grabber says: words and pictures for the source, from a thread of its own, a few at a time."""

import os
import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from inspector.sources.capture.protocol import Missed, MissedWhy, Picture, Word, encode

#: Pictures that may wait here for the source, which takes them within milliseconds.
_WAITING = 4


class Mouth:
    """Says words to the source: who captures does not wait for who listens, unless it is to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._change = threading.Condition()
        self._waiting: deque[tuple[Word, NDArray[np.uint8] | None]] = deque()
        self._missed: dict[MissedWhy, int] = {}
        threading.Thread(target=self._talk, name="mouth", daemon=True).start()

    def say(self, word: Word, pixels: NDArray[np.uint8] | None = None, patient: bool = True) -> None:
        """Hand over a word. With no room a patient one waits; else the oldest picture goes, and is counted."""
        with self._change:
            while patient and len(self._waiting) >= _WAITING:
                self._change.wait()
            self._waiting.append((word, pixels))
            if len(self._waiting) > _WAITING and isinstance(self._waiting[0][0], Picture):
                self._waiting.popleft()
                self._count("overload", 1)
            self._change.notify_all()

    def miss(self, reason: MissedWhy, pictures: int) -> None:
        """So many pictures were there and cannot be shown. Told in sums, so it never waits and takes no room."""
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
                word, pixels = self._waiting.popleft() if self._waiting else (None, None)
                self._change.notify_all()
            try:
                for reason, pictures in missed.items():
                    self._write(encode(Missed(reason, pictures)))
                if word is not None:
                    self._write(encode(word))
                if pixels is not None:
                    self._write(pixels.data.cast("B"))
            except OSError:  # nobody listens any more
                os._exit(0)

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
