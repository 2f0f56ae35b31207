"""Owns the gaps on record: each is one row that grows while the gap lasts; the oldest are folded together."""

from inspector.record.database import Cursor
from inspector.record.gaps import Gap


def save(cursor: Cursor, gap: Gap, since: float) -> None:
    """Record a gap, or extend one: a gap of time alone that lasted until `since`, or one with the same beginning."""
    if not gap.frames:
        cursor.execute(
            "UPDATE gaps SET ended_at = ? WHERE source = ? AND reason = ? AND detail = ? AND ended_at = ?",
            (gap.ended_at, gap.source, gap.reason, gap.detail, since),
        )
        if cursor.rowcount:
            return
    cursor.execute(
        "INSERT INTO gaps (source, reason, began_at, ended_at, frames, detail) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET ended_at = max(ended_at, excluded.ended_at), frames = frames + excluded.frames",
        (gap.source, gap.reason, gap.began_at, gap.ended_at, gap.frames, gap.detail),
    )


def fold(cursor: Cursor, keep: int) -> None:
    """Keep the newest `keep` gaps; merge the older ones into one for each source and reason, so the sums stay."""
    old, sums = "FROM gaps WHERE ended_at <= ?", "min(began_at), max(ended_at), sum(frames), 'many'"
    row = cursor.execute("SELECT ended_at FROM gaps ORDER BY ended_at DESC LIMIT 1 OFFSET ?", (keep,)).fetchone()
    if row is None:
        return
    folded = cursor.execute(f"SELECT source, reason, {sums} {old} GROUP BY source, reason", row).fetchall()
    cursor.execute(f"DELETE {old}", row)
    cursor.executemany("INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?)", folded)
