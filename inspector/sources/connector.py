"""Owns what a source must be able to do: a camera or folder is one class with `open`, `read` and `close`."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.messages import Judgement, Left
from inspector.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class Capture:
    """One frame as a source got it: pixels, uint8 (height, width), or the reason why there are none.

    `piece`, `at_mm` and `grade`: the piece of strip it is of, its place along it and the piece's steel grade, where
    these came with the frame. `decode_s`: how long it took to read and decode, where that is done here.
    `timed`: `captured_at` is when it was captured; else it is only known to have been before that.
    """

    frame: str
    name: str
    captured_at: float
    captured_mono: float
    pixels: NDArray[np.uint8] | None
    reason: str = ""
    piece: str = ""
    at_mm: float | None = None
    decode_s: float = 0.0
    grade: str = ""
    timed: bool = True


@dataclass(frozen=True, slots=True)
class Overload:
    """What becomes of a frame for which there is no room: it stays where it is (`block`), it goes (`newest`), or the
    oldest waiting one goes for it. Of `every` so many frames one is inspected at all.
    """

    policy: Literal["oldest", "newest", "block"]
    every: int = 1


class Connector(Protocol):
    """Where frames come from. Called by one thread; no call blocks for longer than one frame takes to read."""

    #: True: what it has read outlives this process (files). False: it is gone with it (cameras).
    patient: bool
    overload: Overload

    def open(self) -> list[Capture]:
        """Connect, and return the frames still owned from a former life. OSError: try again later."""
        ...

    def read(self) -> Capture | None:
        """The next frame, or None where there is none now. OSError: the connection is lost."""
        ...

    def due_ms(self) -> float:
        """How long nothing needs to be asked of `read`, unless `wake` becomes readable."""
        ...

    def wake(self) -> int | None:
        """A file descriptor that becomes readable when there may be a frame, or None."""
        ...

    def secure(self) -> None:
        """Called before what was read goes to a worker: after a power cut it must still be owned, by the same id.

        OSError: the connection is lost; what was read since the last call comes again from `open`.
        """
        ...

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """The frame is on durable record: what it was read from may go. Who handed it in may hear the `judgement`."""
        ...

    def missed(self) -> dict[str, int]:
        """Frames that were there and could not be captured, by reason, since this was asked last."""
        ...

    def left(self) -> list[Left]:
        """What lies where frames come from and is left there; none but a drop folder has such."""
        ...

    def problem(self) -> str:
        """What keeps it from capturing although it is open, for readiness; empty where nothing does."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...
