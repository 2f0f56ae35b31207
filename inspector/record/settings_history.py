"""Owns what the record keeps of the settings: by which numbers frames were decided, and since when."""

from inspector.protocol.control import InForce
from inspector.record.database import Cursor, OpenRecord
from inspector.record.pieces import Piece
from inspector.record.shapes.terms import terms_from_text, terms_to_text
from inspector.record.store import Store


def keep(store: Store, told: InForce) -> None:
    """Put it on record, unless the last there says the same. StoreError: it is not there."""
    last = next(store.read("SELECT terms FROM in_force ORDER BY id DESC LIMIT 1"), None)
    if last is None or terms_from_text(last[0], told.since) != told:
        with store.transaction() as cursor:
            values = (told.since, terms_to_text(told))
            cursor.execute("INSERT INTO in_force (since, terms) VALUES (?, ?)", values)


def last(store: OpenRecord) -> InForce | None:
    """Return what was in force last; None where the record does not tell."""
    found = next(store.read("SELECT since, terms FROM in_force ORDER BY id DESC LIMIT 1"), None)
    return None if found is None else terms_from_text(found[1], found[0])


def during(store: OpenRecord, piece: Piece) -> list[InForce]:
    """What was in force while frames of a piece were decided, in order; empty where the record does not tell of all.

    Frames may be decided long after they were captured: what counts is when they came on record, a moment later.
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
    """Return the labels and the models that ever decided, as far as the record tells."""
    labels, models = set[str](), set[str]()
    for since, text in store.read("SELECT since, terms FROM in_force"):
        if told := terms_from_text(text, since):
            labels |= set(told.labels)
            models.add(told.model)
    return labels, models


def forget(cursor: Cursor, before: float) -> None:
    """Delete what was not in force any more by then."""
    cursor.execute("DELETE FROM in_force WHERE id < (SELECT MAX(id) FROM in_force WHERE since < ?)", (before,))
