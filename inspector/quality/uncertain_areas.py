"""Owns where a piece is unsure: parts of frames, of which the model may well have decided the rest."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from inspector.record.database import OpenRecord
    from inspector.record.pieces import Piece


class UncertainArea(msgspec.Struct, frozen=True):
    """A rectangle on the piece, in mm, that one frame of the source shows."""

    source: str
    x_mm: float
    y_mm: float
    width_mm: float
    length_mm: float


def of(store: "OpenRecord", piece: "Piece") -> list[UncertainArea]:
    """Return all areas of a piece whose place along and across is known, by source and place along it."""
    columns = ", ".join(f"doubts.{name}" for name in UncertainArea.__struct_fields__[1:])
    statement = (
        f"SELECT source, {columns} FROM records INDEXED BY records_by_piece"
        " JOIN doubts INDEXED BY doubts_by_record ON record = records.id"
        " WHERE piece = ? AND in_doubt > 0 AND x_mm IS NOT NULL AND y_mm IS NOT NULL ORDER BY source, y_mm, doubts.id"
    )
    return [UncertainArea(*row) for row in store.read(statement, (piece.id,))]
