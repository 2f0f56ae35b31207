"""Owns what a process shows of itself without a word: its last turn, its work, and the batch in its hands.

Shared memory, because a process that is stuck or killed says nothing more, and what it worked on must be known.
"""

import ctypes
import mmap
import os
import time
from collections.abc import Iterable

import msgspec

from inspector.protocol.frames import FrameOf
from inspector.protocol.messages import MAX_BATCH_FRAMES

#: A batch of so many frames with the longest names fits.
_MAX_BYTES = MAX_BATCH_FRAMES * 140


class _Shown(ctypes.Structure):
    _fields_ = [
        ("turned", ctypes.c_double),
        ("began", ctypes.c_double),
        ("work", ctypes.c_uint64),
        ("length", ctypes.c_uint64),
        ("frames", ctypes.c_ubyte * _MAX_BYTES),
    ]


class LifeSign:
    """Written by one process, read by the supervisor. Times are monotonic seconds, 0: never, or not now."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Memory of its own, or that which another process has made and passed on as `descriptor`."""
        if descriptor is None:
            descriptor = os.memfd_create("life-sign")
            os.ftruncate(descriptor, ctypes.sizeof(_Shown))
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, ctypes.sizeof(_Shown))
        self._shown = _Shown.from_buffer(self._memory)

    def close(self) -> None:
        """Give the memory and its descriptors back; nothing is asked of it any more."""
        del self._shown  # which holds the memory
        self._memory.close()
        os.close(self.descriptor)

    def turn(self) -> None:
        """It goes round its loop."""
        self._shown.turned = time.monotonic()

    def worked(self) -> None:
        """It did something of what it is there for."""
        self._shown.work += 1

    def begin(self, frames: Iterable[FrameOf]) -> None:
        """It takes these frames in hand; what happens to it until `end` may be their doing."""
        data = msgspec.msgpack.encode(list(frames))[:_MAX_BYTES]
        memoryview(self._shown.frames).cast("B")[: len(data)] = data
        self._shown.length = len(data)
        self._shown.began = time.monotonic()

    def end(self) -> None:
        """The batch is done, and cost nobody anything."""
        self._shown.began = 0.0
        self.worked()

    def let_go(self) -> None:
        """What was in hand is done with, and the next comes at once: that is a turn, though not yet work."""
        self._shown.began = 0.0
        self.turn()

    def clear(self) -> None:
        """For the next process in its place."""
        self._shown.turned = self._shown.began = 0.0
        self._shown.work = 0

    @property
    def turned(self) -> float:
        """When it last went round its loop."""
        return float(self._shown.turned)

    @property
    def began(self) -> float:
        """When the batch in its hands began."""
        return float(self._shown.began)

    @property
    def work(self) -> int:
        """How often it worked."""
        return int(self._shown.work)

    def in_hand(self) -> list[FrameOf]:
        """The frames of the batch that has begun and not ended; none between batches."""
        if not self._shown.began:
            return []
        data = bytes(memoryview(self._shown.frames).cast("B")[: self._shown.length])
        return msgspec.msgpack.decode(data, type=list[FrameOf])
