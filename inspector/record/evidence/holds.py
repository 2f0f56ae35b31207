"""Owns which frames may not be deleted, whatever their age: those that a pin holds, and those that have a label."""

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from inspector.record.evidence import pins
from inspector.record.labels.label_file import LabelFile
from inspector.record.store import Store


class Held(NamedTuple):
    """A frame that may be held; `captured_at` is in seconds since 1970 UTC."""

    source: str
    frame: str
    name: str
    captured_at: float


def held(store: Store, frames: Sequence[Held]) -> set[Held]:
    """Return those of `frames` that are held. Raise StoreError if pins or labels are unreadable: delete none."""
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
