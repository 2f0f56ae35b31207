"""Owns what was found on a piece, as its report shows it: defects by label, their looks, the worst, what was unsure."""

import shlex
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from inspector.quality.defects import Defect
from inspector.quality.piece_summary import Dossier
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.reports import thumbnails
from inspector.reports.html.markup import Markup, join, tag
from inspector.reports.html.page import figures, left_out, note, picture, table
from inspector.reports.map.coil_map import CoilMap

#: The page stays one that is read: the rest is counted, and `inspector defects --piece` lists it.
MOST_DEFECTS, MOST_CARDS = 50, 100
_MOST_LABELS, _SAMPLES_A_LABEL, _TRIED_A_LABEL = 12, 4, 40
_SAMPLE_PX, _FRAME_PX = 216, 430


def section(dossier: Dossier, coil_map: CoilMap, store: Store) -> Iterator[Markup]:
    """All of it; the map has cards on its worst MOST_CARDS defects."""
    yield from _defects(dossier, coil_map)
    yield from _samples(dossier, coil_map, store)
    yield from _list(dossier, coil_map)
    yield from _unsure(dossier)


def _defects(dossier: Dossier, coil_map: CoilMap) -> Iterator[Markup]:
    defects = dossier.defects
    yield tag("h2", "Defects")
    if not defects:
        yield tag("p", "None on record.")
        return
    counts = Counter((one.label, one.severity) for one in defects)
    labels, severities = Counter(one.label for one in defects), Counter(one.severity for one in defects)
    rows = [
        (_label(label, coil_map), *(str(counts[label, severity] or "–") for severity in severities), str(count))
        for label, count in labels.items()
    ]
    rows.append((tag("b", "all"), *map(str, severities.values()), str(len(defects))))
    yield table(("label", *severities, "all"), rows, (*severities, "all"))


def _list(dossier: Dossier, coil_map: CoilMap) -> Iterator[Markup]:
    defects = dossier.defects
    if not defects:
        return
    worst = defects[:MOST_DEFECTS]
    yield tag("h2", "The worst defects" if len(worst) < len(defects) else "All defects, the worst first")
    numbers = ("along, m", "across, mm", "length, mm", "width, mm", "score")
    on_map = {mark.number for mark in coil_map.marks[:MOST_CARDS]}
    yield table(
        ("no.", "label", "severity", "score", *numbers[:-1], "source", "frame"),
        [_row(number, one, number in on_map, coil_map) for number, one in enumerate(worst, 1)],
        numbers,
    )
    listed = f"; the rest: inspector defects --piece {shlex.quote(dossier.piece.name)} --csv"
    yield left_out(len(defects), len(worst), "defects", "the worst", listed)


def _row(number: int, one: Defect, on_map: bool, coil_map: CoilMap) -> tuple[str, ...]:
    along = "?" if one.y_mm is None else f"{one.y_mm / 1000:.3f}"
    sides = ("?" if side is None else f"{side:.0f}" for side in (one.x_mm, one.length_mm, one.width_mm))
    link = tag("a", str(number), href=f"#d{number}") if on_map else str(number)
    return link, _label(one.label, coil_map), one.severity, f"{one.score:.2f}", along, *sides, one.source, one.name


def _label(label: str, coil_map: CoilMap) -> Markup:
    return join(tag("span", class_="swatch", style=f"background:{coil_map.colours[label]}"), label)


def _samples(dossier: Dossier, coil_map: CoilMap, store: Store) -> Iterator[Markup]:
    """The worst of each label; where pictures are gone, those that are left."""
    if not dossier.defects:
        return
    ranked = list(enumerate(dossier.defects, 1))
    labels = list(dict.fromkeys(one.label for one in dossier.defects))
    yield tag("h2", "What they look like")
    for label in labels[:_MOST_LABELS]:
        tried = [(number, one) for number, one in ranked if one.label == label][:_TRIED_A_LABEL]
        pictures = (
            (number, one, thumbnails.of_defect(store, one, coil_map.colours[label], _SAMPLE_PX))
            for number, one in tried
        )
        kept = list(islice((kept for kept in pictures if kept[2]), _SAMPLES_A_LABEL))
        yield tag("h3", _label(label, coil_map))
        yield figures((picture(image, label), _caption(number, one)) for number, one, image in kept)
        if len(kept) < min(_SAMPLES_A_LABEL, len(tried)):
            yield note(f"Of {len(tried) - len(kept)} of its worst {len(tried)} no picture is kept, or no longer.")
    yield left_out(len(labels), len(labels[:_MOST_LABELS]), "labels", "the worst")


def _caption(number: int, one: Defect) -> list[str]:
    place = "place not known" if one.y_mm is None else f"{one.y_mm / 1000:.3f} m along"
    across = "" if one.x_mm is None else f", {one.x_mm:.0f} mm across"
    return [f"{number}: {one.severity}, {one.score:.2f}", f"{place}{across}", one.name]


def _unsure(dossier: Dossier) -> Iterator[Markup]:
    total = dossier.unsure.total()
    yield tag("h2", "Unsure frames")
    if not total:
        yield tag("p", "None.")
        return
    told = "the model did not know what all or a part of them shows, and none passed as ok"
    yield tag("p", f"{total} of {dossier.frames} frames: {told}.")
    yield table(("why", "frames"), [(why, str(count)) for why, count in dossier.unsure.most_common()], ("frames",))
    yield figures(
        (
            (
                picture(thumbnails.of_doubt(record, _FRAME_PX), record.reason),
                [*_why(record), "" if record.at_mm is None else f"from {record.at_mm / 1000:.3f} m", record.name],
            )
            for record in dossier.doubtful
        ),
        wide=True,
    )
    yield left_out(total, len(dossier.doubtful), "unsure frames", "")


def _why(record: Record) -> list[str]:
    """Of a frame that was decided in parts, of the one that is shown."""
    if not record.doubts:
        return [record.reason]
    parts = f"{len(record.doubts)} part{'s' * (len(record.doubts) != 1)} of the frame"
    return [record.doubts[0]["reason"], f"{parts}, {100 * (record.in_doubt or 0):.2g} % of it"]
