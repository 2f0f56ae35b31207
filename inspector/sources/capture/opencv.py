"""Owns the capture by OpenCV: video devices."""

import threading
import time

import cv2

from inspector.sources.capture.frame_check import FrameCheck
from inspector.sources.capture.gray import gray
from inspector.sources.capture.protocol import CapturedImage, Failed, Opened, VideoOrder
from inspector.sources.capture.sender import Sender
from inspector.sources.capture.stderr_reader import StderrReader


def grab(order: VideoOrder, sender: Sender, stderr: StderrReader, stop: threading.Event) -> None:
    """Send what the order asks for until it fails, or `stop` is set. OpenCV has no deadlines: the source kills us."""
    stderr.forget()
    number = order.address.removeprefix("/dev/video")
    capture = cv2.VideoCapture(int(number) if number.isdigit() else order.address, cv2.CAP_V4L2)
    if not capture.isOpened():
        sender.send(Failed(stderr.reason(order.address, "cannot be opened")))
        return
    sender.send(Opened())
    _show(capture, sender, FrameCheck(order.stale_s is not None), stop)
    capture.release()
    sender.send(Failed(stderr.reason(order.address, "no more pictures come")))


def _show(capture: cv2.VideoCapture, sender: Sender, judge: FrameCheck, stop: threading.Event) -> None:
    """Send every picture until no more come."""
    number = 0
    while not stop.is_set() and (got := capture.read())[0]:
        picture = CapturedImage(number=number, captured_at=time.time(), captured_mono=time.monotonic())
        pixels = judge.judge(picture, gray, got[1])
        sender.send(picture, pixels, patient=False)
        number += 1
