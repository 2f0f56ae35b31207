"""Owns what `inspector map` and `inspector report` hand out: a piece as one file, in the format that its name says."""

import argparse
import re
import time
from contextlib import closing
from pathlib import Path

from inspector.errors import BundleError, ConfigError
from inspector.host import atomic
from inspector.quality import coverage, defects, uncertain_areas
from inspector.record import findings, pieces
from inspector.record.pieces import Piece
from inspector.record.store import Store
from inspector.reports.map import coil_map
from inspector.reports.map.coil_map import CoilMap, Sight
from inspector.settings import loading
from inspector.settings.settings import Settings
from inspector.vision import bundle

_MAP_FORMS, _PAGE_FORMS = (".svg", ".png", ".html"), (".html",)
_MOST_CARDS, _REPORT_WIDTH_PX = 300, 940.0


def draw_map(options: argparse.Namespace) -> Path:
    """The map as SVG, PNG or a page with pictures of the defects; where it was written."""
    form = _form(options.to, _MAP_FORMS)
    settings = loading.load(options.config, options.override)
    model = _model(settings)
    with closing(Store(settings.data, read_only=True)) as store:
        piece = pieces.find(store, options.piece)
        drawn = coil_map.lay_out(
            piece,
            coverage.of(store, piece),
            defects.of(store, piece),
            _sights(settings),
            _labels(model),
            rolls=findings.read(store, findings.Mark, piece.id),
            doubts=uncertain_areas.of(store, piece),
        )
        content = _as(form, piece, drawn, store)
    return _save(options.to or Path(file_name(piece, form)), content)


def report(options: argparse.Namespace) -> Path:
    """The page on a piece; where it was written."""
    from inspector.quality import grading, piece_summary
    from inspector.reports import report as paper

    form = _form(options.to, _PAGE_FORMS)
    settings = loading.load(options.config, options.override)
    model = _model(settings)
    with closing(Store(settings.data, read_only=True)) as store:
        known = piece_summary.gather(store, settings, options.piece)
        drawn = coil_map.lay_out(
            known.piece,
            known.shares,
            known.defects,
            _sights(settings),
            _labels(model),
            _REPORT_WIDTH_PX,
            titled=False,
            rolls=known.marks,
            doubts=known.doubts,
        )
        now = time.time()
        graded = grading.judge(known, settings, now) if settings.grading.limits else None
        text = paper.write(known, graded, drawn, store, settings, model, now)
    return _save(options.to or Path(file_name(known.piece, f"-report{form}")), text.encode())


def file_name(piece: Piece, end: str) -> str:
    """What a file of it is called, whatever the piece is."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', piece.name).lstrip('.') or '_'}{end}"


def _form(path: Path | None, forms: tuple[str, ...]) -> str:
    form = forms[0] if path is None else path.suffix.lower()
    if form not in forms:
        raise ConfigError(f"--to {path}: its name must end with {' or '.join(forms)}, which says what it becomes")
    return form


def _as(form: str, piece: Piece, drawn: CoilMap, store: Store) -> bytes:
    if form == ".png":
        from inspector.reports.map import png

        return png.write(drawn.drawing)
    if form == ".svg":
        from inspector.reports.map import svg

        return svg.write(drawn.drawing).encode()
    from inspector.reports import tooltips
    from inspector.reports.html import page

    return page.write(f"Map: {piece.name}", tooltips.over(drawn, store, _MOST_CARDS), broad=True).encode()


def _model(settings: Settings) -> bundle.Bundle | str:
    """The bundle in force, or why it cannot be read: a record can be looked at without it."""
    try:
        return bundle.load(settings.bundle_path)
    except BundleError as error:
        return str(error)


def _labels(model: bundle.Bundle | str) -> list[str]:
    return [] if isinstance(model, str) else [label.name for label in model.labels if label.kind == "defect"]


def _sights(settings: Settings) -> dict[str, Sight]:
    sights = {}
    for source in settings.sources:
        place, strip = source.place, source.strip
        size = place.mm_per_px or 0.0
        # With a background places count from the strip's edge; without, from the picture's.
        sights[source.name] = Sight(place.left_mm + (strip.left_px * size if strip.background == "none" else 0), size)
    return sights


def _save(path: Path, content: bytes) -> Path:
    """Written whole or not at all. ConfigError where it cannot be."""
    try:
        atomic.write(path, content)
    except OSError as error:
        raise ConfigError(f"--to {path}: {error.strerror}") from None
    return path
