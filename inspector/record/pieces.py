"""Owns the pieces of strip on record (coil, plate, lot): when each was on the line, its grade, and its frames.

A piece is put on the line by `inspector piece start`, or it is named by its frames: by what comes with a frame, else by
its name. A frame that names none belongs to the piece that was on the line when it was captured.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from inspector.errors import ConfigError, StoreError
from inspector.host import instance
from inspector.protocol.fields import MAX_GRADE, MAX_PIECE
from inspector.protocol.frames import FrameHeader
from inspector.protocol.verdicts import Verdict
from inspector.record.database import Cursor, OpenRecord
from inspector.record.position import Locator, StatedPlace

#: A piece begins so long after it was said: by then it is on record.
LEAD_S = 0.5
#: Upper bound on the time between two notes of the clock that a running line trusts, in seconds.
CLOCK_NOTED_S = 600.0
#: What the piece is under that was on the line when the record was lost: no recipe can be called so.
LOST = "lost with a damaged record"
#: And what frames are under that came after a start by a clock that was ahead: of that piece, or of the one before.
AHEAD = "not known: a piece was started while the clock was ahead"
#: Nobody puts a piece on the line so long before it begins, also where the disk takes its time.
_AHEAD_S = 10.0
#: A frame that was captured so long before the first piece on record waited for the line: another may have been there.
_EARLIER_S = 60.0
_COLUMNS = "id, name, began_at, ended_at, by_frames, grade, recipe"
#: Pieces on the line end before the next begins; only where the clock was set back do the last ones overlap.
_LOOK_BACK = 4


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece and when it was on the line, seconds since 1970; `ended_at` is None while it is.

    `by_frames`: its frames name it, and the times are those of the first and the last of them. `recipe` is what it is
    under, "" where that is `decision`: it was said at its start, or it is that of its first frame.
    """

    id: int
    name: str
    began_at: float
    ended_at: float | None
    by_frames: bool
    grade: str = ""
    recipe: str = ""


def start(cursor: Cursor, now: float, name: str, grade: str = "", recipe: str = "") -> Piece:
    """Put a piece on the line; the one that was there ends. ConfigError for a name that is none, or was there before.

    One that was started by a clock that was ahead, and has not begun by the clock of now, may be started again.

    Call it with the lock of a transaction held and `now` taken after that, or later than that: then no frame captured
    from then on is on record.
    """
    _check("piece", name, MAX_PIECE)
    if grade:
        _check("grade", grade, MAX_GRADE)
    before = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (name,)).fetchone()
    if before and not _is_ahead(_piece(before), now):
        raise ConfigError(f"piece {name}: it is on record already; a second pass needs a name of its own, as {name}-2")
    stop(cursor, now)
    (number,) = cursor.execute(
        "INSERT INTO pieces (name, began_at, by_frames, grade, recipe) VALUES (?, ?, 0, ?, ?) ON CONFLICT (name) DO"
        " UPDATE SET began_at = excluded.began_at, ended_at = NULL, grade = excluded.grade, recipe = excluded.recipe"
        " RETURNING id",
        (name, now, grade, recipe),
    ).fetchone()
    return Piece(id=number, name=name, began_at=now, ended_at=None, by_frames=False, grade=grade, recipe=recipe)


def stop(cursor: Cursor, now: float) -> Piece | None:
    """Take the piece off the line that is on it; None where none is."""
    doubt(cursor, now)
    cursor.execute("UPDATE pieces SET ended_at = ? WHERE recipe = ? AND began_at <= ? AND ended_at > ?",
                   (now, AHEAD, now, now))  # fmt: skip
    row = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE by_frames = 0 AND ended_at IS NULL").fetchone()
    if row is None:
        return None
    piece = _piece(row)
    ended_at = max(now, piece.began_at)  # clocks may be set back
    cursor.execute("UPDATE pieces SET ended_at = ? WHERE id = ?", (ended_at, piece.id))
    return msgspec.structs.replace(piece, ended_at=ended_at)


