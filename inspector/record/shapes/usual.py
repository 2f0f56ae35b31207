"""Owns how what is usual for the pictures of a source is kept on record: msgpack with named keys."""

import msgspec
from msgspec import Struct

from inspector.protocol.optics import Usual
from inspector.record.shapes import arrays
from inspector.record.shapes.tally import named_figures


class StoredUsual(Struct, frozen=True, kw_only=True):
    """What was learned. Fields as in protocol.Usual; figures by name."""

    pictures: int
    height: int
    width: int
    mean: dict[str, float]
    deviation: dict[str, float]
    spots: bytes
    streaks: bytes


def usual_to_bytes(usual: Usual) -> bytes:
    """Return it as it is kept."""
    return msgspec.msgpack.encode(
        StoredUsual(
            pictures=usual.pictures,
            height=usual.height,
            width=usual.width,
            mean=usual.mean._asdict(),
            deviation=usual.deviation._asdict(),
            spots=usual.spots,
            streaks=usual.streaks,
        )
    )


def usual_from_bytes(data: bytes | None) -> Usual | None:
    """Return what is kept; None where nothing is, or nothing that can be read: then it is learned anew."""
    if data is None:
        return None
    try:
        stored = msgspec.msgpack.decode(arrays.named_usual(data), type=StoredUsual)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    mean, deviation = named_figures(stored.mean), named_figures(stored.deviation)
    if mean is None or deviation is None:
        return None
    return Usual(
        pictures=stored.pictures,
        height=stored.height,
        width=stored.width,
        mean=mean,
        deviation=deviation,
        spots=stored.spots,
        streaks=stored.streaks,
    )
