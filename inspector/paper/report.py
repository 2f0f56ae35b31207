"""Owns the report of a piece: one page for who must decide about it, or answer for it, that prints as it stands."""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from inspector import __version__
from inspector.bundle import Bundle
from inspector.causes import Missed
from inspector.config import Settings
from inspector.coverage import Coverage
from inspector.decide import OUTCOMES
from inspector.dossier import Dossier
from inspector.gaps import Gap
from inspector.paper import defect_section, page, provenance, spots
from inspector.paper.coil_map import CoilMap
from inspector.paper.markup import Markup, tag
from inspector.paper.page import note
from inspector.store import Store

#: The page stays one that is read; what is left out is counted.
MOST_STRETCHES, MOST_GAPS = 40, 40
#: A piece that is named by its frames may go on until none came for so long.
_STILL_COMING_S = 60.0


def write(
    dossier: Dossier, coil_map: CoilMap, store: Store, settings: Settings, model: Bundle | str, now: float
) -> str:
    """The page, written at `now` (since 1970); `store` gives its pictures, `model` is the bundle in force."""
    return page.write(
        f"Inspection report: {dossier.piece.name}",
        *_head(dossier, now),
        _headline(dossier),
        tag("h2", "Map"),
        spots.over(coil_map, store, defect_section.MOST_CARDS),
        *_coverage(dossier),
        *defect_section.section(dossier, coil_map, store),
        provenance.section(dossier, settings, model),
        _foot(settings, now),
    )


def _head(dossier: Dossier, now: float) -> Iterator[Markup]:
    piece = dossier.piece
    yield tag("p", "Inspection report", class_="kind")
    yield tag("h1", piece.name)
    sources = ", ".join(share.source for share in dossier.shares) or "no source"
    until = _moment(piece.ended_at or now)
    steel = f"; steel grade {piece.grade}" if piece.grade else ""
    recipe = f"; recipe {piece.recipe}" if piece.recipe else ""
    yield note(f"On the line from {_moment(piece.began_at)} to {until}; seen by {sources}{steel}{recipe}.")
    if piece.ended_at is None:
        yield tag("p", "Still on the line: what comes after this report was written is not in it.", class_="alert")
    elif piece.by_frames and now - piece.ended_at < _STILL_COMING_S:
        ago = f"{max(0.0, now - piece.ended_at):.0f} s"
        yield tag("p", f"Its last frame was captured {ago} before: more may follow.", class_="alert")


def _headline(dossier: Dossier) -> Markup:
    defects, unsure = dossier.defects, dossier.unsure.total()
    severities = Counter(one.severity for one in defects)
    kinds = ", ".join(f"{count:,} {name}" for name, count in severities.items()) or "none on record"
    share = f"{100 * unsure / dossier.frames:.1f} % of {dossier.frames:,} frames" if dossier.frames else "no frame"
    inspected, of_what = _inspected(dossier)
    return tag(
        "div",
        _figure("grade", "not graded", "judge by what follows", ""),
        _figure("inspected", inspected, of_what, "good" if dossier.whole else "bad"),
        _figure("defects", f"{len(defects):,}", f"{kinds}{_density(dossier)}", "bad" if defects else "good"),
        _figure("unsure", f"{unsure:,}", share, "bad" if unsure else "good"),
        class_="figures",
    )


def _figure(name: str, value: str, more: str, kind: str) -> Markup:
    return tag("div", tag("span", name), tag("b", value), tag("span", more), class_=kind or None)


def _inspected(dossier: Dossier) -> tuple[str, str]:
    """How much; never 100 % of what is not whole."""
    if dossier.seen_mm:
        missed = f", {dossier.missed_mm / 1000:.3f} m missed" if dossier.missed else ""
        sources = f", {len(dossier.shares)} sources added up" if len(dossier.shares) > 1 else ""
        return _percent(1 - dossier.missed_mm / dossier.seen_mm), f"of {dossier.seen_mm / 1000:.3f} m{missed}{sources}"
    errors = sum(share.outcomes["error"] for share in dossier.shares)
    if not dossier.frames:
        return "nothing", "no frame of it is on record"
    told = f"of {dossier.frames} frames; places along are not known"
    return _percent(1 - errors / dossier.frames), told


def _percent(share: float) -> str:
    return f"{math.floor(share * 1000 + 1e-9) / 10:g} %"


