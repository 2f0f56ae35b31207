"""Owns the hold on one camera: a process around OpenCV's capture, which may hang or crash in native code.

    source ── Order ──▶ grabber (stdin) ── Opened, Picture + pixels, Missed, Failed, Ended ──▶ source (stdout)

After it Failed it takes another order. It ends when its stdin does or when it is killed: that is how a hanging camera
is left. On the wire a message is its length in four bytes, msgpack, and behind a Picture with a size its gray pixels.
"""

import os
import re
import select
import sys
import threading
import time
from collections import deque
from queue import Queue
from typing import Annotated, Any, BinaryIO, Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from inspector.address import without
from inspector.errors import ImageError
from inspector.image import MAX_SIDE_PX, inspectable

MAX_MESSAGE_BYTES = 16_384
#: Pictures that may wait here for the source, which takes them within milliseconds.
_WAITING = 4
#: Where a video file does not say its rate.
_USUAL_FPS = 25.0
#: What a decoder makes of picture parts that it never got: Y, U and V of 0 are this green.
_GREEN_LOW, _GREEN_HIGH = (0, 130, 0), (3, 140, 3)
#: So many rows of it are one row of blocks: fewer are the picture's own.
_GREEN_ROWS = 8
_Side = Annotated[int, msgspec.Meta(ge=0, le=MAX_SIDE_PX)]


class _Word(msgspec.Struct, tag=True):
    """What goes between a source and its grabber."""


class Order(_Word):
    """What to capture. Of a file every frame counts, or it runs at its own pace; `skip` frames of it were had before.

    `repeats`: tell of a picture that is the very same as the one before, instead of showing it.
    """

    address: str
    kind: Literal["stream", "device", "file"]
    connect_s: float
    read_s: float
    every_frame: bool = False
    repeats: bool = True
    skip: int = 0


class Opened(_Word):
    """The camera answers."""


class Picture(_Word):
    """One picture, gray, uint8 (height, width); without a size the `reason` why it cannot be inspected, or `same`."""

    number: int
    captured_at: float
    captured_mono: float
    height: _Side = 0
    width: _Side = 0
    reason: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    same: bool = False


class Missed(_Word):
    """So many pictures were there, and there was no room for them."""

    pictures: int


class Failed(_Word):
    """It cannot be opened, or nothing comes any more; the grabber waits for the next order."""

    reason: str


class Ended(_Word):
    """The file was read to its end, `frames` of the `promised` (0: it does not say)."""

    frames: int
    promised: int


Word = Order | Opened | Picture | Missed | Failed | Ended
_decoder: msgspec.msgpack.Decoder[Word] = msgspec.msgpack.Decoder(Word)


def encode(word: Word) -> bytes:
    """The word with its length in front."""
    data = msgspec.msgpack.encode(word)
    return len(data).to_bytes(4, "big") + data


def decode(data: bytes | bytearray) -> Word:
    """The word in `data`, its length taken off. ValueError where it is none."""
    return _decoder.decode(data)


def gray(picture: NDArray[Any] | None) -> NDArray[np.uint8]:
    """What a capture gave, as uint8 (height, width). ImageError: why it cannot be inspected."""
    if picture is None or picture.size == 0:
        raise ImageError("the camera gave a picture without pixels")
    channels = picture.shape[2] if picture.ndim == 3 else 1
    if picture.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise ImageError(f"the camera gave an array of {picture.shape}: height, width, 1, 3 or 4 colours are right")
    if picture.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"the camera gave pixels of type {picture.dtype}: 8 or 16 bits a pixel can be inspected")
    if channels == 1:
        return inspectable(picture.reshape(picture.shape[:2]), 16)
    if channels == 3 and picture.dtype == np.uint8 and (rows := _green_rows(picture)) >= _GREEN_ROWS:
        raise ImageError(f"{rows} of {picture.shape[0]} rows are the green of a picture that was not decoded whole")
    code = cv2.COLOR_BGR2GRAY if channels == 3 else cv2.COLOR_BGRA2GRAY
    return inspectable(cv2.cvtColor(picture, code), 16)


def _green_rows(picture: NDArray[Any]) -> int:
    """How many rows are green from end to end; only rows that are so at every 16th pixel are looked at whole."""
    within = cv2.inRange(np.ascontiguousarray(picture[:, ::16]), _GREEN_LOW, _GREEN_HIGH)
    rows = np.flatnonzero(within.all(axis=1))
    if not rows.size:
        return 0
    return int(cv2.inRange(picture[rows], _GREEN_LOW, _GREEN_HIGH).all(axis=1).sum())


