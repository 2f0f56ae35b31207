"""Owns the frames of a piece that the model was unsure of, as its report shows them: how many, why, and their looks."""

from dataclasses import dataclass

from inspector.quality.piece_summary import PieceSummary
from inspector.record.records import Record
from inspector.reports import thumbnails
from inspector.reports.elements import Figure, Table, left_out

_FRAME_PX = 430


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsureSection:
    """`pictures` are of the frames that the summary of the piece names."""

    sum: str
    reasons: Table
    pictures: list[Figure]
    left_out: str


def section(summary: PieceSummary) -> UnsureSection | None:
    """Return the section; None where no frame was unsure."""
    total = summary.unsure.total()
    if not total:
        return None
    why = "the model did not know what all or a part of them shows, and none passed as ok"
    reasons = [(reason, str(count)) for reason, count in summary.unsure.most_common()]
    return UnsureSection(
        sum=f"{total} of {summary.frames} frames: {why}.",
        reasons=Table(("why", "frames"), reasons, ("frames",)),
        pictures=[_picture(record) for record in summary.doubtful],
        left_out=left_out(total, len(summary.doubtful), "unsure frames"),
    )


def _picture(record: Record) -> Figure:
    place = "" if record.at_mm is None else f"from {record.at_mm / 1000:.3f} m"
    jpeg = thumbnails.of_doubt(record, _FRAME_PX)
    return Figure(jpeg, record.reason, (*_why(record), place, record.name))


def _why(record: Record) -> list[str]:
    """Return the reason; of a frame that was decided in parts, that of the part in the picture."""
    if not record.doubts:
        return [record.reason]
    parts = f"{len(record.doubts)} part{'s' * (len(record.doubts) != 1)} of the frame"
    return [record.doubts[0]["reason"], f"{parts}, {100 * (record.in_doubt or 0):.2g} % of it"]
