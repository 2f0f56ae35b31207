"""Owns how the last tally of a source is kept on record: JSON with named keys.

A reader ignores keys that it does not know, and takes defaults for missing ones: an older version can read the row of a
newer one.
"""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspector.protocol.messages import Tally
from inspector.protocol.optics import KINDS, Figures, OpticsState
from inspector.record.shapes import arrays


class StoredSpan(Struct, frozen=True):
    """A time span; seconds since 1970."""

    began_at: float
    ended_at: float


class StoredLeft(Struct, frozen=True):
    """Files that a drop folder leaves where they are for one reason."""

    reason: str
    count: int
    example: str = ""


class StoredTrouble(Struct, frozen=True):
    """A trouble with the pictures of a source."""

    kind: str
    began_at: float
    figure: float
    usual: float
    detail: str = ""


class StoredOpticsState(Struct, frozen=True, kw_only=True):
    """State of the optics of a source. `figures` are by name; the baseline has a table of its own."""

    at: float
    since: float
    learned: int = 0
    needed: int = 0
    figures: dict[str, float] | None = None
    troubles: list[StoredTrouble] = []


class StoredTally(Struct, frozen=True, kw_only=True):
    """The last sums of a source. Fields as in protocol.messages.Tally."""

    source: str
    epoch: str
    captured: int
    outcomes: dict[str, int]
    dropped: dict[str, int]
    in_flight: int
    last_frame_at: float
    problem: str = ""
    number: int = 0
    at: float = 0.0
    oldest_at: float = 0.0
    spans: dict[str, StoredSpan] = {}
    refused: int = 0
    sight: StoredOpticsState | None = None
    left: list[StoredLeft] = []


def tally_to_text(tally: Tally) -> str:
    """Return the tally as the record keeps it, without the baseline of its optics: that has a table of its own."""
    stored = msgspec.convert(replace(tally, optics=None), StoredTally, from_attributes=True)
    return msgspec.json.encode(replace(stored, sight=_stored_optics(tally.optics))).decode()


def tally_from_text(text: str) -> Tally | None:
    """Return the tally from the record; None if there is none, or it cannot be read."""
    try:
        stored = msgspec.json.decode(arrays.named_tally(text), type=StoredTally)
        tally = msgspec.convert(replace(stored, sight=None), Tally, from_attributes=True)
        return replace(tally, optics=_optics(stored.sight))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _stored_optics(state: OpticsState | None) -> StoredOpticsState | None:
    if state is None:
        return None
    figures = None if state.figures is None else state.figures._asdict()
    plain = msgspec.convert(replace(state, figures=None), StoredOpticsState, from_attributes=True)
    return replace(plain, figures=figures)


def _optics(stored: StoredOpticsState | None) -> OpticsState | None:
    if stored is None:
        return None
    known = [one for one in stored.troubles if one.kind in KINDS]
    state = msgspec.convert(replace(stored, figures=None, troubles=known), OpticsState, from_attributes=True)
    return replace(state, figures=named_figures(stored.figures))


def named_figures(by_name: dict[str, float] | None) -> Figures | None:
    """Return figures from their names; None if one of them is missing, as in a row of another version."""
    if by_name is None or not set(Figures._fields) <= by_name.keys():
        return None
    return Figures(*(by_name[name] for name in Figures._fields))
