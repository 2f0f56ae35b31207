"""A daemon with a fault planted in it, with the fake engine: PLANTED in the environment names the fault.

Each of its processes imports this file before anything else, by tests/broken/planted/sitecustomize.py.
"""

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.rejections import Refusals
from inspector.vision import image
from inspector.vision.predictor import FakePredictor
from tests.fakes import Line, python_path

#: A frame of this gray level is the one that harms: an even one, because a blank frame is no strip anyway.
POISON_LEVEL = 255
#: A file that ends with this is the one that harms who reads it.
POISON = b"poison"
_run = FakePredictor.run
_kept: list[Any] = []


class PlantedLine(Line):
    """A line with a planted fault: the caller sets PLANTED in the environment."""

    environment = python_path("planted")


def _before_each_batch(step: Callable[[NDArray[np.float32]], object]) -> None:
    def run(self: FakePredictor, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        step(batch)
        return _run(self, batch)

    FakePredictor.run = run  # type: ignore[method-assign]


def _poisoned(batch: NDArray[np.float32]) -> bool:
    """White as (255 / 255 - mean) / std of the fake bundle makes it."""
    return bool((batch.min(axis=(1, 2, 3)) >= (1 - 0.5) / 0.25 - 1e-3).any())


def _hang() -> None:
    ctypes.PyDLL(None).sleep(100_000)  # a PyDLL keeps the GIL: no thread and no handler of ours runs any more


def _crash() -> None:
    ctypes.string_at(0)


def _at_poison(harm: Callable[[], object]) -> None:
    _before_each_batch(lambda batch: harm() if _poisoned(batch) else None)


def _leak(_: NDArray[np.float32]) -> None:
    _kept.append((bytes(300_000) + b"1", open(os.devnull)))  # noqa: SIM115


def _set_clock() -> None:
    """The world's clock is off by what the file says, in seconds, from the moment it is there."""
    file, real, real_ns = Path(os.environ["PLANTED_CLOCK"]), time.time, time.time_ns

    def offset() -> float:
        return float(file.read_text()) if file.exists() else 0.0

    time.time = lambda: real() + offset()
    time.time_ns = lambda: real_ns() + int(offset() * 1e9)


def _when_parsing(harm: Callable[[], object]) -> None:
    """The judging of a file's bytes does harm to whoever gives it POISON."""
    parse = image.parse

    def harmful(data: bytes) -> image.EncodedImage:
        if POISON in data[-100:]:
            harm()
        return parse(data)

    image.parse = harmful


def _when_decoding(harm: Callable[[], object]) -> None:
    """The decoding of a file with POISON in it does harm to whoever asks for it."""
    decode = image.EncodedImage.decode

    def harmful(self: image.EncodedImage, bit_depth: int = 16) -> NDArray[np.uint8]:
        if POISON in self.data[-100:]:
            harm()
        return decode(self, bit_depth)

    image.EncodedImage.decode = harmful  # type: ignore[method-assign]


def _exhaust() -> None:
    raise MemoryError


def _forget() -> None:
    count = Refusals.add
    Refusals.add = lambda self, reason: count(self, reason) if len(reason) % 7 else None  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "leak": lambda: _before_each_batch(_leak),
    "forgetful": _forget,
    "hang": lambda: _at_poison(_hang),
    "crash": lambda: _at_poison(_crash),
    "decoder-hangs": lambda: _when_decoding(_hang),
    "decoder-crashes": lambda: _when_decoding(_crash),
    "decoder-exhausts": lambda: _when_decoding(_exhaust),
    "look-crashes": lambda: _when_parsing(_crash),
    "clock": _set_clock,
}
if fault := os.environ.get("PLANTED"):
    FAULTS[fault]()
