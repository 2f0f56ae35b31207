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
from inspector.sources.capture.frame_check import Judge
from inspector.sources.capture.gray import gray
from inspector.sources.capture.protocol import Ended, Failed, Opened, Picture, VideoOrder
from inspector.sources.capture.sender import Mouth
from inspector.sources.capture.wholeness import Wholeness

#: Where a video file does not say its rate.
_USUAL_FPS = 25.0
#: What is said below the level of an error, and means that data are lost or a picture is in part invented.
_LOSS = re.compile(r"conceal|missed|missing|corrupt|overrun|undecodable|first frame is no keyframe", re.IGNORECASE)
#: Said where an H.264 picture is missing that others refer to, though no packet is: a camera or relay left it out.
#: With B pictures in the stream the decoder may say it a picture too late, or not at all.
_GAP = "Frame num gap"
#: Errors that are none of the picture: a camera's own notes beside it.
_HARMLESS = re.compile(r"^SEI type|APP fields|Exif", re.IGNORECASE)
#: So much of a stream is read ahead at most to learn what it is.
_AHEAD_S = 5.0
#: By TCP packets are lost, too, by a camera with too much to do: FFmpeg notices it only where it may put some in order.
_STREAM = {
    "analyzeduration": f"{_AHEAD_S * 1e6:.0f}",
    "rtsp_flags": "prefer_tcp",
    "reorder_queue_size": "16",
}
_Said = list[tuple[int, str, str]]


def grab(order: VideoOrder, mouth: Mouth, stop: threading.Event) -> None:
    """Show what the order asks for until it ends, fails, or is to stop."""
    outside = logging.getLogger("libav")  # what is said outside of a capture may hold the address
    outside.propagate, outside.handlers = False, [logging.NullHandler()]
    av.logging.set_level(av.logging.INFO)
    av.logging.set_skip_repeated(False)
    deadline_s = order.connect_s
    with av.logging.Capture() as said:
        try:
            with _open(order) as container:
                mouth.say(Opened())
                deadline_s = order.read_s
                frames = _Capture(container, order, mouth, said).run(stop)
                promised = _promised(container)
        except (av.FFmpegError, OSError) as error:
            notable = [text for level, _, text in said if level <= av.logging.INFO]
            mouth.say(Failed(_reason(error, notable, order.address, deadline_s)))
            return
    if order.kind == "file":
        mouth.say(Ended(frames, promised))
    else:
        mouth.say(Failed("it ended the connection"))


def _open(order: VideoOrder) -> InputContainer:
    """Open it. FFmpegError or OSError: why it cannot be."""
    if order.kind == "file":
        container = av.open(f"file:{order.address}")
    else:
        container = av.open(order.address, options=_STREAM, timeout=(order.connect_s, order.read_s))
    if not container.streams.video:
        container.close()
        raise OSError("there are no pictures in it")
    return container


def _promised(container: InputContainer) -> int:
    """How many pictures a file says that it has; 0: it does not say."""
    stream = container.streams.video[0]
    if stream.frames or not stream.duration or not stream.time_base:
        return int(stream.frames)
    return round(stream.duration * stream.time_base * (stream.average_rate or 0))


def _reason(error: av.FFmpegError | OSError, said: list[str], address: str, deadline_s: float) -> str:
    """Why it failed, in words that are the same for the same cause, without credentials."""
    why = error.strerror or str(error)
    told = [why, *said]
    if any("Immediate exit requested" in text for text in told):  # by the deadline
        return f"no answer within {deadline_s:g} s"
    if any("ends prematurely" in text or "End of file" in text for text in told):
        return "it ended the connection"
    return without(why, address)[:500]


class _Capture:
    """One connection's pictures, in the order in which they come."""

    def __init__(self, container: InputContainer, order: VideoOrder, mouth: Mouth, said: _Said) -> None:
        self._container = container
        self._stream = container.streams.video[0]
        self._order = order
        self._mouth = mouth
        self._said = said
        self._began: int | None = None  # the time of the first packet, in the stream's own unit
        self._wholeness = Wholeness()
        self._judge = Judge(order.stale_s is not None)
        self._lost = 0  # that never came out

    def run(self, stop: threading.Event) -> int:
        """Every picture until no more come; how many there were, with those skipped or lost. OSError: why it failed."""
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
            picture = Picture(number - 1, time.time(), time.monotonic(), incomplete=not whole)
            whole_at = picture.captured_mono if whole else whole_at
            pixels = self._judge.judge(picture, _gray, frame) if whole else None
            self._mouth.say(picture, pixels, patient=self._order.every_frame)
            if self._order.kind == "stream" and picture.captured_mono - whole_at > self._order.read_s:
                raise OSError(
                    f"no whole picture within {self._order.read_s:g} s, only incomplete ones:"
                    " data are lost on the way (network, the camera's load)"
                )
        return number + self._lost

    def _pictures(self) -> Iterator[tuple[av.VideoFrame, bool]]:
        """Each picture that the decoder makes, and whether it is whole."""
        context = self._stream.codec_context
        context.thread_type, context.thread_count = "NONE", 1  # what is said is of the packet that went in last
        context.copy_opaque = True
        lost_ahead = self._reported() and self._order.kind == "stream"  # of a file this is said again
        av.logging.set_level(av.logging.DEBUG)  # the one level at which the decoder says `_GAP`
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
        """Whether the packet may have been read while the stream was opened: what was said then may be of it."""
        if packet.dts is None or packet.time_base is None:
            return True
        self._began = packet.dts if self._began is None else self._began
        return bool((packet.dts - self._began) * packet.time_base <= _AHEAD_S)

    def _reported(self) -> bool:
        """Whether anything that was said since this was asked last is of data that are lost or damaged."""
        said = self._said.copy()
        self._said.clear()
        decoder = self._stream.codec_context.codec.name
        return any(
            _GAP in text
            or (level <= av.logging.INFO and _LOSS.search(text))
            or (level <= av.logging.ERROR and who == decoder and not _HARMLESS.search(text))
            for level, who, text in said
        )

    def _count_lost(self, ended: bool) -> None:
        if lost := self._wholeness.lost(ended):
            self._lost += lost
            self._mouth.miss("incomplete", lost)


def _gray(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return gray(frame.to_ndarray(format="bgr24"))
