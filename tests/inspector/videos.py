"""Videos of strip that runs, encoded as cameras do; with packets lost, and an RTSP camera that loses them."""

import contextlib
import io
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np

from tests.inspector.cameras import strip

SIDE = 208
#: Of MPEG-TS.
_PACKET_BYTES = 188
_VIDEO = 256


def frames(count: int) -> Iterator[av.VideoFrame]:
    """Strip that runs seven lines a picture."""
    coil = strip(3, 2 * SIDE)
    for number in range(count):
        pixels = np.ascontiguousarray(np.roll(coil, -7 * number, axis=0)[:SIDE, :SIDE])
        frame = av.VideoFrame.from_ndarray(pixels, format="gray").reformat(format="yuv420p")
        frame.pts = number
        yield frame


def encoded(count: int, codec: str, options: dict[str, str], to: Any, form: str) -> Iterator[bytes]:
    """Write so many pictures; what the encoder makes of each, before it is put into packets of that form."""
    with av.open(to, "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # with more, x264 puts no picture ahead of the key picture it refers to
        for frame in [*frames(count), None]:
            packets = stream.encode(frame)
            made = b"".join(bytes(packet) for packet in packets)
            container.mux(packets)
            yield made


def transport_stream(count: int, codec: str = "libx264", **options: str) -> bytes:
    """An MPEG-TS of so many pictures."""
    file = io.BytesIO()
    for _ in encoded(count, codec, options, file, "mpegts"):
        continue
    return file.getvalue()


def without_picture(stream: bytes, left_out: int) -> bytes:
    """The stream of a camera that left out this picture, counted in the order of decoding: no packet is missing."""
    file = io.BytesIO()
    with av.open(io.BytesIO(stream)) as whole, av.open(file, "w", format="mpegts") as container:
        to = container.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(whole.demux(video=0)):
            if packet.size and number != left_out:
                packet.stream = to
                container.mux(packet)
    return file.getvalue()


def with_losses(data: bytes, share: float, seed: int) -> tuple[bytes, int]:
    """The stream without a share of its video's packets, and how many of them are gone."""
    chance = random.Random(seed)
    packets = [data[at : at + _PACKET_BYTES] for at in range(0, len(data), _PACKET_BYTES)]
    kept = [one for one in packets if int.from_bytes(one[1:3], "big") & 0x1FFF != _VIDEO or chance.random() >= share]
    return b"".join(kept), len(packets) - len(kept)


def rtp(count: int) -> tuple[list[bytes], bytes]:
    """So many pictures in H.264 as a camera puts them into RTP packets, and as a file. None refers to a later one."""
    options = {"x264-params": "repeat-headers=1", "tune": "zerolatency", "g": "20"}
    packets: list[bytes] = []
    file = b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        port = receiver.getsockname()[1]
        for made in encoded(count, "libx264", options, f"rtp://127.0.0.1:{port}?rtcpport={port}", "rtp"):
            file += made
            with contextlib.suppress(BlockingIOError):
                while True:
                    packets.append(receiver.recv(1 << 16))
    return [packet for packet in packets if packet[1] & 0x7F == 96], file  # others are RTCP


_SDP = "v=0\r\ns=strip\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"


class RtspCamera:
    """Sends the same RTP packets, interleaved, to whoever asks for them, once a connection."""

    def __init__(self, packets: list[bytes], pace_s: float = 0.0) -> None:
        self._packets = packets
        self._pace_s = pace_s
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"rtsp://127.0.0.1:{self._server.getsockname()[1]}/strip"

    def __enter__(self) -> "RtspCamera":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, client.makefile("rb") as requests, contextlib.suppress(OSError):
                    self._answer(client, requests)

    def _answer(self, client: socket.socket, requests: BinaryIO) -> None:
        while line := requests.readline().decode():
            method = line.split()[0]
            headers = dict(pair.split(": ", 1) for pair in iter(lambda: requests.readline().decode().strip(), ""))
            transport = "Transport: RTP/AVP/TCP;interleaved=0-1\r\n" if method == "SETUP" else ""
            body = _SDP if method == "DESCRIBE" else ""
            client.sendall(
                f"RTSP/1.0 200 OK\r\nCSeq: {headers['CSeq']}\r\nSession: 1\r\n{transport}"
                f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            if method == "PLAY":
                for packet in self._packets:
                    client.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)
                    time.sleep(self._pace_s)
                return
