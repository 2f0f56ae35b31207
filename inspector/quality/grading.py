"""Owns the grade of a finished piece: prime, second or hold, and why. Pure, no I/O.

A failure never looks like a pass: what was not inspected whole, cannot be judged, or is not over is on hold.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from inspector.errors import ConfigError
from inspector.quality import wording
from inspector.quality.coverage import Coverage, Stretch
from inspector.quality.defects import Defect
from inspector.quality.piece_summary import PieceSummary
from inspector.record.gaps import TIME_ALONE, Gap
from inspector.record.pieces import Piece
from inspector.settings.rules import GRADES, UNITS, GradeName, LimitSettings
from inspector.settings.settings import Settings

#: Time without a frame after which a piece that is named by its frames is over, in seconds.
STILL_COMING_S = 60.0
#: Number of missing stretches that a reason lists.
_MOST = 3


class GradeReason(msgspec.Struct, frozen=True):
    """Why a piece is of that grade at best."""

    grade: GradeName
    text: str


class QualityGrade(msgspec.Struct, frozen=True):
    """The grade of the piece of that name, and why, the worst reasons first."""

    piece: str
    grade: GradeName
    reasons: list[GradeReason]


def judge(summary: PieceSummary, settings: Settings, now: float) -> QualityGrade:
    """Grade a piece by the limits of these settings, at `now` (since 1970). Raise ConfigError where they have none."""
    if not settings.grading.limits:
        raise ConfigError(
            "grading.limits: none is set, so nothing says what makes a piece second or puts it on hold;"
            " configs/coil.yaml has some"
        )
    sizes = {source.name: source.place.mm_per_px for source in settings.sources}
    limits = [limit for limit in settings.grading.limits if limit.is_for(summary.piece.recipe)]
    reasons = [
        *(GradeReason("hold", text) for text in _unlimited(summary, limits)),
        *(GradeReason("hold", text) for text in _unfinished(summary, now)),
        *(GradeReason("hold", text) for text in _not_inspected(summary, settings)),
        *(GradeReason("hold", text) for text in _unsure(summary.shares, settings.grading.max_unsure_percent)),
        *_found(summary, settings),
        *(reason for limit in limits for reason in _over(limit, summary, sizes)),
    ]
    reasons.sort(key=lambda one: -GRADES.index(one.grade))
    if not reasons:
        frames, unsure = summary.frames, summary.unsure.total()
        text = f"{_count(len(summary.defects), 'defect')} and {unsure:,} unsure of {frames:,} frames reach no limit."
        return QualityGrade(summary.piece.name, "prime", [GradeReason("prime", text)])
    return QualityGrade(summary.piece.name, reasons[0].grade, reasons)


def is_over(piece: Piece, now: float) -> bool:
    """Return whether no more frames of a piece are expected, at `now` (since 1970)."""
    return piece.ended_at is not None and not (piece.by_frames and now - piece.ended_at < STILL_COMING_S)


def _unlimited(summary: PieceSummary, limits: Sequence[LimitSettings]) -> Iterator[str]:
    if not limits:
        recipe = summary.piece.recipe
        under = f"recipe {recipe}" if recipe else "no recipe"
        yield f"It is under {under}, and no limit of grading is for that: nothing says what makes it second."


def _unfinished(summary: PieceSummary, now: float) -> Iterator[str]:
    piece = summary.piece
    if not summary.frames:
        yield "No frame of it is on record."
    if piece.ended_at is None:
        yield "It is still on the line: this is of its frames so far."
    elif not is_over(piece, now):
        yield f"Its last frame came {max(0.0, now - piece.ended_at):.0f} s ago: more may follow."


def _not_inspected(summary: PieceSummary, settings: Settings) -> Iterator[str]:
    sources = {source.name: source for source in settings.sources}
    for name in summary.absent:
        yield f"{name} has no frame of it."
    for share in summary.shares:
        source = sources.get(share.source)
        gaps = [gap for gap in summary.gaps if gap.source == share.source and gap.reason != "stale"]
        if source is not None and source.type in ("folder", "replay"):  # its files wait
            gaps = [gap for gap in gaps if gap.reason not in TIME_ALONE]
        reasons = _missing if share.seen else _lost
        yield from reasons(summary, share, gaps, settings.grading.max_missing_percent)
    for name in summary.unbalanced:
        if name in [share.source for share in summary.shares]:
            yield f"The sums of {name} do not balance: see inspector account."


def _missing(summary: PieceSummary, share: Coverage, gaps: Sequence[Gap], limit: float) -> Iterator[str]:
    """Yield what no frame covers, where places are known."""
    whole_mm = _length_mm(share.seen) if share.seen else 0.0
    missed = [one for one in summary.missed if one.source == share.source]
    percent = 100 * sum(_length_mm(one.stretch) for one in missed) / (whole_mm or 1.0)
    if missed and percent > limit:
        listed = [_stretch(one.stretch) + (f" ({one.why})" if one.why else "") for one in missed[:_MOST]]
        listed += [f"and {len(missed) - _MOST} more"] if len(missed) > _MOST else []
        yield (
            f"{share.source} did not inspect {percent:.3g}% of {whole_mm / 1000:.3f} m, {limit:g}% may be missing:"
            f" {'; '.join(listed)}."
        )
    ends = [gap for gap in gaps if gap.began_at < share.began_at or gap.ended_at > share.ended_at]
    if ends and not summary.piece.by_frames:
        yield f"{share.source} may have missed its beginning or end: {_reasons(ends)}."


def _lost(summary: PieceSummary, share: Coverage, gaps: Sequence[Gap], limit: float) -> Iterator[str]:
    """Yield the frames that are missing, where no place is known."""
    errors, lost = share.outcomes["error"], sum(gap.frames for gap in gaps)
    frames = sum(share.outcomes.values()) + lost
    percent = 100 * (errors + lost) / frames
    if percent > limit:
        yield f"{share.source} did not inspect {errors + lost} of {frames} frames, {limit:g}% may be missing."
    if times := [gap for gap in gaps if not gap.frames]:
        yield f"{share.source} could not inspect for some time, and its frames tell no place: {_reasons(times)}."


def _unsure(shares: Sequence[Coverage], limit: float) -> Iterator[str]:
    for share in shares:
        if 100 * share.in_doubt > limit:
            yield f"{100 * share.in_doubt:.3g}% of what {share.source} inspected is unsure; {limit:g}% may be."


def _found(summary: PieceSummary, settings: Settings) -> Iterator[GradeReason]:
    """Yield alarms and marks of rolls, or that the rules have not judged all of the piece."""
    grading = settings.grading
    asked = [rule for rule in settings.alarms if rule.grade != "prime" and rule.is_for(summary.piece.recipe)]
    if (asked or (settings.rolls and grading.roll_mark != "prime")) and summary.frames and not summary.judged:
        yield GradeReason(
            "hold", "The rules have not seen all of it: its alarms and marks of rolls may not all be known."
        )
    for rule in asked:
        if raised := [one for one in summary.alarms if one.rule == rule.name]:
            at = next((f", first at {one.from_mm / 1000:.3f} m" for one in raised if one.from_mm is not None), "")
            yield GradeReason(
                rule.grade, f"Alarm {rule.name} was raised {_count(len(raised), 'time')}{at}: {rule.text}."
            )
    for mark in summary.marks if grading.roll_mark != "prime" else []:
        yield GradeReason(grading.roll_mark, f"A mark of {mark.label} comes again {wording.recurrence(mark)}.")


def _over(limit: LimitSettings, summary: PieceSummary, mm_per_px: Mapping[str, float | None]) -> Iterator[GradeReason]:
    """Yield the limit where the piece reaches it, and a hold where that cannot be measured."""
    taken = [one for one in summary.defects if limit.takes(one.label, one.severity, one.score)]
    if not taken:
        return
    value, unit = _measured(limit, taken, summary, mm_per_px), UNITS[limit.measure]
    these = f"{_count(len(taken), 'defect')} ({limit.which})"
    if value is None:
        yield GradeReason("hold", f"{these}: how much{unit} that is nobody can tell, for want of a place or a size.")
    elif value >= limit.limit * (1 - 1e-9):
        much = "" if limit.measure == "count" else f", {value:.3g}{unit}"
        yield GradeReason(limit.grade, f"{these}{much}: {limit.grade} from {limit.limit:g}{unit} on.")


def _measured(
    limit: LimitSettings, taken: Sequence[Defect], summary: PieceSummary, mm_per_px: Mapping[str, float | None]
) -> float | None:
    """Return how much the defects are in the measure of the limit; None where that is not known."""
    if limit.measure == "count":
        return float(len(taken))
    inspected = {share.source: _inspected_mm(share) for share in summary.shares}
    if limit.measure == "per_10m":  # of the piece: sources look at it side by side
        return 10_000 * len(taken) / max(inspected.values()) if all(inspected.values()) else None
    areas = [
        inspected[share.source] * share.width_px * (mm_per_px.get(share.source) or 0.0) for share in summary.shares
    ]
    if not all(areas):
        return None
    if limit.measure == "per_m2":
        return 1e6 * len(taken) / sum(areas)
    sides = [(one.width_mm, one.length_mm) for one in taken]
    known = [width * length for width, length in sides if width is not None and length is not None]
    return 100 * sum(known) / sum(areas) if len(known) == len(taken) else None


def _inspected_mm(share: Coverage) -> float:
    """Return the length of the piece that the source inspected, in mm; 0 where that is not known."""
    return _length_mm(share.seen) - sum(map(_length_mm, share.missing)) if share.seen else 0.0


def _length_mm(stretch: Stretch) -> float:
    return stretch.to_mm - stretch.from_mm


def _stretch(stretch: Stretch) -> str:
    return f"{stretch.from_mm / 1000:.3f} to {stretch.to_mm / 1000:.3f} m"


def _reasons(gaps: Sequence[Gap]) -> str:
    return ", ".join(dict.fromkeys(gap.reason for gap in gaps))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
