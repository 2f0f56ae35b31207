"""Owns what was not inspected: the gaps that follow from two successive tallies of a source. Pure, no I/O."""

from typing import Literal

import msgspec

from inspector.protocol.messages import Tally

#: Reason: the process did not run, from its last tally to the first one of its next life. Files waited; what passed a
#: camera was not captured.
NOT_RUNNING = "not_running"
#: Reason: the process ran and could capture nothing; `detail` says why.
SOURCE_DOWN = "source_down"
#: Reason: the process ran and made no progress, as with a network share that hangs, or a stopped process.
STALLED = "stalled"
#: Reason: the record with these frames was removed, or replaced by an older one, while the line ran.
RECORD_LOST = "record_lost"
#: Reasons of gaps of which only the time is known, not the number of frames.
TIME_ALONE = (NOT_RUNNING, SOURCE_DOWN, STALLED)
#: Age of the last tally from which a source counts as silent, in seconds; a source that runs sends one every second.
SILENT_S = 5.0


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of a source that were not inspected, captured from `began_at` to `ended_at` (seconds since 1970).

    `reason` and `detail` say why. `frames` is 0 if only the time is known, not how many frames there were.
    """

    source: str
    reason: str
    began_at: float
    ended_at: float
    frames: int = 0
    detail: str = ""
    state: Literal["over", "open"] = "over"


def between(before: Tally | None, now: Tally) -> list[Gap]:
    """Return the gaps that the tally `now` adds to those up to the tally `before`.

    Their frames are exactly those by which `dropped` grew, so gaps and sums agree even if tallies in between were lost.
    """
    since = made_at(before) if before else now.at
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
    """Return the seconds without inspection that the tally `now` adds, by reason: the gaps without frames."""
    lost = {}
    for gap in between(before, now):
        if not gap.frames:
            sent = before.spans.get(gap.reason) if before else None  # a span is sent until it is on record
            lost[gap.reason] = max(0.0, gap.ended_at - max(gap.began_at, sent.ended_at if sent else 0.0))
    return lost


def made_at(tally: Tally) -> float:
    """Return when a source made this tally, in seconds since 1970.

    If a record of an older version lacks that, it is the capture time of the last frame.
    """
    return tally.at or tally.last_frame_at


def silence(last: Tally, now: float) -> Gap | None:
    """Return the gap that is open at `now` because a source sent no tally since `last`; None while `last` is recent."""
    if now - made_at(last) <= SILENT_S:
        return None
    return Gap(source=last.source, reason=NOT_RUNNING, began_at=made_at(last), ended_at=now, state="open")


def _gap(tally: Tally, reason: str, began_at: float, ended_at: float, frames: int = 0, detail: str = "") -> Gap:
    return Gap(
        source=tally.source,
        reason=reason,
        began_at=began_at,
        ended_at=max(began_at, ended_at),
        frames=frames,
        detail=detail,
    )  # the clock may have been set back
