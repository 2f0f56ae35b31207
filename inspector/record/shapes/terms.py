"""Owns how the terms that decide frames, model and numbers, are kept on record: JSON with named keys."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from inspector.protocol.control import InForce
from inspector.record.shapes import arrays


class StoredLabel(Struct, frozen=True):
    """The numbers of a label of the model."""

    kind: str
    severity: str
    threshold: float
    place_threshold: float | None = None


class StoredRecipe(Struct, frozen=True):
    """A recipe and its own numbers."""

    name: str
    grades: list[str] = []
    thresholds: dict[str, float] = {}
    novelty_margin: float | None = None
    severities: dict[str, str] = {}


class StoredDecideBy(Struct, frozen=True):
    """The line's own numbers, by label, and its recipes."""

    thresholds: dict[str, float] = {}
    novelty_margin: float = 0.0
    severities: dict[str, str] = {}
    recipes: list[StoredRecipe] = []


class StoredTerms(Struct, frozen=True, omit_defaults=True):
    """The model with its labels, the line's own numbers, and the settings of its sources as texts.

    `since` is a column of its own, and 0 here.
    """

    model: str
    labels: dict[str, StoredLabel]
    by: StoredDecideBy
    sources: dict[str, dict[str, str]] = {}
    since: float = 0.0


def terms_to_text(terms: InForce) -> str:
    """Return the terms as the record keeps them, without `since`."""
    stored = msgspec.convert(replace(terms, since=0.0), StoredTerms, from_attributes=True)
    return msgspec.json.encode(stored).decode()


def terms_from_text(text: str, since: float) -> InForce | None:
    """Return the terms from the record, in force from `since` on; None if they cannot be read."""
    try:
        stored = msgspec.json.decode(arrays.named_terms(text), type=StoredTerms)
        return replace(msgspec.convert(stored, InForce, from_attributes=True), since=since)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
