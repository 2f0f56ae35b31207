"""Owns the report of a piece: one page for who must decide about it, or answer for it, that prints as it stands."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from inspector import __version__
from inspector.answers import grades
from inspector.answers.grades import DecidedGrade, QualityGrade
from inspector.quality.grading import STILL_COMING_S
from inspector.quality.piece_summary import PieceSummary
from inspector.record.store import Store
from inspector.reports import (
    coverage_section,
    defect_section,
    findings_section,
    grade_section,
    pages,
    provenance_section,
    tooltips,
    unsure_section,
)
from inspector.reports.elements import moment
from inspector.reports.map.coil_map import CoilMap
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A number at the head of the page, and what it is of; `verdict` is good, bad, or "" for neither."""

    name: str
    value: str
    detail: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Headline:
    """What the page is of; `unfinished` says that more of the piece may come, "" where none will."""

    piece: str
    origin: str
    unfinished: str
    figures: list[KeyFigure]


def write(
    summary: PieceSummary,
    grade: QualityGrade | None,
    coil_map: CoilMap,
    store: Store,
    settings: Settings,
    model: Bundle | str,
    now: float,
) -> str:
    """Return the page as written at `now`, in seconds since 1970; `store` leads to its pictures.

    `grade`: None where the line has no limits to grade by. `model`: the bundle in force, or why it cannot be read.
    """
    decided = None if grade is None else grades.on(settings, grade)
    return pages.render(
        "report.html",
        headline=_headline(summary, grade, decided, now),
        grade=grade_section.section(grade, decided),
        map=tooltips.over(coil_map, store, defect_section.MOST_CARDS),
        coverage=coverage_section.section(summary),
        findings=findings_section.section(summary, settings),
        defects=defect_section.section(summary, coil_map, store),
        unsure=unsure_section.section(summary),
        provenance=provenance_section.section(summary, settings, model),
        foot=_foot(settings, now),
    )


def _headline(summary: PieceSummary, grade: QualityGrade | None, decided: DecidedGrade | None, now: float) -> Headline:
    piece = summary.piece
    sources = ", ".join(share.source for share in summary.shares) or "no source"
    until = moment(piece.ended_at or now)
    steel = f"; steel grade {piece.grade}" if piece.grade else ""
    recipe = f"; recipe {piece.recipe}" if piece.recipe else ""
    return Headline(
        piece.name,
        f"On the line from {moment(piece.began_at)} to {until}; seen by {sources}{steel}{recipe}.",
        _unfinished(summary, now),
        [_grade(grade, decided), _inspected(summary), _defects(summary), _unsure(summary)],
    )


def _unfinished(summary: PieceSummary, now: float) -> str:
    piece = summary.piece
    if piece.ended_at is None:
        return "Still on the line: what comes after this report was written is not in it."
    if piece.by_frames and now - piece.ended_at < STILL_COMING_S:
        ago_s = max(0.0, now - piece.ended_at)
        return f"Its last frame was captured {ago_s:.0f} s before this report was written: more may follow."
    return ""


def _grade(grade: QualityGrade | None, decided: DecidedGrade | None) -> KeyFigure:
    if grade is None:
        return KeyFigure("grade", "not graded", "the line has no limits for it", "")
    if decided is not None and not decided.unknown_then:
        one = decided.decision
        detail = f"{one.kind} by {one.person}; computed: {grade.grade}"
        return KeyFigure("grade", one.grade, detail, "good" if one.grade == "prime" else "bad")
    if grade.grade == "prime":
        return KeyFigure("grade", grade.grade, "within all limits", "good")
    worst = sum(one.grade == grade.grade for one in grade.reasons)
    return KeyFigure("grade", grade.grade, f"for {worst} reason{'s' * (worst != 1)}, below", "bad")


def _inspected(summary: PieceSummary) -> KeyFigure:
    share, of_what = coverage_section.inspected(summary)
    return KeyFigure("inspected", share, of_what, "good" if summary.whole else "bad")


def _defects(summary: PieceSummary) -> KeyFigure:
    defects = summary.defects
    severities = Counter(one.severity for one in defects)
    kinds = ", ".join(f"{count:,} {name}" for name, count in severities.items()) or "none on record"
    return KeyFigure("defects", f"{len(defects):,}", f"{kinds}{_density(summary)}", "bad" if defects else "good")


def _density(summary: PieceSummary) -> str:
    seen = [share.seen for share in summary.shares if share.seen]
    if not seen or not summary.defects:
        return ""
    length_mm = max(one.to_mm for one in seen) - min(one.from_mm for one in seen)
    return f"; {_rounded(len(summary.defects) / length_mm * 10_000)} in 10 m" if length_mm else ""


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _unsure(summary: PieceSummary) -> KeyFigure:
    unsure = summary.unsure.total()
    share = f"{100 * unsure / summary.frames:.1f} % of {summary.frames:,} frames" if summary.frames else "no frame"
    in_doubt = max((one.in_doubt for one in summary.shares), default=0.0)
    share += f"; {100 * in_doubt:.2g} % of the area" if in_doubt and len(summary.shares) == 1 else ""
    return KeyFigure("unsure", f"{unsure:,}", share, "bad" if unsure else "good")


def _foot(settings: Settings, now: float) -> str:
    zone = f"{datetime.fromtimestamp(now).astimezone():UTC%z}"
    data = settings.data.absolute()
    return f"Written {moment(now)} by Strip Inspector {__version__} from {data}. Times are of {zone}."