def _density(dossier: Dossier) -> str:
    seen = [share.seen for share in dossier.shares if share.seen]
    if not seen or not dossier.defects:
        return ""
    length_mm = max(one.to_mm for one in seen) - min(one.from_mm for one in seen)
    return f"; {_rounded(len(dossier.defects) / length_mm * 10_000)} in 10 m" if length_mm else ""


def _rounded(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _coverage(dossier: Dossier) -> Iterator[Markup]:
    yield tag("h2", "Was all of it inspected?")
    yield tag("p", _answer(dossier))
    heads = ("source", *OUTCOMES, "from, m", "to, m", "missed, m", "inspected", "without a place")
    rows = [_share(share) for share in dossier.shares]
    rows += [(source, *("" for _ in heads[2:]), "no frame") for source in dossier.silent]
    yield page.table(heads, rows, heads[1:])
    for share in dossier.shares:
        if share.twice:
            mm = sum(one.to_mm - one.from_mm for one in share.twice)
            twice = f"{share.source}: {mm / 1000:.3f} m are told twice: frames overlap, or the encoder ran backwards."
            yield tag("p", twice, class_="alert")
    if dossier.missed:
        longest = sorted(dossier.missed, key=lambda one: one.stretch.from_mm - one.stretch.to_mm)[:MOST_STRETCHES]
        yield tag("h3", "Not inspected")
        told = ("from, m", "to, m", "length, m")
        yield page.table(("source", *told, "why"), [_stretch(one) for one in dossier.missed if one in longest], told)
        yield page.left_out(len(dossier.missed), len(longest), "stretches", "the longest")
    if dossier.gaps:
        yield tag("h3", "Not captured while it was on the line")
        rows = [_gap(gap) for gap in dossier.gaps[:MOST_GAPS]]
        yield page.table(("source", "from", "to", "frames", "why"), rows, ("frames",))
        yield page.left_out(len(dossier.gaps), len(rows), "gaps", "the first")


def _answer(dossier: Dossier) -> str:
    errors = sum(share.outcomes["error"] for share in dossier.shares)
    reasons = [
        *(f"{source} has no frame of it" for source in dossier.silent),
        *([f"{_counted(len(dossier.missed), 'stretch', 'es')} missing"] if dossier.missed else []),
        *([f"{_counted(errors, 'frame')} that could not be inspected"] if errors else []),
        *([] if dossier.shares else ["no frame of it is on record"]),
    ]
    told = f"No: {'; '.join(reasons)}." if reasons else "Yes, from its first frame to its last."
    sums = (
        f"The sums of {', '.join(dossier.unbalanced)} do not balance: see `inspector account`."
        if dossier.unbalanced
        else "The sums of the line balance: no frame was lost unseen."
    )
    return f"{told} {sums}"


def _share(share: Coverage) -> tuple[str, ...]:
    counts = (str(share.outcomes[outcome]) for outcome in OUTCOMES)
    if share.seen is None:
        return (share.source, *counts, "?", "?", "?", "?", str(share.unplaced))
    missed_mm = sum(one.to_mm - one.from_mm for one in share.missing)
    length_mm = share.seen.to_mm - share.seen.from_mm
    inspected = _percent(1 - missed_mm / length_mm) if length_mm else "?"
    lengths = (f"{mm / 1000:.3f}" for mm in (share.seen.from_mm, share.seen.to_mm, missed_mm))
    return (share.source, *counts, *lengths, inspected, str(share.unplaced))


def _stretch(one: Missed) -> tuple[str, ...]:
    begins, ends = one.stretch.from_mm, one.stretch.to_mm
    lengths = (f"{mm / 1000:.3f}" for mm in (begins, ends, ends - begins))
    return (one.source, *lengths, one.why or "not known: no frame of it came")


def _gap(gap: Gap) -> tuple[str, ...]:
    why = f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
    began = _moment(gap.began_at) if gap.began_at else "unknown"
    return gap.source, began, _moment(gap.ended_at), str(gap.frames or "?"), why


def _foot(settings: Settings, now: float) -> Markup:
    return tag(
        "footer",
        f"Written {_moment(now)} by Strip Inspector {__version__} from {settings.data.absolute()}."
        f" Times are of {datetime.fromtimestamp(now).astimezone():UTC%z}.",
    )


def _counted(count: int, thing: str, plural: str = "s") -> str:
    return f"{count} {thing}{plural * (count != 1)}"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"
