"""Owns what was not inspected: the gaps that lie between two words of a source. Pure, no I/O."""

from typing import Literal

import msgspec

from inspector.protocol.messages import Tally

#: The process did not run: from its last word to the first of its next life. Files waited; a camera was not looked at.
NOT_RUNNING = "not_running"
#: It ran and could capture nothing; `detail` says why.
SOURCE_DOWN = "source_down"
#: It ran and made no step for a while: a share that hangs, a process that was held.
STALLED = "stalled"
#: Frames were on record, and it was removed, or an older one put in its place, while the line ran.
RECORD_LOST = "record_lost"
TIME_ALONE = (NOT_RUNNING, SOURCE_DOWN, STALLED)
#: Sums are recorded every second: a word older than this is the last one for now.
SILENT_S = 5.0


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Not inspected: `frames` of a source captured from `began_at` to `ended_at` (seconds since 1970), and why.

    `frames` is 0 where nobody knows how many there were: only the time is known.
    """

    source: str
    reason: str
    began_at: float
    ended_at: float
    frames: int = 0
    detail: str = ""
    state: Literal["over", "open"] = "over"


def between(before: Tally | None, now: Tally) -> list[Gap]:
    """What a source's word adds to what was not inspected since its word before.

    The frames of these gaps are exactly those by which `dropped` grew, so gaps and sums agree whatever was lost
    between the two words.
    """
    since = heard_at(before) if before else now.at
    gaps = []
    if before is not None and before.epoch != now.epoch:
        gaps.append(_gap(now, NOT_RUNNING, since, now.at))
    if now.problem:
        gaps.append(_gap(now, SOURCE_DOWN, since, now.at, detail=now.problem))
    for reason, count in now.dropped.items():
        more = count - (before.dropped.get(reason, 0) if before else 0)
        if more > 0:
            span = now.spans.get(reason)
            began_at, ended_at = (span.began_at, span.ended_at) if span else (since, now.at)
            gaps.append(_gap(now, reason, began_at, ended_at, more))
    if stalled := now.spans.get(STALLED):
        gaps.append(_gap(now, STALLED, stalled.began_at, stalled.ended_at))
    return gaps


def time_lost(before: Tally | None, now: Tally) -> dict[str, float]:
    """Seconds that a source's word adds to those in which it inspected nothing, by reason: gaps without frames."""
    lost = {}
    for gap in between(before, now):
        if not gap.frames:
            told = before.spans.get(gap.reason) if before else None  # it is told until it is on record
            lost[gap.reason] = max(0.0, gap.ended_at - max(gap.began_at, told.ended_at if told else 0.0))
    return lost


def heard_at(tally: Tally) -> float:
    """When a source said this, seconds since 1970; at least not before its last frame, where an old record lacks it."""
    return tally.at or tally.last_frame_at


def silence(last: Tally, now: float) -> Gap | None:
    """The gap that is open at `now` because nothing was heard since a source's last word; None while that is fresh."""
    if now - heard_at(last) <= SILENT_S:
        return None
    return Gap(source=last.source, reason=NOT_RUNNING, began_at=heard_at(last), ended_at=now, state="open")


def _gap(tally: Tally, reason: str, began_at: float, ended_at: float, frames: int = 0, detail: str = "") -> Gap:
    return Gap(
        source=tally.source,
        reason=reason,
        began_at=began_at,
        ended_at=max(began_at, ended_at),
        frames=frames,
        detail=detail,
    )  # clocks may be set back
