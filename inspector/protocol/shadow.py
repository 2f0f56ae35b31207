"""Owns the frame that a live worker shows to a model in shadow, with its verdict; its pixels are the second part."""

from typing import Annotated

import msgspec
from msgspec import Meta

from inspector.protocol import messages
from inspector.protocol.fields import Bounded, Count, Seconds
from inspector.protocol.frames import Frame
from inspector.protocol.verdicts import Verdict


class Shown(Bounded, frozen=True, kw_only=True):
    """A frame that `verdict` decides, by the model of that id; `live_s` is the scoring time of its batch by frame.

    `missed`: frames that this worker would have shown since the last one, had the shadow not been busy.
    """

    verdict: Verdict
    model: Annotated[str, Meta(max_length=256)]
    live_s: Seconds
    missed: Count = 0

    @property
    def frame(self) -> Frame:
        """The frame itself."""
        return Frame(self.verdict.header)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Shown)


def encode(shown: Shown) -> bytes:
    """Return the message as bytes."""
    return _encoder.encode(shown)


def decode(data: bytes) -> Shown:
    """Return the message in `data`. Raise MessageError if it is none or breaks a bound."""
    return messages.decoded(_decoder, data)
