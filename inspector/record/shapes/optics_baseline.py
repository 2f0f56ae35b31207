"""Owns how the optics baseline of a source is kept on record: msgpack with named keys."""

import msgspec
from msgspec import Struct

from inspector.protocol.optics import OpticsBaseline
from inspector.record.shapes import arrays
from inspector.record.shapes.tally import named_figures


class StoredBaseline(Struct, frozen=True, kw_only=True):
    """A baseline on record. Fields as in protocol.optics.OpticsBaseline; figures by name."""

    pictures: int
    height: int
    width: int
    mean: dict[str, float]
    deviation: dict[str, float]
    spots: bytes
    streaks: bytes


def baseline_to_bytes(baseline: OpticsBaseline) -> bytes:
    """Return the baseline as the record keeps it."""
    return msgspec.msgpack.encode(
        StoredBaseline(
            pictures=baseline.pictures,
            height=baseline.height,
            width=baseline.width,
            mean=baseline.mean._asdict(),
            deviation=baseline.deviation._asdict(),
            spots=baseline.spots,
            streaks=baseline.streaks,
        )
    )


def baseline_from_bytes(data: bytes | None) -> OpticsBaseline | None:
    """Return the baseline from the record; None if there is none, or it cannot be read: then a new one is learned."""
    if data is None:
        return None
    try:
        stored = msgspec.msgpack.decode(arrays.named_usual(data), type=StoredBaseline)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    mean, deviation = named_figures(stored.mean), named_figures(stored.deviation)
    if mean is None or deviation is None:
        return None
    return OpticsBaseline(
        pictures=stored.pictures,
        height=stored.height,
        width=stored.width,
        mean=mean,
        deviation=deviation,
        spots=stored.spots,
        streaks=stored.streaks,
    )
