"""Owns the life sign of a process, in shared memory: its last turn, its progress, and the batch in its hands.

The supervisor reads it from outside, because a process that is stuck or killed sends no more messages, and the frames
that it worked on must be known.
"""

import ctypes
import mmap
import os
import time
from collections.abc import Iterable

import msgspec

from inspector.protocol.frames import FrameOf
from inspector.protocol.messages import MAX_BATCH_FRAMES

#: Room for the frames of a batch, in bytes: MAX_BATCH_FRAMES with the longest names fit.
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
    """The life sign that a process writes and the supervisor reads. Times: monotonic seconds; 0: never, or not now."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Map new memory, or that of another process, passed on as `descriptor`."""
        if descriptor is None:
            descriptor = os.memfd_create("life-sign")
            os.ftruncate(descriptor, ctypes.sizeof(_Shown))
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, ctypes.sizeof(_Shown))
        self._shown = _Shown.from_buffer(self._memory)

    def close(self) -> None:
        """Release the memory and its descriptor; no other method may be called after that."""
        del self._shown  # it refers to the memory
        self._memory.close()
        os.close(self.descriptor)

    def turn(self) -> None:
        """Note that the process begins another turn of its loop."""
        self._shown.turned = time.monotonic()

    def worked(self) -> None:
        """Note progress: the process has done a part of its task."""
        self._shown.work += 1

    def begin(self, frames: Iterable[FrameOf]) -> None:
        """Note that work on these frames begins: if the process ends before `end`, they may be the reason."""
        data = msgspec.msgpack.encode(list(frames))[:_MAX_BYTES]
        memoryview(self._shown.frames).cast("B")[: len(data)] = data
        self._shown.length = len(data)
        self._shown.began = time.monotonic()

    def end(self) -> None:
        """Note that the batch is done and the process survived it; that is progress."""
        self._shown.began = 0.0
        self.worked()

    def let_go(self) -> None:
        """Note that the frames in hand are done and the next follow at once: a turn, but not yet progress."""
        self._shown.began = 0.0
        self.turn()

    def clear(self) -> None:
        """Reset the life sign for the next process in the same place."""
        self._shown.turned = self._shown.began = 0.0
        self._shown.work = 0

    @property
    def turned(self) -> float:
        """When the process last began a turn of its loop."""
        return float(self._shown.turned)

    @property
    def began(self) -> float:
        """When the work on the batch in hand began."""
        return float(self._shown.began)

    @property
    def work(self) -> int:
        """How often the process made progress."""
        return int(self._shown.work)

    def in_hand(self) -> list[FrameOf]:
        """Return the frames of the batch that has begun and not ended; none between batches."""
        if not self._shown.began:
            return []
        data = bytes(memoryview(self._shown.frames).cast("B")[: self._shown.length])
        return msgspec.msgpack.decode(data, type=list[FrameOf])
