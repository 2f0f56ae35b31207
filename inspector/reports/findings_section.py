"""Owns what the rules found on a piece, as its report shows it: roll marks and alarms."""

from dataclasses import dataclass

from inspector.quality import wording
from inspector.quality.piece_summary import PieceSummary
from inspector.record.findings import Alarm, RollMark
from inspector.reports.elements import Table, left_out, moment
from inspector.settings.settings import Settings

#: Rows in the report, so that it stays one that is read; `inspector alarms --piece` lists them all.
MOST_ALARMS, MOST_MARKS = 40, 40


@dataclass(frozen=True, slots=True)
class FindingsSection:
    """Each table is None where nothing was found. `incomplete`: the rules have not judged all of the piece yet."""

    incomplete: bool
    roll_marks: Table | None
    alarms: Table | None


def section(summary: PieceSummary, settings: Settings) -> FindingsSection:
    """Return the section."""
    has_rules = bool(settings.alarms or settings.rolls)
    return FindingsSection(
        has_rules and bool(summary.frames) and not summary.judged,
        _roll_marks(summary.marks) if summary.marks else None,
        _alarms(summary.alarms) if summary.alarms else None,
    )


def _roll_marks(marks: list[RollMark]) -> Table:
    numbers = ("every, mm", "confidence", "times", "from, m", "to, m", "across, mm")
    rows = [_roll_mark(one) for one in marks[:MOST_MARKS]]
    return Table(
        ("roll", "label", *numbers, "source"), rows, numbers, left_out(len(marks), len(rows), "marks", "the first")
    )


def _roll_mark(one: RollMark) -> tuple[str, ...]:
    return (
        wording.rolls(one), one.label, f"{one.distance_mm:.0f}", f"{one.confidence:.5f}",
        str(one.repeats), f"{one.first_mm / 1000:.3f}", f"{one.last_mm / 1000:.3f}", f"{one.x_mm:.0f}", one.source,
    )  # fmt: skip


def _alarms(alarms: list[Alarm]) -> Table:
    numbers = ("from, m", "to, m", "defects")
    heads = ("alarm", "raised", "cleared", *numbers, "rule", "source")
    rows = [_alarm(one) for one in alarms[:MOST_ALARMS]]
    return Table(heads, rows, numbers, left_out(len(alarms), len(rows), "alarms", "the first"))


def _alarm(one: Alarm) -> tuple[str, ...]:
    cleared = "goes on" if one.cleared_at is None else moment(one.cleared_at)
    along = ("?" if mm is None else f"{mm / 1000:.3f}" for mm in (one.from_mm, one.to_mm))
    return one.rule, moment(one.raised_at), cleared, *along, str(one.count), one.detail, one.source