def switch(
    store: OpenRecord,
    change: Callable[[Cursor, float], Piece | None],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Piece | None:
    """Have `change` start or stop a piece at a moment that is yet to come, and return the piece once it has come.

    Whoever gets a frame that was captured from then on, and then looks into the record, sees the change: it was on
    record before that moment, or the moment is put off. StoreError: it cannot be written, or the record was set aside
    meanwhile.
    """
    lead_s = LEAD_S
    with store.transaction() as cursor:
        moment = clock() + lead_s
        piece = change(cursor, moment)
    if piece is None:
        return None
    while clock() >= moment:
        lead_s *= 2
        with store.transaction() as cursor:
            before, moment = moment, clock() + lead_s
            for column in ("began_at", "ended_at"):
                cursor.execute(f"UPDATE pieces SET {column} = ? WHERE {column} = ? AND NOT by_frames", (moment, before))
    while 0 < (left_s := moment - clock()) <= lead_s:  # a clock that is set back must not hold us for as long
        sleep(left_s)
    if store.replaced:
        raise StoreError(f"{store.path}: it was set aside meanwhile, and another one begun: say it again")
    return find(store, piece.name)


def lose(cursor: Cursor, name: str) -> None:
    """Nobody knows which piece is on the line, nor which ones were: until the next is, no recipe can be right."""
    cursor.execute("INSERT INTO pieces (name, began_at, by_frames, recipe) VALUES (?, 0, 0, ?)", (name, LOST))


def doubt(cursor: Cursor, now: float) -> None:
    """Have frames be of no known piece until that begins which was started by a clock that was ahead of `now`.

    By their times they would be of the piece before. What is on record by a time that has been was captured before.
    """
    row = cursor.execute(
        f"SELECT {_COLUMNS} FROM pieces WHERE by_frames = 0 AND began_at > ? AND ended_at IS NULL", (now + _AHEAD_S,)
    ).fetchone()
    if row is None or cursor.execute(
        "SELECT 1 FROM pieces WHERE by_frames = 0 AND ended_at = ? AND recipe = ?", (row[2], AHEAD)
    ).fetchone():  # fmt: skip
        return
    piece = _piece(row)
    (since,) = cursor.execute(
        "SELECT COALESCE(MAX(at), 0) FROM (SELECT captured_at AS at FROM records ORDER BY id DESC LIMIT 1000)"
        " WHERE at <= ?",
        (now,),
    ).fetchone()
    before = "by_frames = 0 AND ended_at = ?"
    cursor.execute(f"UPDATE pieces SET ended_at = max(began_at, ?) WHERE {before}", (since, piece.began_at))
    cursor.execute(
        "INSERT INTO pieces (name, began_at, ended_at, by_frames, recipe) VALUES (?, ?, ?, 0, ?)",
        (f"{piece.name} or the one before, {now:.3f}"[-MAX_PIECE:], since, piece.began_at, AHEAD),
    )


def ahead(store: OpenRecord, known: float) -> str:
    """Which piece was put on the line by a clock ahead of `known`, seconds since 1970; empty where none was."""
    statement = "SELECT name, began_at FROM pieces WHERE by_frames = 0 AND began_at > ? AND ended_at IS NULL"
    for name, began_at in store.read(statement, (known + _AHEAD_S,)):
        hours = (began_at - known) / 3600
        return (
            f"{name} was started by a clock that was {hours:.3g} h ahead of what is known to have passed: by the right"
            " one frames are of no known piece until it begins; set the clock right, and start the piece again"
        )
    return ""


def known_now(store: OpenRecord, now: float) -> float:
    """Return the latest that it can be, seconds since 1970: `now` by the clock, or what a running line trusts."""
    trusted = next(store.read("SELECT value FROM marks WHERE name = 'clock records'"), None)
    with suppress(OSError):  # this user may not look whether a line runs
        if trusted and instance.runs(store.path.parent):
            return min(now, float(trusted[0]) + 2 * CLOCK_NOTED_S)
    return now


def note(cursor: Cursor, stated: StatedPlace, verdict: Verdict) -> None:
    """Put the piece that a frame names on record, or let it go on until this frame.

    Its first frame that was decided says of which grade it is, and under which recipe.
    """
    captured_at = verdict.header.captured_at
    decided = verdict.outcome != "error" and verdict.recipe is not None
    cursor.execute(
        "INSERT INTO pieces (name, began_at, ended_at, by_frames, grade, recipe) VALUES (?, ?, ?, 1, ?, ?)"
        " ON CONFLICT (name) DO UPDATE"
        " SET began_at = min(began_at, excluded.began_at), ended_at = max(ended_at, excluded.ended_at),"
        " grade = CASE WHEN recipe IS NULL THEN excluded.grade ELSE grade END, recipe = ifnull(recipe, excluded.recipe)"
        " WHERE by_frames",
        (stated.piece, captured_at, captured_at, stated.grade, verdict.recipe if decided else None),
    )


def of(cursor: Cursor, locator: Locator, stated: StatedPlace, header: FrameHeader) -> Piece | None:
    """The piece on record that a frame is of: the one that it names, else the one that was on the line."""
    if stated.piece:
        row = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (stated.piece,)).fetchone()
        return None if row is None else _piece(row)
    return None if locator.names_pieces or not header.timed else _on_line(cursor, header.captured_at)


