"""Owns report.html: one file that holds everything, its pictures too, and asks nothing of any other machine."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.errors import InspectorError
from trainer.data import dataset
from trainer.data.manifest import Manifest
from trainer.data.records import whose_word
from trainer.evaluation import costly
from trainer.evaluation.metrics import percent
from trainer.synthetic import outliers
from trainer.synthetic.corruptions import FAULTS, STRENGTHS

#: So many pictures are shown of each kind; report.json names them all.
SHOWN = 60
_THUMBNAIL_PX = 150
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.8rem 0}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #e4e4e4}
th:first-child,td:first-child{text-align:left}img{max-width:100%}.big{font-size:1.3rem}.note{color:#666}
.tiles{display:flex;flex-wrap:wrap;gap:.8rem}figure{margin:0;width:160px;font-size:12px;overflow-wrap:anywhere}
"""


def render(report: Mapping[str, Any], charts: Mapping[str, bytes], plan: Manifest) -> str:
    """The page. `charts` are PNG files by name; thumbnails are of the pictures of `plan`."""
    parts = [_summary(report), _labels(report, charts), _calibration(report, charts)]
    if "robustness" in report:
        parts.append(_robustness(report, charts, plan))
    if "unknown" in report:
        parts.append(_unknown(report["unknown"], plan))
    if "comparison" in report:
        parts.append(_comparison(report["comparison"], plan))
    parts.append(_wrong(report, plan))
    if "suspects" in report:
        parts.append(_suspects(report["suspects"], plan))
    title = f"Evaluation of {_identity(report['model'])}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(parts)}</html>\n"
    )


def _identity(model: Mapping[str, Any]) -> str:
    return str(model.get("bundle") or f"{model.get('checkpoint')}, epoch {model.get('epoch')}")


def _summary(report: Mapping[str, Any]) -> str:
    rows = [("all", report["images"], report["right"], report["outcomes"]["unsure"])]
    if unseen := report["unseen_source"]:
        rows.append(("of sources that training has not seen", unseen["images"], unseen["right"], "–"))
    rows += [(name, part["images"], part["right"], part["unsure"]) for name, part in report["by_source"].items()]
    top_k = "".join(f"; {right} have it among the first {k}" for k, right in report["top_k"].items())
    return (
        "".join(f'<p class="big">{escape(line)}</p>' for line in costly.lines(report))
        + f'<p class="big">{report["right"]} of {report["images"]} right: {percent(report, "top_1")} %</p>'
        + "".join(f"<p>{escape(line)}.</p>" for line in whose_word.lines(report))
        + f'<p class="note">In brackets the 95% interval (Wilson){escape(top_k)}.</p>'
        + _table(("source", "images", "right", "unsure"), rows)
        + (f"<p>Not readable: {escape('; '.join(report['skipped']))}</p>" if report["skipped"] else "")
    )


def _labels(report: Mapping[str, Any], charts: Mapping[str, bytes]) -> str:
    heads = ("label", "images", "called", "right", "precision %", "recall %", "F1 %", "threshold")
    rows = [
        [report.get("shown", {}).get(row["label"], row["label"])]
        + [row[key] for key in ("images", "called", "right")]
        + [percent(row, key) for key in ("precision", "recall", "f1")]
        + [f"{report['decision']['thresholds'][row['label']]:.2f}"]
        for row in report["per_label"]
    ]
    of_place = report["decision"].get("place_threshold")
    return (
        '<h2>Each label</h2><p class="note">An answer whose score is under its label\'s threshold is unsure.'
        + (f" In wide frames all defects together must reach {of_place:.2f}." if of_place is not None else "")
        + "</p>"
        + _table(heads, rows)
        + _chart(charts, "per_label.png")
        + _chart(charts, "confusion.png")
    )


def _calibration(report: Mapping[str, Any], charts: Mapping[str, bytes]) -> str:
    figures = report["calibration"]
    images = figures["fitted_on_images"]
    origin = "as the bundle has it" if images is None else f"fitted on {images} validation images"
    return (
        "<h2>How far a score can be trusted</h2>"
        f"<p>Expected calibration error (15 bins): {100 * figures['ece_before']:.2f} % as trained, "
        f"{100 * figures['ece_after']:.2f} % at temperature {figures['temperature']:.3g}, {origin}.</p>"
        + "".join(f"<p>Note: {escape(note)}.</p>" for note in figures["notes"])
        + _chart(charts, "reliability.png")
        + _chart(charts, "risk_coverage.png")
        + '<p class="note">Right: if the least sure pictures are refused, how many of the rest are wrong.</p>'
    )


def _robustness(report: Mapping[str, Any], charts: Mapping[str, bytes], plan: Manifest) -> str:
    figures = report["robustness"]
    rows = [
        [
            f"{cell['fault']}, {cell['strength']}",
            f"{cell['amount']:g} {cell['unit']}",
            f"{cell['right']} of {cell['images']}",
            percent(cell, "share"),
            cell["unsure"],
        ]
        for cell in figures["faults"]
    ]
    table = _table(("fault", "amount", "right", "right %", "unsure"), rows)
    return (
        f"<h2>Faults of the line</h2><p>{figures['right_without']} of {figures['images']} right without any.</p>"
        + _chart(charts, "robustness.png")
        + _examples(figures["example"], plan)
        + f"<details><summary>All figures</summary>{table}</details>"
    )


