"""Owns the socket on which another program hands in frames, and the answers that it gets.

    program ── header (JSON), pixels or a file's bytes ──▶ source        REQ waits for each, DEALER may send ahead
    program ◀── {"id", "answer": "on record", "outcome", …} or {"id", "answer": "refused", "why"} ── source

A frame is answered when it is on durable record. What cannot be inspected is on record, too, as an error; refused is
what is no frame at all, and what the end of the line leaves without a record.
"""

import math
import os
import time
import zlib
from typing import Annotated, Any, Literal

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from inspector import MAX_PIXELS
from inspector.errors import BusyError, ImageError
from inspector.host.locks import taken
from inspector.protocol.connections import PublicRouter
from inspector.protocol.fields import Millimetres, PieceName, SteelGrade
from inspector.protocol.keys import KeyedRouter
from inspector.protocol.messages import Left
from inspector.protocol.rejections import READ_BURST, Refusals
from inspector.protocol.verdicts import Judgement
from inspector.settings.sources.push import PushSourceSettings
from inspector.sources.connector import Capture, Overload
from inspector.sources.crash_guard import CrashGuard
from inspector.vision import image
from inspector.vocabulary import MAX_SIDE_PX, Outcome

#: Bytes of the longest header that is read.
MAX_HEADER_BYTES = 16_384
#: Seconds that a frame's own time of capture may lie before and after now.
_OLDEST_S, _NEWEST_S = 86_400.0, 5.0
#: Mode of the socket: the line's user and group may connect, as far as its folder lets them.
_MODE = 0o660
_CHANNELS = {"gray8": 1, "gray16": 1, "bgr8": 3}


