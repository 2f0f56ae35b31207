"""Owns the defects of a piece, as its report shows them: counted by label, what they look like, and the worst."""

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from inspector.quality.defects import Defect
from inspector.quality.piece_summary import PieceSummary
from inspector.record.store import Store
from inspector.reports import thumbnails
from inspector.reports.elements import Cell, Figure, Table, left_out
from inspector.reports.map.coil_map import CoilMap

#: Rows of the list and pictures on the map: the rest is counted, and `inspector defects --piece` lists it.
MOST_DEFECTS, MOST_CARDS = 50, 100
_MOST_LABELS, _SAMPLES_A_LABEL, _TRIED_A_LABEL = 12, 4, 40
_SAMPLE_PX = 216


@dataclass(frozen=True, slots=True)
class Sample:
    """What defects of a label look like; `gone` says of how many of the worst no picture is kept."""

    label: Cell
    pictures: list[Figure]
    gone: str


@dataclass(frozen=True, slots=True)
class DefectSection:
    """All of it; `by_label` and `worst` are None where no defect is on record."""

    by_label: Table | None
    samples: list[Sample]
    labels_left_out: str
    worst: Table | None


def section(summary: PieceSummary, coil_map: CoilMap, store: Store) -> DefectSection:
    """Return the section; `store` leads to the pictures. The map shows pictures of its worst MOST_CARDS defects."""
    if not summary.defects:
        return DefectSection(None, [], "", None)
    labels = list(dict.fromkeys(one.label for one in summary.defects))
    shown = labels[:_MOST_LABELS]
    return DefectSection(
        _by_label(summary.defects, coil_map),
        [_sample(label, summary.defects, coil_map, store) for label in shown],
        left_out(len(labels), len(shown), "labels", "the worst"),
        _worst(summary, coil_map),
    )


def _by_label(defects: list[Defect], coil_map: CoilMap) -> Table:
    counts = Counter((one.label, one.severity) for one in defects)
    labels, severities = Counter(one.label for one in defects), Counter(one.severity for one in defects)
    rows: list[tuple[str | Cell, ...]] = [
        (_label(label, coil_map), *(str(counts[label, severity] or "–") for severity in severities), str(count))
        for label, count in labels.items()
    ]
    rows.append((Cell("all", bold=True), *map(str, severities.values()), str(len(defects))))
    return Table(("label", *severities, "all"), rows, (*severities, "all"))


def _label(label: str, coil_map: CoilMap) -> Cell:
    return Cell(label, swatch=coil_map.colours[label])


def _sample(label: str, defects: list[Defect], coil_map: CoilMap, store: Store) -> Sample:
    """Return the worst of a label; where their pictures are gone, those that are left."""
    tried = [(number, one) for number, one in enumerate(defects, 1) if one.label == label][:_TRIED_A_LABEL]
    pictures = list(islice(_pictures(tried, coil_map.colours[label], store), _SAMPLES_A_LABEL))
    without = len(tried) - len(pictures)
    gone = f"Of {without} of its worst {len(tried)} no picture is kept, or no longer."
    few = len(pictures) < min(_SAMPLES_A_LABEL, len(tried))
    return Sample(_label(label, coil_map), pictures, gone if few else "")


def _pictures(defects: list[tuple[int, Defect]], colour: str, store: Store) -> Iterator[Figure]:
    """Yield those that are kept, one by one: each costs the decoding of a frame."""
    for number, one in defects:
        if jpeg := thumbnails.of_defect(store, one, colour, _SAMPLE_PX):
            yield Figure(jpeg, one.label, _caption(number, one))


def _caption(number: int, one: Defect) -> list[str]:
    place = "place not known" if one.y_mm is None else f"{one.y_mm / 1000:.3f} m along"
    across = "" if one.x_mm is None else f", {one.x_mm:.0f} mm across"
    return [f"{number}: {one.severity}, {one.score:.2f}", f"{place}{across}", one.name]


def _worst(summary: PieceSummary, coil_map: CoilMap) -> Table:
    worst = summary.defects[:MOST_DEFECTS]
    on_map = {one.number for one in coil_map.drawn[:MOST_CARDS]}
    numbers = ("along, m", "across, mm", "length, mm", "width, mm")
    rest = f"; the rest: inspector defects --piece {shlex.quote(summary.piece.name)} --csv"
    return Table(
        ("no.", "label", "severity", "score", *numbers, "source", "frame"),
        [_row(number, one, number in on_map, coil_map) for number, one in enumerate(worst, 1)],
        (*numbers, "score"),
        left_out(len(summary.defects), len(worst), "defects", "the worst", rest),
    )


def _row(number: int, one: Defect, on_map: bool, coil_map: CoilMap) -> tuple[str | Cell, ...]:
    along = "?" if one.y_mm is None else f"{one.y_mm / 1000:.3f}"
    sides = ("?" if side is None else f"{side:.0f}" for side in (one.x_mm, one.length_mm, one.width_mm))
    link = Cell(str(number), anchor=f"d{number}" if on_map else "")
    return link, _label(one.label, coil_map), one.severity, f"{one.score:.2f}", along, *sides, one.source, one.name
