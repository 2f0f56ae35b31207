"""Owns the last tally of each source on record: written together with the gaps it adds, read as an account."""

import logging
from collections.abc import Mapping

from msgspec.structs import replace

from inspector.protocol.messages import Tally
from inspector.record import optics_history
from inspector.record.database import Cursor
from inspector.record.gaps import between, made_at
from inspector.record.shapes.tally import tally_from_text, tally_to_text
from inspector.record.sums import gap_record
from inspector.record.sums.accounts import Account
from inspector.vocabulary import OUTCOMES, Outcome

log = logging.getLogger(__name__)

#: Upper bound on the number of rows that a line writes between two recorded tallies.
ROWS_SINCE_TALLY = 100_000


def save_tally(cursor: Cursor, tally: Tally) -> None:
    """Record a tally, the gaps since the one before, and its optics."""
    before = _before(cursor, tally)
    for gap in between(before, tally):
        gap_record.save(cursor, gap, since=made_at(before) if before else tally.at)
    optics_history.save(cursor, tally)
    cursor.execute(
        "INSERT INTO sources (source, tally) VALUES (?, ?) ON CONFLICT DO UPDATE SET tally = excluded.tally",
        (tally.source, tally_to_text(tally)),
    )


def read_accounts(cursor: Cursor) -> list[Account]:
    """Return the account of every source ever seen, by name. The cursor's snapshot makes them consistent."""
    rows = cursor.execute(
        "SELECT source, tally, (SELECT TOTAL(frames) FROM gaps WHERE gaps.source = sources.source),"
        " ok, defect, unsure, error FROM sources ORDER BY source"
    ).fetchall()
    found = []
    for source, text, listed, *counts in rows:
        outcomes: dict[Outcome, int] = dict(zip(OUTCOMES, counts, strict=True))
        tally = tally_from_text(text) or (_rebuilt(cursor, source, outcomes) if text else None)
        newer = _captured_after(cursor, source, tally.captured if tally else 0)
        found.append(Account(source, outcomes, newer, tally, int(listed)))
    return found


def _before(cursor: Cursor, tally: Tally) -> Tally | None:
    """Return the tally on record before this one; if unreadable, this tally with the drops that are listed as gaps."""
    row = cursor.execute("SELECT tally FROM sources WHERE source = ?", (tally.source,)).fetchone()
    if row is None or not row[0]:
        return None
    if before := tally_from_text(row[0]):
        return before
    log.warning("the last tally of %s on record cannot be read: its sums go on from rows and gaps", tally.source)
    return replace(tally, dropped=_listed(cursor, tally.source))


def _rebuilt(cursor: Cursor, source: str, recorded: Mapping[Outcome, int]) -> Tally:
    """Return a tally computed from rows and gaps, for a source whose tally on record cannot be read."""
    dropped = _listed(cursor, source)
    captured = sum(recorded.values()) + sum(dropped.values())
    return Tally(
        source=source,
        epoch="",
        captured=captured,
        outcomes=dict(recorded),
        dropped=dropped,
        in_flight=0,
        last_frame_at=0.0,
    )


def _listed(cursor: Cursor, source: str) -> dict[str, int]:
    """Return the number of frames in the gaps of a source, by reason."""
    statement = "SELECT reason, SUM(frames) FROM gaps WHERE source = ? AND frames > 0 GROUP BY reason"
    return dict(cursor.execute(statement, (source,)).fetchall())


def _captured_after(cursor: Cursor, source: str, sequence: int) -> int:
    """Return the number of rows of frames captured after frame number `sequence`.

    Only the last rows are searched: a tally on record is a second old at most.
    """
    statement = (
        "SELECT COUNT(*) FROM records NOT INDEXED WHERE source = ? AND sequence > ?"
        f" AND id > (SELECT MAX(id) FROM records) - {ROWS_SINCE_TALLY}"
    )
    return int(cursor.execute(statement, (source, sequence)).fetchone()[0])
