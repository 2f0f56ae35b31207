"""Owns report.html: one file that holds everything, its pictures too, and asks nothing of any other machine.

Its templates are the trainer's own: the trainer takes from the inspector what decides a picture, and no looks.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from inspector.errors import InspectorError
from trainer.data import dataset
from trainer.data.manifest import Manifest
from trainer.data.records import unreviewed
from trainer.evaluation import costly
from trainer.evaluation.metrics import percent
from trainer.synthetic import outliers
from trainer.synthetic.corruptions import FAULTS, STRENGTHS

#: Pictures shown of each kind; report.json names them all.
SHOWN = 60
_THUMBNAIL_PX = 150

_Report = Mapping[str, Any]
_Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture with a caption; None where it is no longer readable."""

    jpeg: bytes | None
    caption: str


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of a table, and pictures of what they count."""

    rows: _Rows
    pictures: list[Thumbnail]


@dataclass(frozen=True, slots=True)
class Suspects:
    """How many pictures another label fits better, and the first of them."""

    total: int
    pictures: list[Thumbnail]


def render(report: _Report, charts: Mapping[str, bytes], plan: Manifest) -> str:
    """Return the page. `charts` are PNG files by name; thumbnails are of the pictures of `plan`."""
    optional: dict[str, Any] = {}
    if "robustness" in report:
        optional["faults"] = _faults(report["robustness"], plan)
    if "unknown" in report:
        optional["unknown"] = _unknown(report["unknown"], plan)
    if "comparison" in report:
        optional["compared"] = _compared(report["comparison"], plan)
        optional["other_model"] = _identity(report["comparison"]["model"])
    if "suspects" in report:
        optional["suspects"] = _suspects(report["suspects"], plan)
    return _ENVIRONMENT.get_template("report.html").render(
        report=report,
        charts=charts,
        model=_identity(report["model"]),
        costly_lines=costly.lines(report),
        unreviewed_lines=unreviewed.lines(report),
        sources=_sources(report),
        labels=_labels(report),
        wrong=_wrong(report["wrong"], plan),
        **optional,
    )


def page(template: str, **values: Any) -> str:
    """Return another page of the trainer's, by the name of its template."""
    return _ENVIRONMENT.get_template(template).render(**values)


def differing(figures: _Report, plan: Manifest) -> list[Thumbnail]:
    """Return the first pictures that a candidate and the serving model call differently."""
    captions = (
        (row["path"], f"{row['path']} is {row['label']}: {row['called']} here, {row['serving_called']} there")
        for row in figures["differ"][:SHOWN]
    )
    return list(_thumbnails(captions, plan))


def _identity(model: _Report) -> str:
    return str(model.get("bundle") or f"{model.get('checkpoint')}, epoch {model.get('epoch')}")


def _sources(report: _Report) -> _Rows:
    rows: _Rows = [("all", report["images"], report["right"], report["outcomes"]["unsure"])]
    if unseen := report["unseen_source"]:
        rows.append(("of sources that training has not seen", unseen["images"], unseen["right"], "–"))
    rows += [(name, part["images"], part["right"], part["unsure"]) for name, part in report["by_source"].items()]
    return rows


def _labels(report: _Report) -> _Rows:
    return [
        (
            report.get("shown", {}).get(row["label"], row["label"]),
            *(row[key] for key in ("images", "called", "right")),
            *(percent(row, key) for key in ("precision", "recall", "f1")),
            f"{report['decision']['thresholds'][row['label']]:.2f}",
        )
        for row in report["per_label"]
    ]


def _faults(figures: _Report, plan: Manifest) -> Examples:
    """Return what each fault costs, and what the faults look like on one picture, at the middle strength."""
    rows: _Rows = [
        (
            f"{cell['fault']}, {cell['strength']}",
            f"{cell['amount']:g} {cell['unit']}",
            f"{cell['right']} of {cell['images']}",
            percent(cell, "share"),
            cell["unsure"],
        )
        for cell in figures["faults"]
    ]
    path, middle = figures["example"], STRENGTHS.index("middle")
    pixels = _pixels(path, plan)
    if pixels is None:
        return Examples(rows, [])
    faulty = ((fault.apply(pixels, middle, path), f"{fault.name}, middle") for fault in FAULTS)
    return Examples(rows, [Thumbnail(_jpeg(one), caption) for one, caption in faulty])


def _unknown(figures: _Report, plan: Manifest) -> Examples:
    """Return what the line would call pictures that are not strip, and what these look like."""
    rows: _Rows = [
        (row["kind"], row["pictures"], row["unsure"], percent(row, "share"), row["passed_ok"], row["called_defect"])
        for row in figures["kinds"]
    ]
    strip = _pixels(figures["example"], plan)
    if strip is None:
        return Examples(rows, [])
    return Examples(rows, [Thumbnail(_jpeg(kind.picture(0, strip)), kind.name) for kind in outliers.KINDS])


def _compared(figures: _Report, plan: Manifest) -> Examples:
    rows: _Rows = [
        (row["label"], row["images"], row["right"], row["other_right"], row["gained"], row["lost"])
        for row in figures["per_label"]
    ]
    captions = (
        (
            row["path"],
            f"{row['path']} is {row['label']}: {row['called']} ({row['score']:.2f}) here, "
            f"{row['other_called']} ({row['other_score']:.2f}) there",
        )
        for row in figures["differ"][:SHOWN]
    )
    return Examples(rows, list(_thumbnails(captions, plan)))


def _wrong(rows: Sequence[_Report], plan: Manifest) -> list[Thumbnail]:
    captions = (
        (row["path"], f"{row['path']} is {row['label']}, called {row['predicted']} ({row['score']:.2f})")
        for row in rows[:SHOWN]
    )
    return list(_thumbnails(captions, plan))


def _suspects(figures: _Report, plan: Manifest) -> Suspects:
    """Return the pictures another label fits better, judged by what others of their label look like."""
    ranked = [row for row in figures["ranked"] if row["called"] != row["label"]]
    captions = (
        (
            row["path"],
            f"{row['path']} ({row['split']}) is {row['label']} ({row['score']:.2f}); "
            f"{row['called']}? ({row['called_score']:.2f})",
        )
        for row in ranked[:SHOWN]
    )
    return Suspects(len(ranked), list(_thumbnails(captions, plan)))


def _thumbnails(captions: Iterable[tuple[str, str]], plan: Manifest) -> Iterator[Thumbnail]:
    for path, caption in captions:
        pixels = _pixels(path, plan)
        yield Thumbnail(None if pixels is None else _jpeg(pixels), caption)


def _pixels(path: str, plan: Manifest) -> NDArray[np.uint8] | None:
    try:
        return dataset.pixels_of(plan.root, path, plan.bit_depth)
    except (InspectorError, OSError):
        return None


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    height, width = pixels.shape
    share = min(1.0, _THUMBNAIL_PX / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return cv2.imencode(".jpg", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))[1].tobytes()


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _cut(total: int) -> str:
    return f", the first {SHOWN} are shown, report.json has them all" if total > SHOWN else ""


_ENVIRONMENT = Environment(
    loader=PackageLoader("trainer.evaluation"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {"data_uri": _data_uri, "percent": percent, "cut": _cut}
