"""Owns the sentences about what the rules found: alarms, and marks of rolls. Pure, no I/O."""

from inspector.record.findings import Alarm, RollMark


def sentence(found: Alarm | RollMark) -> str:
    """Return an alarm or a mark of a roll in one sentence, with its source and piece."""
    where = f"{found.source}, {found.piece}" if found.piece else found.source
    if isinstance(found, RollMark):
        return f"roll mark on {where}: {found.label} {recurrence(found)}; confidence {found.confidence:.5f}"
    along = f", {_stretch(found.from_mm, found.to_mm)}" if None not in (found.from_mm, found.to_mm) else ""
    return f"alarm {found.rule} on {where}: {found.count} {found.detail}{along}"


def recurrence(mark: RollMark) -> str:
    """Return at which distance a mark repeats, how often, where along and across, and which rolls that fits."""
    fits = f"fits {', '.join(mark.rolls)}" if mark.rolls else "fits no roll of the config"
    return (
        f"every {mark.distance_mm:.0f} mm, {mark.repeats} times {_stretch(mark.first_mm, mark.last_mm)},"
        f" {mark.x_mm:.0f} mm across: it {fits}"
    )


def rolls(mark: RollMark) -> str:
    """Return the names of the rolls that a mark fits, for a cell of a table."""
    return ", ".join(mark.rolls) or "none of the config"


def _stretch(from_mm: float | None, to_mm: float | None) -> str:
    return f"from {(from_mm or 0.0) / 1000:.3f} to {(to_mm or 0.0) / 1000:.3f} m"
