"""Owns what the listing of cameras says to who asks for it."""

from typing import Literal

import msgspec


class FoundCamera(msgspec.Struct, kw_only=True):
    """A camera that is here: the `type` and `address` of its source's settings, and what it says of itself."""

    type: Literal["gige", "camera"]
    address: str
    id: str
    vendor: str
    model: str
    serial: str
    formats: list[str]