class _Mouth:
    """Says words to the source from a thread: who captures does not wait for who listens, unless it is to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._change = threading.Condition()
        self._waiting: deque[tuple[Word, NDArray[np.uint8] | None]] = deque()
        self._missed = 0
        threading.Thread(target=self._talk, name="mouth", daemon=True).start()

    def say(self, word: Word, pixels: NDArray[np.uint8] | None = None, patient: bool = True) -> None:
        """Hand over a word. With no room a patient one waits; else the oldest picture goes, and is counted."""
        with self._change:
            while patient and len(self._waiting) >= _WAITING:
                self._change.wait()
            self._waiting.append((word, pixels))
            if len(self._waiting) > _WAITING and isinstance(self._waiting[0][0], Picture):
                self._waiting.popleft()
                self._missed += 1
            self._change.notify_all()

    def _talk(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    self._change.wait()
                missed, self._missed = self._missed, 0
                word, pixels = self._waiting.popleft()
                self._change.notify_all()
            try:
                if missed:
                    self._write(encode(Missed(missed)))
                self._write(encode(word))
                if pixels is not None:
                    self._write(pixels.data.cast("B"))
            except OSError:  # nobody listens any more
                os._exit(0)

    def _write(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class _Mutter:
    """What FFmpeg and OpenCV print: the one place where they tell why. Bounded, and nothing of it goes to the log."""

    _NOISE = re.compile(r"^\[ *(?:WARN|ERROR)[^]]*\] global \S+ \S+ |^\[[^]]* @ 0x[0-9a-f]+\] |\?timeout=\d+")
    _SAYS_NOTHING = "backend is generally available"

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=20)
        self._ours, theirs = os.pipe()
        os.dup2(theirs, 2)
        os.close(theirs)
        self._thread = threading.Thread(target=self._listen, name="mutter", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with open(self._ours, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if self._SAYS_NOTHING not in line and (text := self._NOISE.sub("", line).strip()):
                    self._lines.append(text)

    def forget(self) -> None:
        """What was said until now is of a call before."""
        self._lines.clear()

    def reason(self, order: Order, deadline_s: float, otherwise: str) -> str:
        """Why the last call failed, in words that are the same for the same cause, without credentials."""
        for _ in range(20):  # the line may still be on its way
            if not select.select([self._ours], [], [], 0)[0]:
                break
            time.sleep(0.005)
        last = self._lines[-1] if self._lines else ""
        if "timeout triggered" in last:
            return f"no answer within {deadline_s:g} s"
        if "ends prematurely" in last or "End of file" in last:
            return "it ended the connection"
        return without(last, order.address)[:500] or otherwise


def main() -> None:
    """Entry of the process."""
    mouth = _Mouth(os.dup(1))
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)  # a bug of ours still shows in the log
    mutter = _Mutter()
    os.dup2(2, 1)  # native code that prints must not be taken for a word of ours
    orders: Queue[Order] = Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()
    while True:
        _grab(orders.get(), mouth, mutter)


def _listen(words: BinaryIO, orders: "Queue[Order]") -> None:
    while length := words.read(4):
        orders.put(msgspec.msgpack.decode(words.read(int.from_bytes(length, "big")), type=Order))
    os._exit(0)  # whatever hangs


def _open(order: Order) -> cv2.VideoCapture:
    """Open it; it is not open where that failed. A device knows no deadlines: the source kills us past them."""
    if order.kind == "device":
        number = order.address.removeprefix("/dev/video")
        return cv2.VideoCapture(int(number) if number.isdigit() else order.address, cv2.CAP_V4L2)
    deadlines = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(order.connect_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(order.read_s * 1000),
    ]  # fmt: skip
    return cv2.VideoCapture(order.address, cv2.CAP_FFMPEG, deadlines)


def _grab(order: Order, mouth: _Mouth, mutter: _Mutter) -> None:
    mutter.forget()
    capture = _open(order)
    if not capture.isOpened():
        mouth.say(Failed(mutter.reason(order, order.connect_s, "cannot be opened")))
        return
    mouth.say(Opened())
    number = _show(capture, order, mouth)
    promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    if order.kind == "file":
        mouth.say(Ended(number, max(0, int(promised))))
    else:
        mouth.say(Failed(mutter.reason(order, order.read_s, "no more pictures come")))


def _show(capture: cv2.VideoCapture, order: Order, mouth: _Mouth) -> int:
    """Every picture until no more come; how many there were, with those skipped."""
    number = 0
    while number < order.skip and capture.grab():
        number += 1
    fps = capture.get(cv2.CAP_PROP_FPS)
    step_s = 1 / fps if 0 < fps < 10_000 else 1 / _USUAL_FPS
    due, previous = time.monotonic(), None
    while (got := capture.read())[0]:
        if order.kind == "file" and not order.every_frame:
            due += step_s
            time.sleep(max(0.0, due - time.monotonic()))
        picture, pixels = _judge(number, got[1], previous if order.repeats else None)
        mouth.say(picture, None if picture.same else pixels, patient=order.every_frame)
        number, previous = number + 1, pixels
    return number


def _judge(
    number: int, got: NDArray[Any], previous: NDArray[np.uint8] | None
) -> tuple[Picture, NDArray[np.uint8] | None]:
    """The picture as it is told of, and its pixels where it can be inspected."""
    picture = Picture(number, time.time(), time.monotonic())
    try:
        pixels = gray(got)
    except ImageError as error:
        picture.reason = str(error)[:1024]
        return picture, None
    if previous is not None and np.array_equal(previous, pixels):
        picture.same = True
    else:
        picture.height, picture.width = pixels.shape
    return picture, pixels


if __name__ == "__main__":
    main()