class Header(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The header before a frame's bytes. `id` comes back in the answer; `name` is the frame's name for people.

    `piece` is the coil, plate or lot of the frame, and `at_mm` where along that it begins, by the encoder. `grade` is
    the steel grade of the piece, by which a recipe is chosen.
    `gray8`, `gray16` (little-endian) and `bgr8` are rows of raw pixels and need a size; `file` is an image file.
    """

    encoding: Literal["gray8", "gray16", "bgr8", "file"]
    id: Annotated[str, Meta(max_length=64)] = ""
    name: Annotated[str, Meta(max_length=1024)] = ""
    height: Annotated[int, Meta(ge=0, le=MAX_SIDE_PX)] = 0
    width: Annotated[int, Meta(ge=0, le=MAX_SIDE_PX)] = 0
    captured_at: float | None = None
    piece: PieceName = ""
    at_mm: Millimetres | None = None
    grade: SteelGrade = ""


class AnswerRegion(msgspec.Struct, frozen=True, kw_only=True):
    """A defect of the frame: the rectangle around it, in its pixels, and what it is."""

    x: int
    y: int
    width: int
    height: int
    label: str
    score: float
    severity: str


class Answer(msgspec.Struct, omit_defaults=True):
    """What became of a frame: `why` it is refused, unsure or an error; `regions` are the worst of its defects."""

    id: str
    answer: Literal["on record", "refused"]
    outcome: str = ""
    why: str = ""
    label: str = ""
    score: float | None = None
    severity: str = ""
    regions: list[AnswerRegion] = []


_decoder = msgspec.json.Decoder(Header)


class Push:
    """Takes frames as long as there is room; then the programs wait. Their frames are gone with this process."""

    patient = False
    overload = Overload("block")

    def __init__(self, settings: PushSourceSettings, refusals: Refusals, guard: CrashGuard | None = None) -> None:
        """`refusals` counts the clients that are not let in. `guard` remembers what is read."""
        self._settings = settings
        self._guard = guard or CrashGuard()
        self._refusals = refusals
        self._path = os.fspath(settings.path.absolute()) if settings.path else ""
        self._epoch = f"{time.time_ns():x}"
        self._sequence = 0
        self._lock: int | None = None
        self._socket: PublicRouter | None = None
        self._askers: dict[str, tuple[list[bytes], str]] = {}  # frame: the way back, and the program's id for it
        self._refused = 0
        self._more = False  # the socket was not read empty

    def open(self) -> list[Capture]:
        """Listen. Raise BusyError if another process has this socket, ConfigError if the keys cannot be used."""
        if self._path:
            self._take_lock()
        settings, max_bytes = self._settings, self._settings.max_frame_mb << 20
        if settings.secret_key and settings.clients:
            self._socket = KeyedRouter(max_bytes, settings.max_clients, settings.secret_key, settings.clients)
        else:
            self._socket = PublicRouter(max_bytes, settings.max_clients)
        self._socket.bind(settings.address or f"ipc://{self._path}", _MODE)
        return []

    def read(self) -> Capture | None:
        """Return the next frame that was handed in."""
        self._more = False
        for _ in range(READ_BURST):
            if self._socket is None or not (received := self._socket.receive()):
                return None
            peer, parts = received
            envelope = [peer]
            if parts and not parts[0]:  # a REQ socket puts this in front, and wants it back
                envelope.append(parts.pop(0))
            if capture := self._take(envelope, parts):
                return capture
        self._more = True  # a flood of what is no frame must not hold up the rest of the source
        return None

    def due_ms(self) -> float:
        """Return 0 while the socket was not read empty; after that it wakes the source."""
        return 0.0 if self._more else math.inf

    def wake(self) -> int | None:
        """Return the socket's descriptor."""
        return None if self._socket is None else self._socket.descriptor()

    def secure(self) -> None:
        """Do nothing: whoever handed a frame in has it until it is on record."""

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """Answer the program that handed the frame in."""
        envelope, its_id = self._askers.pop(capture.frame)
        answer = Answer(its_id, "on record", outcome)
        if judgement is not None:
            answer.why, answer.label = judgement.reason, judgement.label
            answer.score = judgement.score if judgement.label else None
            answer.severity = "" if judgement.severity == "none" else judgement.severity
            answer.regions = [
                AnswerRegion(
                    x=one.x,
                    y=one.y,
                    width=one.width,
                    height=one.height,
                    label=one.label,
                    score=one.score,
                    severity=one.severity,
                )
                for one in judgement.regions
            ]
        self._answer(envelope, answer)

    def missed(self) -> dict[str, int]:
        """Return `refused`: what was handed in and is no frame."""
        refused, self._refused = self._refused, 0
        return {"refused": refused} if refused else {}

    def left(self) -> list[Left]:
        """Return nothing: frames are taken as they come."""
        return []

    def problem(self) -> str:
        """Return why nobody can connect. That nobody hands in frames is no problem of the line.

        This is called for every tally, with room or without: so the clients that were not let in are counted here.
        """
        if self._socket is None:
            return ""
        for reason in self._socket.turned_away():
            self._refusals.add(reason)
        return self._socket.problem()

    def close(self) -> None:
        """Answer the programs that still wait that there is no record of their frames, and stop listening."""
        if self._socket is not None:
            for envelope, its_id in self._askers.values():
                self._answer(envelope, Answer(its_id, "refused", why="the line stopped before it was on record"))
            self._askers.clear()
            self._socket.close()
            self._socket = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        """Take the lock of the socket: binding alone would take the socket from another line silently."""
        self._lock = taken(f"{self._path}.lock")
        if self._lock is None:
            raise BusyError(f"{self._path}: another source takes frames at this socket")

    def _take(self, envelope: list[bytes], parts: list[bytes]) -> Capture | None:
        try:
            header = _header(parts)
        except ValueError as error:
            self._refused += 1
            self._answer(envelope, Answer("", "refused", why=str(error)[:1024]))
            return None
        now, mono = time.time(), time.monotonic()
        age_s = 0.0 if header.captured_at is None else max(0.0, now - header.captured_at)
        pixels, reason = None, ""
        try:
            pixels = self._pixels(header, parts[1])
        except ImageError as error:
            reason = str(error)
        frame = f"{self._epoch}-{self._sequence}"
        self._sequence += 1
        self._askers[frame] = envelope, header.id
        name = header.name or f"{self._sequence - 1:06d}"
        return Capture(
            frame=frame,
            name=name,
            captured_at=now - age_s,
            captured_mono=max(0.0, mono - age_s),
            pixels=pixels,
            reason=reason,
            piece=header.piece,
            at_mm=header.at_mm,
            grade=header.grade,
            decode_s=time.monotonic() - mono,
        )

    def _pixels(self, header: Header, data: bytes) -> NDArray[np.uint8]:
        """Return the frame as uint8 (height, width). Raise ImageError if it cannot be inspected."""
        if header.encoding != "file":
            return _pixels(header, data, self._settings.bit_depth)
        key = f"{len(data):x}-{zlib.crc32(data):08x}"  # whoever handed it in does so again when we are back
        if reason := self._guard.refusal(key):
            raise ImageError(reason)
        with self._guard.reading(key, header.name or "a frame that was handed in"):
            return image.decode(data, self._settings.bit_depth)

    def _answer(self, envelope: list[bytes], answer: Answer) -> None:
        """Send an answer. It is lost if the program has left or never reads its answers; the record is what counts."""
        if self._socket is not None:
            peer, *rest = envelope
            self._socket.send(peer, *rest, msgspec.json.encode(answer))


def _header(parts: list[bytes]) -> Header:
    """Return the header of a message of two parts. Raise ValueError if it is none."""
    if len(parts) != 2:
        raise ValueError(f"{len(parts)} parts: a frame is two, a header in JSON and its bytes")
    if len(parts[0]) > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {len(parts[0])} bytes: at most {MAX_HEADER_BYTES} are read")
    try:
        header = _decoder.decode(parts[0])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"header: {error}") from None
    now = time.time()
    if header.captured_at is not None and not now - _OLDEST_S <= header.captured_at <= now + _NEWEST_S:
        raise ValueError(f"captured_at: {header.captured_at}: seconds since 1970, within the last day, are right")
    return header


def _pixels(header: Header, data: bytes, bit_depth: int) -> NDArray[np.uint8]:
    """Return a frame of raw pixels as uint8 (height, width). Raise ImageError if it cannot be inspected."""
    height, width, channels = header.height, header.width, _CHANNELS[header.encoding]
    kind = np.dtype("<u2") if header.encoding == "gray16" else np.dtype("u1")
    if len(data) != height * width * channels * kind.itemsize:
        raise ImageError(f"{len(data):,} bytes for {width}x{height} pixels of {header.encoding}")
    if height * width > MAX_PIXELS or not data:
        raise ImageError(f"{width}x{height} pixels: 1 to {MAX_PIXELS:,} in all can be inspected")
    pixels: NDArray[Any] = np.frombuffer(data, kind)
    if channels == 3:
        return image.inspectable(cv2.cvtColor(pixels.reshape(height, width, 3), cv2.COLOR_BGR2GRAY), 8)
    rows = pixels.reshape(height, width)
    gray = image.inspectable(rows, bit_depth)
    image.refuse_unused_bits(rows, gray, bit_depth)
    return gray
