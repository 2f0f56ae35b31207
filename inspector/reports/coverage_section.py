"""Owns how much of a piece was inspected, as its report shows it: shares, stretches that are missing, and why."""

import math
from collections.abc import Iterator

from inspector.quality.coverage import Coverage
from inspector.quality.gap_causes import Missed
from inspector.quality.piece_summary import Dossier
from inspector.record.gaps import Gap
from inspector.record.optics_history import PastTrouble
from inspector.reports.html.markup import Markup, tag
from inspector.reports.html.page import left_out, moment, table
from inspector.vocabulary import OUTCOMES

#: The page stays one that is read; what is left out is counted.
MOST_STRETCHES, MOST_GAPS, MOST_TROUBLES = 40, 40, 20


def inspected(dossier: Dossier) -> tuple[str, str]:
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


def section(dossier: Dossier) -> Iterator[Markup]:
    """The answer, each source's share, what was missed and why, and what was not captured meanwhile."""
    yield tag("h2", "Was all of it inspected?")
    yield tag("p", _answer(dossier))
    heads = ("source", *OUTCOMES, "from, m", "to, m", "missed, m", "inspected", "in doubt", "without a place")
    rows = [_share(share) for share in dossier.shares]
    rows += [(source, *("" for _ in heads[2:]), "no frame") for source in dossier.silent]
    yield table(heads, rows, heads[1:])
    for share in dossier.shares:
        if share.twice:
            mm = sum(one.to_mm - one.from_mm for one in share.twice)
            twice = f"{share.source}: {mm / 1000:.3f} m are told twice: frames overlap, or the encoder ran backwards."
            yield tag("p", twice, class_="alert")
    if dossier.missed:
        longest = sorted(dossier.missed, key=lambda one: one.stretch.from_mm - one.stretch.to_mm)[:MOST_STRETCHES]
        yield tag("h3", "Not inspected")
        told = ("from, m", "to, m", "length, m")
        yield table(("source", *told, "why"), [_stretch(one) for one in dossier.missed if one in longest], told)
        yield left_out(len(dossier.missed), len(longest), "stretches", "the longest")
    if dossier.gaps:
        yield tag("h3", "Not captured while it was on the line")
        rows = [_gap(gap) for gap in dossier.gaps[:MOST_GAPS]]
        yield table(("source", "from", "to", "frames", "why"), rows, ("frames",))
        yield left_out(len(dossier.gaps), len(rows), "gaps", "the first")
    if dossier.troubles:
        yield tag("h3", "What was wrong with the pictures meanwhile")
        rows = [_trouble(one) for one in dossier.troubles[:MOST_TROUBLES]]
        yield table(("source", "from", "to", "trouble"), rows)
        yield left_out(len(dossier.troubles), len(rows), "troubles", "the first")


def _answer(dossier: Dossier) -> str:
    errors = sum(share.outcomes["error"] for share in dossier.shares)
    reasons = [
        *(f"{source} has no frame of it" for source in dossier.absent),
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
    in_doubt = f"{100 * share.in_doubt:.2g} %"
    if share.seen is None:
        return (share.source, *counts, "?", "?", "?", "?", in_doubt, str(share.unplaced))
    missed_mm = sum(one.to_mm - one.from_mm for one in share.missing)
    length_mm = share.seen.to_mm - share.seen.from_mm
    inspected = _percent(1 - missed_mm / length_mm) if length_mm else "?"
    lengths = (f"{mm / 1000:.3f}" for mm in (share.seen.from_mm, share.seen.to_mm, missed_mm))
    return (share.source, *counts, *lengths, inspected, in_doubt, str(share.unplaced))


def _stretch(one: Missed) -> tuple[str, ...]:
    begins, ends = one.stretch.from_mm, one.stretch.to_mm
    lengths = (f"{mm / 1000:.3f}" for mm in (begins, ends, ends - begins))
    return (one.source, *lengths, one.why or "not known: no frame of it came")


def _gap(gap: Gap) -> tuple[str, ...]:
    why = f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
    began = moment(gap.began_at) if gap.began_at else "unknown"
    return gap.source, began, moment(gap.ended_at), str(gap.frames or "?"), why


def _trouble(one: PastTrouble) -> tuple[str, ...]:
    told = f"{one.kind.replace('_', ' ')}: {one.detail}" if one.detail else one.kind.replace("_", " ")
    return one.source, moment(one.began_at), "goes on" if one.ended_at is None else moment(one.ended_at), told


def _counted(count: int, thing: str, plural: str = "s") -> str:
    return f"{count} {thing}{plural * (count != 1)}"
