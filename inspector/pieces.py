"""Owns the pieces of strip on record (coil, plate, lot): when each was on the line, and which frame is of which.

A piece is put on the line by `inspector piece start`, or it is named by its frames: by what comes with a frame, else by
its name. A frame that names none belongs to
the piece that was on the line when it was captured.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from inspector.errors import ConfigError
from inspector.messages import MAX_PIECE, Verdict
from inspector.place import Locator, Spot

if TYPE_CHECKING:
    from inspector.store import Store

_COLUMNS = "id, name, began_at, ended_at, by_frames"


class Cursor(Protocol):
    """What is asked of a transaction of the record."""

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was inserted last."""
        ...

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> "Cursor":
        """Run a statement."""
        ...

    def fetchone(self) -> Any:
        """Its next row, or None."""
        ...


class Piece(msgspec.Struct, frozen=True):
    """A piece and when it was on the line, seconds since 1970; `ended_at` is None while it is.

    `by_frames`: its frames name it, and the times are those of the first and the last of them.
    """

    id: int
    name: str
    began_at: float
    ended_at: float | None
    by_frames: bool


def start(cursor: Cursor, name: str, now: float) -> Piece:
    """Put a piece on the line; the one that was there ends. ConfigError for a name that is none, or was there before.

    Call it with the lock of a transaction held and `now` taken after that: then no frame captured later is on record.
    """
    if not name.strip() or len(name) > MAX_PIECE or not name.isprintable():
        raise ConfigError(f"piece {name!r}: 1 to {MAX_PIECE} printable characters are needed")
    before = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (name,)).fetchone()
    if before:
        raise ConfigError(f"piece {name}: it is on record already; a second pass needs a name of its own, as {name}-2")
    stop(cursor, now)
    cursor.execute("INSERT INTO pieces (name, began_at, by_frames) VALUES (?, ?, 0)", (name, now))
    return Piece(cursor.lastrowid or 0, name, now, None, False)


def stop(cursor: Cursor, now: float) -> Piece | None:
    """Take the piece off the line that is on it; None where none is."""
    row = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE by_frames = 0 AND ended_at IS NULL").fetchone()
    if row is None:
        return None
    piece = _piece(row)
    ended_at = max(now, piece.began_at)  # clocks may be set back
    cursor.execute("UPDATE pieces SET ended_at = ? WHERE id = ?", (ended_at, piece.id))
    return msgspec.structs.replace(piece, ended_at=ended_at)


def spot(cursor: Cursor, locator: Locator, verdict: Verdict) -> Spot:
    """Where the frame lies; a piece that it is the first to name is put on record."""
    name, at_mm = locator.told(verdict.name)
    name, at_mm = verdict.piece or name, at_mm if verdict.at_mm is None else verdict.at_mm
    if name or locator.names_pieces:
        row = _named(cursor, name, verdict.captured_at) if name else None
    else:
        row = _on_line(cursor, verdict.captured_at)
    piece, began_at = row or (None, None)
    since_began_s = None if began_at is None else max(0.0, verdict.captured_at - began_at)
    return locator.spot(piece, at_mm, since_began_s, verdict.area[0] if verdict.area else 0)


def forget(cursor: Cursor, before: float) -> None:
    """Delete the pieces that no frame on record is of: one named by frames, or ended before then."""
    unused = "NOT EXISTS (SELECT 1 FROM records WHERE records.piece = pieces.id)"
    cursor.execute(f"DELETE FROM pieces WHERE (by_frames OR ended_at < ?) AND {unused}", (before,))


def find(store: "Store", name: str) -> Piece:
    """The piece of that name. ConfigError where there is none: an empty answer would look like a good one."""
    row = next(store.read(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (name,)), None)
    if row is None:
        last = ", ".join(piece.name for piece in latest(store, 5)) or "none"
        raise ConfigError(f"piece {name}: it is not on record; the last ones there: {last}")
    return _piece(row)


def latest(store: "Store", limit: int) -> Sequence[Piece]:
    """The last pieces, the newest first."""
    return [_piece(row) for row in store.read(f"SELECT {_COLUMNS} FROM pieces ORDER BY id DESC LIMIT ?", (limit,))]


def _named(cursor: Cursor, name: str, captured_at: float) -> tuple[int, float]:
    cursor.execute(
        "INSERT INTO pieces (name, began_at, ended_at, by_frames) VALUES (?, ?, ?, 1) ON CONFLICT (name) DO UPDATE"
        " SET began_at = min(began_at, excluded.began_at), ended_at = max(ended_at, excluded.ended_at) WHERE by_frames",
        (name, captured_at, captured_at),
    )
    number, began_at = cursor.execute("SELECT id, began_at FROM pieces WHERE name = ?", (name,)).fetchone()
    return int(number), float(began_at)


def _on_line(cursor: Cursor, captured_at: float) -> tuple[int, float] | None:
    """No two are on the line at once: it is the last that began before, or none."""
    row = cursor.execute(
        "SELECT id, began_at, ended_at FROM pieces WHERE by_frames = 0 AND began_at <= ?"
        " ORDER BY began_at DESC LIMIT 1",
        (captured_at,),
    ).fetchone()
    return None if row is None or (row[2] is not None and row[2] <= captured_at) else (row[0], row[1])


def _piece(row: tuple[Any, ...]) -> Piece:
    number, name, began_at, ended_at, by_frames = row
    return Piece(number, name, began_at, ended_at, bool(by_frames))
