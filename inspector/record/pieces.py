"""Owns the pieces of strip on record (coil, plate, lot): when each was on the line, its grade, and its frames.

A piece is put on the line by `inspector piece start`, or its frames name it: in their headers, else in their names. A
frame that names no piece belongs to the piece that was on the line when the frame was captured.
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

#: Time from a call that starts a piece until the piece begins, in seconds: by then it is on record.
LEAD_S = 0.5
#: Upper bound on the time between two notes of the clock that a running line trusts, in seconds.
CLOCK_NOTED_S = 600.0
#: Recipe of the piece that was on the line when the record was lost; no recipe of a config can have this name.
LOST = "lost with a damaged record"
#: Recipe of frames after a start by a clock that was ahead: they are of that piece, or of the one before.
AHEAD = "not known: a piece was started while the clock was ahead"
#: Longest time from a start until its piece begins, on a slow disk, in seconds; beyond it the clock was ahead.
_AHEAD_S = 10.0
#: A frame captured longer than this before the first piece on record, in seconds, has waited for the line: then a piece
#: that is not on record may have been there.
_EARLIER_S = 60.0
_COLUMNS = "id, name, began_at, ended_at, by_frames, grade, recipe"
#: Number of last pieces that are searched for the one on the line; they only overlap where the clock was set back.
_LOOK_BACK = 4


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece and when it was on the line, in seconds since 1970; `ended_at` is None while it is there.

    `by_frames`: its frames name it, and its times are the capture times of the first and the last of them. `recipe` is
    the one given at its start, or that of its first frame; "" if it is decided by `decision`.
    """

    id: int
    name: str
    began_at: float
    ended_at: float | None
    by_frames: bool
    grade: str = ""
    recipe: str = ""


def start(cursor: Cursor, now: float, name: str, grade: str = "", recipe: str = "") -> Piece:
    """Put a piece on the line and end the one that was there. Raise ConfigError if the name is invalid or on record.

    A piece that was started while the clock was ahead, and has not begun by the clock now, may be started again.

    Call it in a transaction, with a `now` that is not before the transaction's lock was taken: then no frame captured
    from `now` on is on record.
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
    """Take the piece that is on the line off it and return it; None if there is none."""
    doubt(cursor, now)
    cursor.execute("UPDATE pieces SET ended_at = ? WHERE recipe = ? AND began_at <= ? AND ended_at > ?",
                   (now, AHEAD, now, now))  # fmt: skip
    row = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE by_frames = 0 AND ended_at IS NULL").fetchone()
    if row is None:
        return None
    piece = _piece(row)
    ended_at = max(now, piece.began_at)  # the clock may have been set back
    cursor.execute("UPDATE pieces SET ended_at = ? WHERE id = ?", (ended_at, piece.id))
    return msgspec.structs.replace(piece, ended_at=ended_at)


def switch(
    store: OpenRecord,
    change: Callable[[Cursor, float], Piece | None],
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Piece | None:
    """Have `change` start or stop a piece at a moment in the near future, and return the piece once that has come.

    The change is on record before that moment, or the moment is put off. So a process that looks up the piece of a
    frame captured from that moment on sees the change. Raise StoreError if the change cannot be written, or if the
    record was set aside meanwhile.
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
    while 0 < (left_s := moment - clock()) <= lead_s:  # a clock that is set back must not prolong the wait by as much
        sleep(left_s)
    if store.replaced:
        raise StoreError(f"{store.path}: it was set aside meanwhile, and another one begun: say it again")
    return find(store, piece.name)


def lose(cursor: Cursor, name: str) -> None:
    """Record that nobody knows which piece is on the line, or which were: until the next start no recipe is right."""
    cursor.execute("INSERT INTO pieces (name, began_at, by_frames, recipe) VALUES (?, 0, 0, ?)", (name, LOST))


