"""Owns the report of a piece: one page for who must decide about it, or answer for it, that prints as it stands."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from inspector import __version__
from inspector.quality.grading import STILL_COMING_S, Grade
from inspector.quality.piece_summary import Dossier
from inspector.record.store import Store
from inspector.reports import coverage_section, defect_section, provenance_section, quality_section, tooltips
from inspector.reports.html import page
from inspector.reports.html.markup import Markup, tag
from inspector.reports.html.page import moment, note
from inspector.reports.map.coil_map import CoilMap
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle


def write(
    dossier: Dossier,
    grade: Grade | None,
    coil_map: CoilMap,
    store: Store,
    settings: Settings,
    model: Bundle | str,
    now: float,
) -> str:
    """The page, written at `now` (since 1970); `store` gives its pictures.

    `grade`: None where the line has no rules for it. `model`: the bundle in force, or why it cannot be read.
    """
    return page.write(
        f"Inspection report: {dossier.piece.name}",
        *_head(dossier, now),
        _headline(dossier, grade),
        *quality_section.grade(grade),
        tag("h2", "Map"),
        tooltips.over(coil_map, store, defect_section.MOST_CARDS),
        *coverage_section.section(dossier),
        *quality_section.found(dossier, settings),
        *defect_section.section(dossier, coil_map, store),
        provenance_section.section(dossier, settings, model),
        _foot(settings, now),
    )


def _head(dossier: Dossier, now: float) -> Iterator[Markup]:
    piece = dossier.piece
    yield tag("p", "Inspection report", class_="kind")
    yield tag("h1", piece.name)
    sources = ", ".join(share.source for share in dossier.shares) or "no source"
    until = moment(piece.ended_at or now)
    steel = f"; steel grade {piece.grade}" if piece.grade else ""
    recipe = f"; recipe {piece.recipe}" if piece.recipe else ""
    yield note(f"On the line from {moment(piece.began_at)} to {until}; seen by {sources}{steel}{recipe}.")
    if piece.ended_at is None:
        yield tag("p", "Still on the line: what comes after this report was written is not in it.", class_="alert")
    elif piece.by_frames and now - piece.ended_at < STILL_COMING_S:
        ago = f"{max(0.0, now - piece.ended_at):.0f} s"
        yield tag("p", f"Its last frame was captured {ago} before: more may follow.", class_="alert")


def _headline(dossier: Dossier, grade: Grade | None) -> Markup:
    defects, unsure = dossier.defects, dossier.unsure.total()
    severities = Counter(one.severity for one in defects)
    kinds = ", ".join(f"{count:,} {name}" for name, count in severities.items()) or "none on record"
    share = f"{100 * unsure / dossier.frames:.1f} % of {dossier.frames:,} frames" if dossier.frames else "no frame"
    in_doubt = max((one.in_doubt for one in dossier.shares), default=0.0)
    share += f"; {100 * in_doubt:.2g} % of the area" if in_doubt and len(dossier.shares) == 1 else ""
    inspected, of_what = coverage_section.inspected(dossier)
    return tag(
        "div",
        _graded(grade),
        _figure("inspected", inspected, of_what, "good" if dossier.whole else "bad"),
        _figure("defects", f"{len(defects):,}", f"{kinds}{_density(dossier)}", "bad" if defects else "good"),
        _figure("unsure", f"{unsure:,}", share, "bad" if unsure else "good"),
        class_="figures",
    )


def _graded(grade: Grade | None) -> Markup:
    if grade is None:
        return _figure("grade", "not graded", "the line has no limits for it", "")
    if grade.grade == "prime":
        return _figure("grade", grade.grade, "within all limits", "good")
    worst = sum(one.grade == grade.grade for one in grade.reasons)
    return _figure("grade", grade.grade, f"for {worst} reason{'s' * (worst != 1)}, below", "bad")


def _figure(name: str, value: str, more: str, kind: str) -> Markup:
    return tag("div", tag("span", name), tag("b", value), tag("span", more), class_=kind or None)


def _density(dossier: Dossier) -> str:
    seen = [share.seen for share in dossier.shares if share.seen]
    if not seen or not dossier.defects:
        return ""
    length_mm = max(one.to_mm for one in seen) - min(one.from_mm for one in seen)
    return f"; {_rounded(len(dossier.defects) / length_mm * 10_000)} in 10 m" if length_mm else ""


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _foot(settings: Settings, now: float) -> Markup:
    return tag(
        "footer",
        f"Written {moment(now)} by Strip Inspector {__version__} from {settings.data.absolute()}."
        f" Times are of {datetime.fromtimestamp(now).astimezone():UTC%z}.",
    )
