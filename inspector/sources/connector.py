"""Owns what a source must be able to do: a camera or folder is one class with `open`, `read` and `close`."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.messages import Left
from inspector.protocol.verdicts import Judgement
from inspector.vocabulary import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One frame as a source captured it: pixels, uint8 (height, width), or the reason why there are none.

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
    """What becomes of a frame without room: it stays where it is (`block`), it is dropped (`newest`), or the oldest
    waiting one is (`oldest`). One frame of `every` frames is inspected at all.
    """

    policy: Literal["oldest", "newest", "block"]
    every: int = 1


class Connector(Protocol):
    """Where frames come from. Called by one thread; no call blocks longer than reading one frame takes."""

    #: True: what it has read outlives this process (files). False: it is gone with it (cameras).
    patient: bool
    overload: Overload

    def open(self) -> list[Capture]:
        """Connect, and return the frames still owned from a former life. Raise OSError to be opened again later."""
        ...

    def read(self) -> Capture | None:
        """Return the next frame; None if there is none now. Raise OSError if the connection is lost."""
        ...

    def due_ms(self) -> float:
        """Return for how long `read` need not be called, unless `wake` becomes readable."""
        ...

    def wake(self) -> int | None:
        """Return a file descriptor that becomes readable when there may be a frame; None if there is no such."""
        ...

    def secure(self) -> None:
        """Make sure that what was read is still owned, by the same id, after a power cut.

        Called before a worker gets any of it. Raise OSError if the connection is lost; then what was read since the
        last call comes again from `open`.
        """
        ...

    def recorded(self, capture: Capture, outcome: Outcome, judgement: Judgement | None = None) -> None:
        """Let go of a frame that is on durable record. Whoever handed it in may be sent the `judgement`."""
        ...

    def missed(self) -> dict[str, int]:
        """Return the number of frames that could not be captured since the last call, by reason."""
        ...

    def left(self) -> list[Left]:
        """Return what lies where frames come from and is left there; only a drop folder has such."""
        ...

    def problem(self) -> str:
        """Return what keeps an open connector from capturing, for readiness; empty if nothing does."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...
