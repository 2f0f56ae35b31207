"""Owns the capture by OpenCV: streams, video devices and video files."""

import threading
import time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.grabber.judge import Judge
from inspector.grabber.mouth import Mouth
from inspector.grabber.mutter import Mutter
from inspector.grabber.words import Ended, Failed, OpenCvOrder, Opened, Picture
from inspector.image import inspectable

#: Where a video file does not say its rate.
_USUAL_FPS = 25.0
#: What a decoder makes of picture parts that it never got: Y, U and V of 0 are this green.
_GREEN_LOW, _GREEN_HIGH = (0, 130, 0), (3, 140, 3)
#: So many rows of it are one row of blocks: fewer are the picture's own.
_GREEN_ROWS = 8


def grab(order: OpenCvOrder, mouth: Mouth, mutter: Mutter, stop: threading.Event) -> None:
    """Show what the order asks for until it ends, fails, or is to stop."""
    mutter.forget()
    capture = _open(order)
    if not capture.isOpened():
        mouth.say(Failed(mutter.reason(order.address, order.connect_s, "cannot be opened")))
        return
    mouth.say(Opened())
    number = _show(capture, order, mouth, stop)
    promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    if order.kind == "file":
        mouth.say(Ended(number, max(0, int(promised))))
    else:
        mouth.say(Failed(mutter.reason(order.address, order.read_s, "no more pictures come")))


def _open(order: OpenCvOrder) -> cv2.VideoCapture:
    """Open it; it is not open where that failed. A device knows no deadlines: the source kills us past them."""
    if order.kind == "device":
        number = order.address.removeprefix("/dev/video")
        return cv2.VideoCapture(int(number) if number.isdigit() else order.address, cv2.CAP_V4L2)
    deadlines = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(order.connect_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(order.read_s * 1000),
    ]  # fmt: skip
    return cv2.VideoCapture(order.address, cv2.CAP_FFMPEG, deadlines)


def _show(capture: cv2.VideoCapture, order: OpenCvOrder, mouth: Mouth, stop: threading.Event) -> int:
    """Every picture until no more come; how many there were, with those skipped."""
    number = 0
    while number < order.skip and capture.grab():
        number += 1
    fps = capture.get(cv2.CAP_PROP_FPS)
    step_s = 1 / fps if 0 < fps < 10_000 else 1 / _USUAL_FPS
    due, judge = time.monotonic(), Judge(order.stale_s is not None)
    while not stop.is_set() and (got := capture.read())[0]:
        if order.kind == "file" and not order.every_frame:
            due += step_s
            time.sleep(max(0.0, due - time.monotonic()))
        picture = Picture(number, time.time(), time.monotonic())
        pixels = judge.judge(picture, gray, got[1])
        mouth.say(picture, pixels, patient=order.every_frame)
        number += 1
    return number


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
