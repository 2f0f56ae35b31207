"""Owns what a process shows of itself without a word: its last turn, its work, and the batch in its hands.

Shared memory, because a process that is stuck or killed says nothing more, and what it worked on must be known.
"""

import time
from collections.abc import Iterable
from multiprocessing.context import SpawnContext

import msgspec

from inspector.messages import MAX_BATCH_FRAMES, FrameOf

#: A batch of so many frames with the longest names fits.
_MAX_BYTES = MAX_BATCH_FRAMES * 140


class LifeSign:
    """Written by one process, read by the supervisor. Times are monotonic seconds, 0: never, or not now."""

    def __init__(self, context: SpawnContext) -> None:
        self._turned = context.RawValue("d", 0.0)
        self._began = context.RawValue("d", 0.0)
        self._work = context.RawValue("Q", 0)
        self._length = context.RawValue("L", 0)
        self._frames = context.RawArray("c", _MAX_BYTES)

    def turn(self) -> None:
        """It goes round its loop."""
        self._turned.value = time.monotonic()

    def worked(self) -> None:
        """It did something of what it is there for."""
        self._work.value += 1

    def begin(self, frames: Iterable[FrameOf]) -> None:
        """It takes these frames in hand; what happens to it until `end` may be their doing."""
        data = msgspec.msgpack.encode(list(frames))[:_MAX_BYTES]
        memoryview(self._frames).cast("B")[: len(data)] = data
        self._length.value = len(data)
        self._began.value = time.monotonic()

    def end(self) -> None:
        """The batch is done, and cost nobody anything."""
        self._began.value = 0.0
        self.worked()

    def clear(self) -> None:
        """For the next process in its place."""
        self._turned.value = self._began.value = 0.0
        self._work.value = 0

    @property
    def turned(self) -> float:
        """When it last went round its loop."""
        return float(self._turned.value)

    @property
    def began(self) -> float:
        """When the batch in its hands began."""
        return float(self._began.value)

    @property
    def work(self) -> int:
        """How often it worked."""
        return int(self._work.value)

    def in_hand(self) -> list[FrameOf]:
        """The frames of the batch that has begun and not ended; none between batches."""
        if not self._began.value:
            return []
        data = bytes(memoryview(self._frames).cast("B")[: self._length.value])
        return msgspec.msgpack.decode(data, type=list[FrameOf])