def is_piece_unknown(cursor: Cursor, locator: Locator, stated: StatedPlace, header: FrameHeader) -> bool:
    """Whether nobody can tell of which piece a frame is that names none: its time is not known, or before all of them.

    Where no piece was ever put on the line, nobody asks.
    """
    if stated.piece or locator.names_pieces:
        return False
    (first,) = cursor.execute("SELECT MIN(began_at) FROM pieces WHERE by_frames = 0").fetchone()
    return first is not None and (not header.timed or header.captured_at < first - _EARLIER_S)


def forget(cursor: Cursor, before: float) -> None:
    """Delete the pieces that no frame on record is of: one named by frames, or ended before then."""
    unused = "NOT EXISTS (SELECT 1 FROM records WHERE records.piece = pieces.id)"
    cursor.execute(f"DELETE FROM pieces WHERE (by_frames OR ended_at < ?) AND {unused}", (before,))


def find(store: OpenRecord, name: str) -> Piece:
    """The piece of that name. ConfigError where there is none: an empty answer would look like a good one."""
    row = next(store.read(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (name,)), None)
    if row is None:
        last = ", ".join(piece.name for piece in latest(store, 5)) or "none"
        raise ConfigError(f"piece {name}: it is not on record; the last ones there: {last}")
    return _piece(row)


def latest(store: OpenRecord, limit: int) -> Sequence[Piece]:
    """The last pieces, the newest first."""
    return [_piece(row) for row in store.read(f"SELECT {_COLUMNS} FROM pieces ORDER BY id DESC LIMIT ?", (limit,))]


def _on_line(cursor: Cursor, captured_at: float) -> Piece | None:
    """No two are on the line at once: it is the last that began before and has not ended by then, or none."""
    begun = "by_frames = 0 AND began_at <= ? ORDER BY began_at DESC"
    cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE {begun} LIMIT {_LOOK_BACK}", (captured_at,))
    while row := cursor.fetchone():
        piece = _piece(row)
        if piece.ended_at is None or captured_at < piece.ended_at:
            return piece
    return None


def _is_ahead(piece: Piece, now: float) -> bool:
    """Whether it was started and begins later than any start says now."""
    return not piece.by_frames and piece.began_at > now + _AHEAD_S


def _check(what: str, name: str, most: int) -> None:
    if not name.strip() or len(name) > most or not name.isprintable():
        raise ConfigError(f"{what} {name!r}: 1 to {most} printable characters are needed")


def _piece(row: tuple[Any, ...]) -> Piece:
    number, name, began_at, ended_at, by_frames, grade, recipe = row
    return Piece(
        id=number,
        name=name,
        began_at=began_at,
        ended_at=ended_at,
        by_frames=bool(by_frames),
        grade=grade,
        recipe=recipe or "",
    )
