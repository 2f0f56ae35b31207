"""Owns the capture by FFmpeg: streams and video files, and what of them was lost on the way. The one door to PyAV.

OpenCV decodes by FFmpeg, too, and does not hand on what FFmpeg reports of each packet and picture.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from inspector.host.redaction import without
from inspector.sources.capture.frame_check import FrameCheck
from inspector.sources.capture.gray import gray
from inspector.sources.capture.protocol import CapturedImage, Ended, Failed, Opened, VideoOrder
from inspector.sources.capture.sender import Sender
from inspector.sources.capture.wholeness import Wholeness

#: Frames per second of a video file without a rate.
_USUAL_FPS = 25.0
#: Messages below the level of an error that mean lost data or a picture that is in part invented.
_LOSS = re.compile(r"conceal|missed|missing|corrupt|overrun|undecodable|first frame is no keyframe", re.IGNORECASE)
#: The message for a missing H.264 picture that others refer to, though no packet is missing: a camera or relay left it
#: out.
#: With B pictures in the stream it may come a picture too late, or not at all.
_GAP = "Frame num gap"
#: Errors that are none of the picture: a camera's own notes beside it.
_HARMLESS = re.compile(r"^SEI type|APP fields|Exif", re.IGNORECASE)
#: Upper bound on what is read ahead of a stream to learn what it is.
_AHEAD_S = 5.0
#: By TCP packets are lost, too, by a camera with too much to do: FFmpeg notices it only where it may put some in order.
_STREAM = {
    "analyzeduration": f"{_AHEAD_S * 1e6:.0f}",
    "rtsp_flags": "prefer_tcp",
    "reorder_queue_size": "16",
}
_Logged = list[tuple[int, str, str]]


def grab(order: VideoOrder, sender: Sender, stop: threading.Event) -> None:
    """Send the pictures that the order asks for until they end, the stream fails, or `stop` is set."""
    outside = logging.getLogger("libav")  # messages outside of a capture may hold the address
    outside.propagate, outside.handlers = False, [logging.NullHandler()]
    av.logging.set_level(av.logging.INFO)
    av.logging.set_skip_repeated(False)
    deadline_s = order.connect_s
    with av.logging.Capture() as logged:
        try:
            with _open(order) as container:
                sender.send(Opened())
                deadline_s = order.read_s
                frames = _FfmpegCapture(container, order, sender, logged).run(stop)
                promised = _promised(container)
        except (av.FFmpegError, OSError) as error:
            notable = [text for level, _, text in logged if level <= av.logging.INFO]
            sender.send(Failed(_reason(error, notable, order.address, deadline_s)))
            return
    if order.kind == "file":
        sender.send(Ended(frames, promised))
    else:
        sender.send(Failed("it ended the connection"))


def _open(order: VideoOrder) -> InputContainer:
    """Open what the order names. Raise FFmpegError or OSError if it cannot be opened."""
    if order.kind == "file":
        container = av.open(f"file:{order.address}")
    else:
        container = av.open(order.address, options=_STREAM, timeout=(order.connect_s, order.read_s))
    if not container.streams.video:
        container.close()
        raise OSError("there are no pictures in it")
    return container


def _promised(container: InputContainer) -> int:
    """Return how many pictures a file claims to have; 0 if it makes no claim."""
    stream = container.streams.video[0]
    if stream.frames or not stream.duration or not stream.time_base:
        return int(stream.frames)
    return round(stream.duration * stream.time_base * (stream.average_rate or 0))


def _reason(error: av.FFmpegError | OSError, logged: list[str], address: str, deadline_s: float) -> str:
    """Return why it failed, the same text for the same cause, without credentials."""
    why = error.strerror or str(error)
    reasons = [why, *logged]
    if any("Immediate exit requested" in text for text in reasons):  # by the deadline
        return f"no answer within {deadline_s:g} s"
    if any("ends prematurely" in text or "End of file" in text for text in reasons):
        return "it ended the connection"
    return without(why, address)[:500]


class _FfmpegCapture:
    """One connection's pictures, in the order in which they come."""

    def __init__(self, container: InputContainer, order: VideoOrder, sender: Sender, logged: _Logged) -> None:
        self._container = container
        self._stream = container.streams.video[0]
        self._order = order
        self._sender = sender
        self._logged = logged
        self._began: int | None = None  # the time of the first packet, in the stream's own unit
        self._wholeness = Wholeness()
        self._judge = FrameCheck(order.stale_s is not None)
        self._lost = 0  # that never came out

    def run(self, stop: threading.Event) -> int:
        """Send every picture until no more come; return how many there were, with those skipped or lost.

        Raise OSError if the stream fails.
        """
        number, whole_at = 0, time.monotonic()
        rate = float(self._stream.average_rate or 0)
        step_s, due = 1 / rate if 0 < rate < 10_000 else 1 / _USUAL_FPS, time.monotonic()
        for frame, whole in self._pictures():
            if stop.is_set():
                break
            number += 1
            if number <= self._order.skip:
                continue
            if self._order.kind == "file" and not self._order.every_frame:
                due += step_s
                time.sleep(max(0.0, due - time.monotonic()))
            picture = CapturedImage(
                number=number - 1, captured_at=time.time(), captured_mono=time.monotonic(), incomplete=not whole
            )
            whole_at = picture.captured_mono if whole else whole_at
            pixels = self._judge.judge(picture, _gray, frame) if whole else None
            self._sender.send(picture, pixels, patient=self._order.every_frame)
            if self._order.kind == "stream" and picture.captured_mono - whole_at > self._order.read_s:
                raise OSError(
                    f"no whole picture within {self._order.read_s:g} s, only incomplete ones:"
                    " data are lost on the way (network, the camera's load)"
                )
        return number + self._lost

    def _pictures(self) -> Iterator[tuple[av.VideoFrame, bool]]:
        """Yield each picture that the decoder makes, and whether it is whole."""
        context = self._stream.codec_context
        context.thread_type, context.thread_count = (
            "NONE",
            1,
        )  # its messages are of the packet that went in last
        context.copy_opaque = True
        lost_ahead = self._reported() and self._order.kind == "stream"  # of a file the message comes again
        av.logging.set_level(av.logging.DEBUG)  # the one level at which the decoder logs `_GAP`
        number, before = 0, False
        for packet in self._container.demux(self._stream):
            # A gap is seen where the data after it begin: what is missing may be of this packet, or of the next.
            gap = self._reported() or packet.is_corrupt or (lost_ahead and self._was_read_ahead(packet))
            packet.opaque = number
            try:
                frames, failed = packet.decode(), False
            except (av.error.InvalidDataError, av.error.UndefinedError, av.error.BugError):
                frames, failed = [], True
            if packet.size:
                self._wholeness.decoded(packet.is_keyframe, self._reported() or failed or gap or before)
                number, before = number + 1, gap
            for frame in frames:
                index = frame.opaque if isinstance(frame.opaque, int) else -1
                yield frame, self._wholeness.came_out(index, frame.is_corrupt, frame.pict_type == PictureType.I)
            self._count_lost(ended=not packet.size)

    def _was_read_ahead(self, packet: "av.Packet[VideoStream]") -> bool:
        """Return whether the packet may have been read while the stream was opened: messages of then may be of it."""
        if packet.dts is None or packet.time_base is None:
            return True
        self._began = packet.dts if self._began is None else self._began
        return bool((packet.dts - self._began) * packet.time_base <= _AHEAD_S)

    def _reported(self) -> bool:
        """Return whether a message since the last call is of data that are lost or damaged."""
        logged = self._logged.copy()
        self._logged.clear()
        decoder = self._stream.codec_context.codec.name
        return any(
            _GAP in text
            or (level <= av.logging.INFO and _LOSS.search(text))
            or (level <= av.logging.ERROR and who == decoder and not _HARMLESS.search(text))
            for level, who, text in logged
        )

    def _count_lost(self, ended: bool) -> None:
        if lost := self._wholeness.lost(ended):
            self._lost += lost
            self._sender.miss("incomplete", lost)


def _gray(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return gray(frame.to_ndarray(format="bgr24"))
