"""Owns what `inspector map` and `inspector report` hand out: a piece as one file, in the format that its name says."""

import re
import time
from contextlib import closing
from pathlib import Path

from inspector.errors import BundleError, ConfigError
from inspector.host import atomic
from inspector.quality import coverage, defects, grading, piece_summary, uncertain_areas
from inspector.record import findings, pieces
from inspector.record.pieces import Piece
from inspector.record.store import Store
from inspector.reports.map import coil_map
from inspector.reports.map.band import FieldOfView
from inspector.reports.map.coil_map import CoilMap
from inspector.settings.settings import Settings
from inspector.settings.sources.place import PlaceSettings
from inspector.settings.sources.strip import StripSettings
from inspector.vision import bundle
from inspector.vision.bundle import Bundle

_MAP_FORMATS, _REPORT_FORMATS = (".svg", ".png", ".html"), (".html",)
_MOST_CARDS, _REPORT_WIDTH_PX = 300, 940.0


def write_map(settings: Settings, name: str, to: Path | None = None) -> Path:
    """Write the map of a piece as SVG, PNG or a page with pictures of the defects; return where.

    Raise ConfigError if the suffix of `to` is none of these, the piece is not on record, or the file cannot be written.
    """
    suffix = _suffix(to, _MAP_FORMATS)
    with closing(Store(settings.data, read_only=True)) as store:
        piece = pieces.find(store, name)
        drawn = coil_map.lay_out(
            piece,
            coverage.of(store, piece),
            defects.of(store, piece),
            _fields_of_view(settings),
            _labels(_model(settings)),
            rolls=findings.read(store, findings.RollMark, piece.id),
            doubts=uncertain_areas.of(store, piece),
        )
        content = _as(suffix, piece, drawn, store)
    return _save(to or Path(file_name(piece, suffix)), content)


def write_report(settings: Settings, name: str, to: Path | None = None) -> Path:
    """Write the report of a piece, a page; return where. Raise ConfigError as `write_map` does."""
    from inspector.reports import report

    suffix = _suffix(to, _REPORT_FORMATS)
    model = _model(settings)
    with closing(Store(settings.data, read_only=True)) as store:
        summary = piece_summary.gather(store, settings, name)
        drawn = coil_map.lay_out(
            summary.piece,
            summary.shares,
            summary.defects,
            _fields_of_view(settings),
            _labels(model),
            _REPORT_WIDTH_PX,
            titled=False,
            rolls=summary.marks,
            doubts=summary.doubts,
        )
        now = time.time()
        grade = grading.judge(summary, settings, now) if settings.grading.limits else None
        text = report.write(summary, grade, drawn, store, settings, model, now)
    return _save(to or Path(file_name(summary.piece, f"-report{suffix}")), text.encode())


def file_name(piece: Piece, end: str) -> str:
    """Return what a file of the piece is called, whatever the piece is called; it ends with `end`."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', piece.name).lstrip('.') or '_'}{end}"


def _suffix(path: Path | None, formats: tuple[str, ...]) -> str:
    suffix = formats[0] if path is None else path.suffix.lower()
    if suffix not in formats:
        raise ConfigError(f"--to {path}: its name must end with {' or '.join(formats)}, which says what it becomes")
    return suffix


def _as(suffix: str, piece: Piece, drawn: CoilMap, store: Store) -> bytes:
    if suffix == ".png":
        from inspector.reports.map import png

        return png.write(drawn.drawing)
    if suffix == ".svg":
        from inspector.reports.map import svg

        return svg.write(drawn.drawing).encode()
    from inspector.reports import pages, tooltips

    return pages.render("map.html", piece=piece.name, map=tooltips.over(drawn, store, _MOST_CARDS)).encode()


def _model(settings: Settings) -> Bundle | str:
    """Return the bundle in force, or why it cannot be read: a record can be looked at without it."""
    try:
        return bundle.load(settings.bundle_path)
    except BundleError as error:
        return str(error)


def _labels(model: Bundle | str) -> list[str]:
    return [] if isinstance(model, str) else [label.name for label in model.labels if label.kind == "defect"]


def _fields_of_view(settings: Settings) -> dict[str, FieldOfView]:
    return {source.name: _field_of_view(source.place, source.strip) for source in settings.sources}


def _field_of_view(place: PlaceSettings, strip: StripSettings) -> FieldOfView:
    mm_per_px = place.mm_per_px or 0.0
    # With a background places count from the strip's edge; without, from the picture's.
    left_mm = strip.left_px * mm_per_px if strip.background == "none" else 0.0
    return FieldOfView(place.left_mm + left_mm, mm_per_px)


def _save(path: Path, content: bytes) -> Path:
    """Write the file whole or not at all."""
    try:
        atomic.write(path, content)
    except OSError as error:
        raise ConfigError(f"--to {path}: {error.strerror}") from None
    return path
