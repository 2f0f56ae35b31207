"""Owns the capture by OpenCV: video devices."""

import threading
import time

import cv2

from inspector.sources.capture.frame_check import Judge
from inspector.sources.capture.gray import gray
from inspector.sources.capture.protocol import Failed, Opened, Picture, VideoOrder
from inspector.sources.capture.sender import Mouth
from inspector.sources.capture.stderr_reader import Mutter


def grab(order: VideoOrder, mouth: Mouth, mutter: Mutter, stop: threading.Event) -> None:
    """Show what the order asks for until it fails, or is to stop. It knows no deadlines: the source kills us."""
    mutter.forget()
    number = order.address.removeprefix("/dev/video")
    capture = cv2.VideoCapture(int(number) if number.isdigit() else order.address, cv2.CAP_V4L2)
    if not capture.isOpened():
        mouth.say(Failed(mutter.reason(order.address, "cannot be opened")))
        return
    mouth.say(Opened())
    _show(capture, mouth, Judge(order.stale_s is not None), stop)
    capture.release()
    mouth.say(Failed(mutter.reason(order.address, "no more pictures come")))


def _show(capture: cv2.VideoCapture, mouth: Mouth, judge: Judge, stop: threading.Event) -> None:
    """Every picture until no more come."""
    number = 0
    while not stop.is_set() and (got := capture.read())[0]:
        picture = Picture(number, time.time(), time.monotonic())
        pixels = judge.judge(picture, gray, got[1])
        mouth.say(picture, pixels, patient=False)
        number += 1