def _examples(path: str, plan: Manifest) -> str:
    """What the faults look like, at the middle strength, on one picture."""
    pixels = _pixels(path, plan)
    if pixels is None:
        return ""
    middle = STRENGTHS.index("middle")
    return _tiles((_thumbnail(fault.apply(pixels, middle, path)), f"{fault.name}, middle") for fault in FAULTS)


def _unknown(figures: Mapping[str, Any], plan: Manifest) -> str:
    """What the line would call pictures that are not strip."""
    heads = ("not strip", "pictures", "unsure", "unsure %", "passed as ok", "called a defect")
    rows = [
        [row["kind"], row["pictures"], row["unsure"], percent(row, "share"), row["passed_ok"], row["called_defect"]]
        for row in figures["kinds"]
    ]
    lost = "; ".join(
        f"{row['unsure']} of {row['images']} of {row['source']}, {row['novel']} of them for their novelty"
        for row in figures["lost"]
    )
    strip = _pixels(figures["example"], plan)
    shown = ((_thumbnail(kind.picture(0, strip)), kind.name) for kind in outliers.KINDS) if strip is not None else ()
    return (
        "<h2>What it has never seen</h2>"
        + _table(heads, rows)
        + f"<p>Strip that is called unsure by the same rules: {escape(lost)}.</p>"
        + '<p class="note">Drawn like those the reject model learned from, of other seeds: a real material unlike all '
        "of them is flagged less often.</p>" + _tiles(shown)
    )


def _comparison(figures: Mapping[str, Any], plan: Manifest) -> str:
    images = figures["images"]
    rows = [
        (row["label"], row["images"], row["right"], row["other_right"], row["gained"], row["lost"])
        for row in figures["per_label"]
    ]
    differ = figures["differ"]
    shown = (
        (
            _picture(row["path"], plan),
            f"{row['path']} is {row['label']}: {row['called']} ({row['score']:.2f}) here, "
            f"{row['other_called']} ({row['other_score']:.2f}) there",
        )
        for row in differ[:SHOWN]
    )
    return (
        f"<h2>Against {escape(_identity(figures['model']))}</h2>"
        f"<p>{figures['right']} of {images} right here, {figures['other_right']} there; only here "
        f"{figures['only_this_right']}, only there {figures['only_other_right']}: p = {figures['p_value']:.3g} "
        "(exact McNemar test, two-sided).</p>"
        + _table(("label", "images", "right here", "right there", "gained", "lost"), rows)
        + f"<p>{len(differ)} pictures are called differently{_cut(differ)}:</p>"
        + _tiles(shown)
    )


def _wrong(report: Mapping[str, Any], plan: Manifest) -> str:
    wrong = report["wrong"]
    shown = (
        (
            _picture(row["path"], plan),
            f"{row['path']} is {row['label']}, called {row['predicted']} ({row['score']:.2f})",
        )
        for row in wrong[:SHOWN]
    )
    return f"<h2>Wrong</h2><p>{len(wrong)} pictures{_cut(wrong)}.</p>" + _tiles(shown)


def _suspects(figures: Mapping[str, Any], plan: Manifest) -> str:
    """Pictures another label fits better, judged by what others of their label look like."""
    ranked = [row for row in figures["ranked"] if row["called"] != row["label"]]
    shown = (
        (
            _picture(row["path"], plan),
            f"{row['path']} ({row['split']}) is {row['label']} ({row['score']:.2f}); "
            f"{row['called']}? ({row['called_score']:.2f})",
        )
        for row in ranked[:SHOWN]
    )
    return (
        f"<h2>Labels to look at</h2><p>Of {figures['images']} pictures of all parts, {len(ranked)} "
        f"look more like another label to a head that never saw them{_cut(ranked)}.</p>" + _tiles(shown)
    )


def _cut(rows: Sequence[Any]) -> str:
    return f", the first {SHOWN} are shown, report.json has them all" if len(rows) > SHOWN else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _tiles(shown: Iterable[tuple[str, str]]) -> str:
    figures = "".join(f"<figure>{image}<figcaption>{escape(text)}</figcaption></figure>" for image, text in shown)
    return f'<div class="tiles">{figures}</div>'


def _chart(charts: Mapping[str, bytes], name: str) -> str:
    return _embedded("png", charts[name], name.removesuffix(".png").replace("_", " "))


def _picture(path: str, plan: Manifest) -> str:
    pixels = _pixels(path, plan)
    return '<span class="note">no longer readable</span>' if pixels is None else _thumbnail(pixels)


def _pixels(path: str, plan: Manifest) -> NDArray[np.uint8] | None:
    try:
        return dataset.pixels_of(plan.root, path, plan.bit_depth)
    except (InspectorError, OSError):
        return None


def _thumbnail(pixels: NDArray[np.uint8]) -> str:
    height, width = pixels.shape
    share = min(1.0, _THUMBNAIL_PX / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    _, data = cv2.imencode(".jpg", cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    return _embedded("jpeg", data.tobytes(), "")


def _embedded(kind: str, data: bytes, text: str) -> str:
    return f'<img alt="{escape(text)}" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'
