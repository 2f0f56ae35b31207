"""Owns the settings on record: by which numbers frames were decided, and since when."""

from inspector.protocol.control import InForce
from inspector.record.database import Cursor, OpenRecord
from inspector.record.pieces import Piece
from inspector.record.shapes.terms import terms_from_text, terms_to_text
from inspector.record.store import Store


def keep(store: Store, terms: InForce) -> None:
    """Record what is in force, unless that on record last is the same. Raise StoreError if it cannot be recorded."""
    last = next(store.read("SELECT terms FROM in_force ORDER BY id DESC LIMIT 1"), None)
    if last is None or terms_from_text(last[0], terms.since) != terms:
        with store.transaction() as cursor:
            values = (terms.since, terms_to_text(terms))
            cursor.execute("INSERT INTO in_force (since, terms) VALUES (?, ?)", values)


def last(store: OpenRecord) -> InForce | None:
    """Return what was in force last; None if that is not on record."""
    found = next(store.read("SELECT since, terms FROM in_force ORDER BY id DESC LIMIT 1"), None)
    return None if found is None else terms_from_text(found[1], found[0])


def during(store: OpenRecord, piece: Piece) -> list[InForce]:
    """Return what was in force while frames of a piece were decided, in order; empty if a part is not on record.

    Frames may be decided long after they were captured. So the time that counts is when they were recorded.
    """
    bounds = "SELECT MIN(recorded_at), MAX(recorded_at) FROM records INDEXED BY records_by_piece WHERE piece = ?"
    ((first, last),) = store.read(bounds, (piece.id,))
    if first is None:
        return []
    before = "SELECT MAX(id) FROM in_force WHERE since <= ?"
    held = store.read(
        f"SELECT since, terms FROM in_force WHERE id >= ({before}) AND since <= ? ORDER BY id", (first, last)
    )
    found = [terms_from_text(text, at) for at, text in held]
    return [one for one in found if one is not None] if None not in found else []


def named(store: OpenRecord) -> tuple[set[str], set[str]]:
    """Return all labels and models that decided frames, as far as they are on record."""
    labels, models = set[str](), set[str]()
    for since, text in store.read("SELECT since, terms FROM in_force"):
        if terms := terms_from_text(text, since):
            labels |= set(terms.labels)
            models.add(terms.model)
    return labels, models


def forget(cursor: Cursor, before: float) -> None:
    """Delete what was no longer in force at `before`, in seconds since 1970."""
    cursor.execute("DELETE FROM in_force WHERE id < (SELECT MAX(id) FROM in_force WHERE since < ?)", (before,))
