"""Owns a capture process as its source sees it: starts it, reads from it without ever waiting, and ends it."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from inspector import MAX_PIXELS
from inspector.host import parent_death
from inspector.sources import capture
from inspector.sources.capture.protocol import MAX_MESSAGE_BYTES, CapturedImage, Message, Order, decode, encode

#: The largest pipe that a user without rights gets: a picture passes in few turns.
_PIPE_BYTES = 1 << 20
#: Seconds that the process gets to leave its camera in good order: one that is released can be opened again at once.
_LEAVE_S = 0.3
#: A killed process that is still there after this hangs in the kernel, in a broken driver: it is left behind.
_KILL_S = 1.0


class CaptureClient:
    """One capture process. `received_at`: when it last gave a sign of life, monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the process. Raise OSError if none can be started."""
        self._clock = clock
        self.received_at = clock()
        environment = {**os.environ, "OPENCV_LOG_LEVEL": "WARN"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", capture.__name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment,
            preexec_fn=parent_death.bound(),
        )  # fmt: skip
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("a process without pipes")
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdout.fileno(), False)
        with contextlib.suppress(OSError):  # too many large pipes: a small one is as good, only slower
            fcntl.fcntl(self._stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._picture: CapturedImage | None = None
        self._pixels = np.empty((0, 0), np.uint8)
        self._length_known = False
        self._expect(memoryview(bytearray(4)))

    def order(self, order: Order) -> None:
        """Send what to capture now. By stdin: a command line with a login is readable for everyone on this host."""
        self.received_at = self._clock()
        with contextlib.suppress(BrokenPipeError):  # that it exited is found at the next read
            self._stdin.write(encode(order))

    def fileno(self) -> int:
        """Return the descriptor that is readable when the process has sent something."""
        return self._stdout.fileno()

    def receive(self) -> tuple[Message, NDArray[np.uint8] | None] | None:
        """Return the next message, with the pixels of a CapturedImage; None while none is whole.

        Raise OSError if the process exits or violates the protocol.
        """
        while self._fill():
            if self._picture is not None:
                received = self._picture, self._pixels
                self._picture = None
                self._expect(memoryview(bytearray(4)))
                return received
            if not self._length_known:
                self._expect_message(int.from_bytes(self._buffer, "big"))
                continue
            message = self._decode()
            self._length_known = False
            if isinstance(message, CapturedImage) and message.height and message.width:
                self._expect_pixels(message)
            else:
                self._expect(memoryview(bytearray(4)))
                return message, None
        return None

    def close(self) -> None:
        """Ask the process to exit, and kill it if it hangs."""
        self._stdin.close()
        try:
            self._process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)

    def _fill(self) -> bool:
        """Read on; return whether all that is expected is there."""
        while self._filled < len(self._buffer):
            try:
                count = os.readv(self._stdout.fileno(), [self._buffer[self._filled :]])
            except BlockingIOError:
                return False
            if not count:
                raise OSError(f"the capture process ended{self._how()}")
            self._filled += count
            self.received_at = self._clock()
        return True

    def _how(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_KILL_S)
            return f" with signal {-code}" if code < 0 else f" with exit code {code}"
        return ""

    def _expect(self, buffer: memoryview) -> None:
        self._buffer, self._filled = buffer, 0

    def _expect_message(self, length: int) -> None:
        if not 0 < length <= MAX_MESSAGE_BYTES:
            raise OSError(f"the capture process announces a message of {length} bytes")
        self._length_known = True
        self._expect(memoryview(bytearray(length)))

    def _decode(self) -> Message:
        try:
            return decode(self._buffer.tobytes())
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise OSError(f"the capture process sends nonsense: {error}") from None

    def _expect_pixels(self, picture: CapturedImage) -> None:
        if picture.height * picture.width > MAX_PIXELS:
            raise OSError(f"the capture process announces {picture.width}x{picture.height} pixels")
        self._picture, self._pixels = picture, np.empty((picture.height, picture.width), np.uint8)
        self._expect(self._pixels.data.cast("B"))