def doubt(cursor: Cursor, now: float) -> None:
    """Have frames belong to no known piece until the piece begins that was started by a clock ahead of `now`.

    By their capture times they would belong to the piece before. The doubt begins at the newest capture time on record
    that is not after `now`: frames up to then were captured before the start.
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
    """Return which piece was put on the line by a clock ahead of `known`, in seconds since 1970; empty if none was."""
    statement = "SELECT name, began_at FROM pieces WHERE by_frames = 0 AND began_at > ? AND ended_at IS NULL"
    for name, began_at in store.read(statement, (known + _AHEAD_S,)):
        hours = (began_at - known) / 3600
        return (
            f"{name} was started by a clock that was {hours:.3g} h ahead of what is known to have passed: by the right"
            " one frames are of no known piece until it begins; set the clock right, and start the piece again"
        )
    return ""


def known_now(store: OpenRecord, now: float) -> float:
    """Return the latest possible time, in seconds since 1970: `now` by the clock, or what a running line trusts."""
    trusted = next(store.read("SELECT value FROM marks WHERE name = 'clock records'"), None)
    with suppress(OSError):  # this user has no permission to check whether a line runs
        if trusted and instance.runs(store.path.parent):
            return min(now, float(trusted[0]) + 2 * CLOCK_NOTED_S)
    return now


def note(cursor: Cursor, stated: StatedPlace, verdict: Verdict) -> None:
    """Record the piece that a frame names, or extend it to this frame.

    Its steel grade and its recipe are those of its first decided frame.
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
    """Return the piece on record of a frame: the one that the frame names, else the one that was on the line."""
    if stated.piece:
        row = cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (stated.piece,)).fetchone()
        return None if row is None else _piece(row)
    return None if locator.names_pieces or not header.timed else _on_line(cursor, header.captured_at)


def is_piece_unknown(cursor: Cursor, locator: Locator, stated: StatedPlace, header: FrameHeader) -> bool:
    """Return whether the piece of a frame that names none is unknown: it has no capture time, or one before all pieces.

    False if no piece was ever put on the line: then pieces are not in use.
    """
    if stated.piece or locator.names_pieces:
        return False
    (first,) = cursor.execute("SELECT MIN(began_at) FROM pieces WHERE by_frames = 0").fetchone()
    return first is not None and (not header.timed or header.captured_at < first - _EARLIER_S)


def forget(cursor: Cursor, before: float) -> None:
    """Delete the pieces without frames on record that frames named, or that ended before `before`."""
    unused = "NOT EXISTS (SELECT 1 FROM records WHERE records.piece = pieces.id)"
    cursor.execute(f"DELETE FROM pieces WHERE (by_frames OR ended_at < ?) AND {unused}", (before,))


def find(store: OpenRecord, name: str) -> Piece:
    """Return the piece of that name. Raise ConfigError if there is none: an empty answer would look like a good one."""
    row = next(store.read(f"SELECT {_COLUMNS} FROM pieces WHERE name = ?", (name,)), None)
    if row is None:
        last = ", ".join(piece.name for piece in latest(store, 5)) or "none"
        raise ConfigError(f"piece {name}: it is not on record; the last ones there: {last}")
    return _piece(row)


def latest(store: OpenRecord, limit: int) -> Sequence[Piece]:
    """Return the last pieces, the newest first."""
    return [_piece(row) for row in store.read(f"SELECT {_COLUMNS} FROM pieces ORDER BY id DESC LIMIT ?", (limit,))]


def _on_line(cursor: Cursor, captured_at: float) -> Piece | None:
    """Return the last piece that began before `captured_at` and had not ended by then; None if there is none."""
    begun = "by_frames = 0 AND began_at <= ? ORDER BY began_at DESC"
    cursor.execute(f"SELECT {_COLUMNS} FROM pieces WHERE {begun} LIMIT {_LOOK_BACK}", (captured_at,))
    while row := cursor.fetchone():
        piece = _piece(row)
        if piece.ended_at is None or captured_at < piece.ended_at:
            return piece
    return None


def _is_ahead(piece: Piece, now: float) -> bool:
    """Return whether the piece begins later than one started at `now` can: the clock was ahead when it was started."""
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
