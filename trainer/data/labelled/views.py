"""Owns what a labelled frame is learned as: whole where it is one view, else views around what people labelled.

Nothing is learned that nobody said. A region that only the model named gives no view, and no view is called clean
unless a person called the whole frame, or that region, clean.
"""

from collections.abc import Mapping

from trainer.data.crop import Box
from trainer.data.formats import boxes
from trainer.data.formats.boxes import LabelledView, Mark, Unusable
from trainer.data.labelled.frames import LabelledFrame


def of(frame: LabelledFrame, names: Mapping[str, str], clean: str, view_px: int) -> list[LabelledView]:
    """Return the views of a frame. `names`: the recipe's label of each name; `clean`: its label of clean strip.

    Raises:
        Unusable: what people said does not say what a view shows; the message says why.
    """
    if None in frame.disputed:
        raise Unusable("people disagree, and nobody has adjudicated")
    width, height = frame.record.width, frame.record.height
    if max(width, height) <= view_px:
        return [LabelledView(_of_one_view(frame, names, clean), None)]
    marks = [Mark(names[label], box) for box, label in frame.regions.items()]
    free, doubtful = _left(frame), [box for box in frame.disputed if box]
    whole = names[frame.whole] if frame.whole else ""
    if whole and whole == clean:
        marks += (Mark(clean, box) for box in free)
        return boxes.views(width, height, marks, view_px, clean, doubtful, _area(frame))
    if whole:
        shown = {box: label for box, label in free.items() if len(free) == 1 or names.get(label) == whole}
        marks += (Mark(whole, box) for box in shown)
        if not any(mark.label == whole for mark in marks):
            raise Unusable(f"larger than export.view_px, {view_px}, and nobody labelled where the defect is (--region)")
    if not marks:
        raise Unusable("people disagree, and nobody has adjudicated")
    return boxes.views(width, height, marks, view_px, None, doubtful, _area(frame))


def _of_one_view(frame: LabelledFrame, names: Mapping[str, str], clean: str) -> str:
    if frame.whole:
        return names[frame.whole]
    found = {names[label] for label in frame.regions.values()}
    defects = found - {clean}
    if len(defects) > 1:
        raise Unusable("several labels in one view; label the whole frame")
    if frame.disputed:
        raise Unusable("people disagree, and nobody has adjudicated")
    if not defects and _left(frame):
        raise Unusable("only some of its regions are labelled; label the whole frame")
    return next(iter(defects), clean)


def _left(frame: LabelledFrame) -> dict[Box, str]:
    """Return the regions and doubts of the record that nobody labelled, with what the model called them."""
    said = {*frame.regions, *frame.disputed}
    return {part.box: part.label for part in (*frame.record.regions, *frame.record.doubts) if part.box not in said}


def _area(frame: LabelledFrame) -> Box | None:
    return Box(*frame.record.area) if frame.record.area else None
