"""Frames and verdicts as a line would send them, made from the fields that a test cares about."""

from typing import Any

import msgspec

from inspector.protocol.frames import Frame, FrameHeader
from inspector.protocol.verdicts import Verdict
from inspector.record.shapes.reason import reason_from_text

_HEADER: dict[str, Any] = {
    "source": "drop", "epoch": "1f", "sequence": 1, "captured_at": 1000.0, "captured_mono": 5.0, "height": 200,
    "width": 200, "attempt": 1,
}  # fmt: skip


def header(frame: str = "frame-1", name: str = "1.bmp", **changes: Any) -> FrameHeader:
    """The header of a frame of 200 x 200 pixels."""
    return FrameHeader(**{**_HEADER, "frame": frame, "name": name, **changes})


def frame_of(**fields: Any) -> Frame:
    """A frame with these fields of its header."""
    return Frame(header(**fields))


def verdict_of(outcome: str, **fields: Any) -> Verdict:
    """A verdict; `fields` are its own and those of its header. A reason may be a sentence."""
    if isinstance(reason := fields.get("reason"), str):
        fields["reason"] = reason_from_text(reason)
    own = {name: fields.pop(name) for name in Verdict.__struct_fields__ if name in fields}
    return Verdict(header=header(**fields), outcome=outcome, **own)  # type: ignore[arg-type]


def changed(verdict: Verdict, **fields: Any) -> Verdict:
    """The verdict with some of its own fields, or some of its header, replaced."""
    if isinstance(reason := fields.get("reason"), str):
        fields["reason"] = reason_from_text(reason)
    own = {name: fields.pop(name) for name in Verdict.__struct_fields__ if name in fields}
    return msgspec.structs.replace(verdict, header=msgspec.structs.replace(verdict.header, **fields), **own)
