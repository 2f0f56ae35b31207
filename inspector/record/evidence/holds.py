"""Owns which frames may not go, whatever their age: those that a pin holds, and those that a label names."""

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from inspector.record.evidence import pins
from inspector.record.labels.label_file import LabelFile
from inspector.record.store import Store


class Held(NamedTuple):
    """A frame of which it is asked whether it may go; `captured_at` in seconds since 1970 UTC."""

    source: str
    frame: str
    name: str
    captured_at: float


def held(store: Store, frames: Sequence[Held]) -> set[Held]:
    """Return those that stay. Raise StoreError if pins or labels cannot be read: then nothing may go."""
    if not frames:
        return set()
    by_pin = pins.every(store)
    with closing(LabelFile(store.path.parent, read_only=True)) as labels:
        return {
            one
            for one in frames
            if any(pin.holds(one.source, one.name, one.captured_at) for pin in by_pin)
            or labels.names(one.source, one.frame)
        }
