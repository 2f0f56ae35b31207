"""Owns what the rules say of a piece, as its report shows it: the grade and why, alarms, marks of rolls."""

from collections.abc import Iterator

from inspector.quality import wording
from inspector.quality.grading import Grade
from inspector.quality.piece_summary import Dossier
from inspector.record.findings import Alarm, Mark
from inspector.reports.html.markup import Markup, tag
from inspector.reports.html.page import left_out, moment, note, table
from inspector.settings.settings import Settings

#: The page stays one that is read; `inspector alarms --piece` lists them all.
MOST_ALARMS, MOST_MARKS, MOST_REASONS = 40, 40, 20


def grade(given: Grade | None) -> Iterator[Markup]:
    """Why it is what it is, the worst reasons first; nothing where the line has no rules for it."""
    if given is not None:
        reasons = given.reasons[:MOST_REASONS]
        yield tag("h2", f"Why {given.grade}?")
        yield note("By the limits that the config has now.")
        yield table(("grade", "why"), [(one.grade, one.text) for one in reasons])
        yield left_out(len(given.reasons), len(reasons), "reasons", "the worst")


def found(dossier: Dossier, settings: Settings) -> Iterator[Markup]:
    """Marks of rolls and alarms, where there are any, and whether all that there are are known."""
    if (settings.alarms or settings.rolls) and dossier.frames and not dossier.judged:
        yield tag("p", "The rules have not seen all of it: more alarms and marks of rolls may come.", class_="alert")
    if dossier.marks:
        yield tag("h2", "Marks of rolls")
        numbers = ("every, mm", "confidence", "times", "from, m", "to, m", "across, mm")
        yield table(("roll", "label", *numbers, "source"), [_mark(one) for one in dossier.marks[:MOST_MARKS]], numbers)
        yield left_out(len(dossier.marks), len(dossier.marks[:MOST_MARKS]), "marks", "the first")
    if dossier.alarms:
        yield tag("h2", "Alarms")
        places = ("from, m", "to, m", "defects")
        heads = ("alarm", "raised", "cleared", *places, "rule", "source")
        yield table(heads, [_alarm(one) for one in dossier.alarms[:MOST_ALARMS]], places)
        yield left_out(len(dossier.alarms), len(dossier.alarms[:MOST_ALARMS]), "alarms", "the first")


def _mark(one: Mark) -> tuple[str, ...]:
    return (
        wording.rolls(one), one.label, f"{one.distance_mm:.0f}", f"{one.confidence:.5f}",
        str(one.repeats), f"{one.first_mm / 1000:.3f}", f"{one.last_mm / 1000:.3f}", f"{one.x_mm:.0f}", one.source,
    )  # fmt: skip


def _alarm(one: Alarm) -> tuple[str, ...]:
    cleared = "goes on" if one.cleared_at is None else moment(one.cleared_at)
    along = ("?" if mm is None else f"{mm / 1000:.3f}" for mm in (one.from_mm, one.to_mm))
    return one.rule, moment(one.raised_at), cleared, *along, str(one.count), one.detail, one.source
