"""Owns the answer of the process that lists cameras."""

from typing import Literal

import msgspec


class FoundCamera(msgspec.Struct, kw_only=True):
    """A camera that was found: `type` and `address` for the settings of its source, and what it reports of itself."""

    type: Literal["gige", "camera"]
    address: str
    id: str
    vendor: str
    model: str
    serial: str
    formats: list[str]
