"""Owns how much of a piece was inspected, as its report shows it: shares, stretches that are missing, and why."""

import math
from dataclasses import dataclass

from inspector.quality.coverage import Coverage
from inspector.quality.gap_causes import MissedStretch
from inspector.quality.piece_summary import PieceSummary
from inspector.record.gaps import Gap
from inspector.record.optics_history import PastTrouble
from inspector.reports.elements import Table, left_out, moment
from inspector.vocabulary import OUTCOMES

#: Rows in the report, so that it stays one that is read; the rest is counted.
MOST_STRETCHES, MOST_GAPS, MOST_TROUBLES = 40, 40, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageSection:
    """The answer, each source's share, what lies on record twice, and what is missing; None where nothing is."""

    answer: str
    shares: Table
    overlaps: list[str]
    missed: Table | None
    gaps: Table | None
    troubles: Table | None


def section(summary: PieceSummary) -> CoverageSection:
    """Return the section."""
    return CoverageSection(
        answer=_answer(summary),
        shares=_shares(summary),
        overlaps=[_overlap(share) for share in summary.shares if share.twice],
        missed=_missed(summary.missed) if summary.missed else None,
        gaps=_gaps(summary.gaps) if summary.gaps else None,
        troubles=_troubles(summary.troubles) if summary.troubles else None,
    )


def inspected(summary: PieceSummary) -> tuple[str, str]:
    """Return how much was inspected, and of what; never 100 % where any of it was not."""
    if summary.seen_mm:
        missed = f", {summary.missed_mm / 1000:.3f} m missed" if summary.missed else ""
        sources = f", {len(summary.shares)} sources added up" if len(summary.shares) > 1 else ""
        return _percent(1 - summary.missed_mm / summary.seen_mm), f"of {summary.seen_mm / 1000:.3f} m{missed}{sources}"
    if not summary.frames:
        return "nothing", "no frame of it is on record"
    of_what = f"of {summary.frames} frames; places along are not known"
    return _percent(1 - _errors(summary) / summary.frames), of_what


def _percent(share: float) -> str:
    """Return it rounded down to a tenth of a percent."""
    return f"{math.floor(share * 1000 + 1e-9) / 10:g} %"


def _errors(summary: PieceSummary) -> int:
    return sum(share.outcomes["error"] for share in summary.shares)


def _answer(summary: PieceSummary) -> str:
    errors = _errors(summary)
    reasons = [
        *(f"{source} has no frame of it" for source in summary.absent),
        *([f"{_counted(len(summary.missed), 'stretch', 'es')} missing"] if summary.missed else []),
        *([f"{_counted(errors, 'frame')} that could not be inspected"] if errors else []),
        *([] if summary.shares else ["no frame of it is on record"]),
    ]
    answer = f"No: {'; '.join(reasons)}." if reasons else "Yes, from its first frame to its last."
    sums = (
        f"The sums of {', '.join(summary.unbalanced)} do not balance: see `inspector account`."
        if summary.unbalanced
        else "The sums of the line balance: no frame was lost unseen."
    )
    return f"{answer} {sums}"


def _counted(count: int, thing: str, plural: str = "s") -> str:
    return f"{count} {thing}{plural * (count != 1)}"


def _shares(summary: PieceSummary) -> Table:
    heads = ("source", *OUTCOMES, "from, m", "to, m", "missed, m", "inspected", "in doubt", "without a place")
    rows = [_share(share) for share in summary.shares]
    rows += [(source, *("" for _ in heads[2:]), "no frame") for source in summary.silent]
    return Table(heads, rows, heads[1:])


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


def _overlap(share: Coverage) -> str:
    length_mm = sum(one.to_mm - one.from_mm for one in share.twice)
    return (
        f"{share.source}: {length_mm / 1000:.3f} m are on record twice: frames overlap, or the encoder ran backwards."
    )


def _missed(missed: list[MissedStretch]) -> Table:
    """Return the longest stretches, in order."""
    longest = sorted(missed, key=lambda one: one.stretch.from_mm - one.stretch.to_mm)[:MOST_STRETCHES]
    numbers = ("from, m", "to, m", "length, m")
    rows = [_stretch(one) for one in missed if one in longest]
    rest = left_out(len(missed), len(longest), "stretches", "the longest")
    return Table(("source", *numbers, "why"), rows, numbers, rest)


def _stretch(one: MissedStretch) -> tuple[str, ...]:
    begins, ends = one.stretch.from_mm, one.stretch.to_mm
    lengths = (f"{mm / 1000:.3f}" for mm in (begins, ends, ends - begins))
    return (one.source, *lengths, one.why or "not known: no frame of it came")


def _gaps(gaps: list[Gap]) -> Table:
    rows = [_gap(gap) for gap in gaps[:MOST_GAPS]]
    heads = ("source", "from", "to", "frames", "why")
    return Table(heads, rows, ("frames",), left_out(len(gaps), len(rows), "gaps", "the first"))


def _gap(gap: Gap) -> tuple[str, ...]:
    why = f"{gap.reason}: {gap.detail}" if gap.detail else gap.reason
    began = moment(gap.began_at) if gap.began_at else "unknown"
    return gap.source, began, moment(gap.ended_at), str(gap.frames or "?"), why


def _troubles(troubles: list[PastTrouble]) -> Table:
    rows = [_trouble(one) for one in troubles[:MOST_TROUBLES]]
    rest = left_out(len(troubles), len(rows), "troubles", "the first")
    return Table(("source", "from", "to", "trouble"), rows, left_out=rest)


def _trouble(one: PastTrouble) -> tuple[str, ...]:
    kind = one.kind.replace("_", " ")
    ended = "goes on" if one.ended_at is None else moment(one.ended_at)
    return one.source, moment(one.began_at), ended, f"{kind}: {one.detail}" if one.detail else kind
