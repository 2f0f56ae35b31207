"""Owns the map of a piece, one SVG file: defects at their place by label and severity, gaps hatched, unsure shaded."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

from inspector.coverage import Coverage, Stretch
from inspector.decide import RANK
from inspector.defects import Defect
from inspector.pieces import Piece

#: Colours that colour-blind people tell apart (Okabe and Ito, 2008); labels beyond them begin again.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a", "#8c6d31")
_INSPECTED, _UNSURE = "#e8ecef", "#f7e39b"
#: A defect is drawn at least so large, in px, by severity; to scale it would be a dot.
_LEAST_PX = {"critical": 12.0, "major": 8.0, "minor": 5.0}
_WIDTH_PX, _LEFT_PX, _TOP_PX, _BAND_PX, _ROW_PX = 1200.0, 110.0, 70.0, 150.0, 215.0
#: More would be a blot, and too much for a browser.
MAX_DRAWN = 10_000
_HATCHED = (
    '<pattern id="gap" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="8" height="8" fill="#fff"/><rect width="3" height="8" fill="#999"/></pattern>'
)


def draw(piece: Piece, shares: Sequence[Coverage], defects: Sequence[Defect], mm_per_px: Mapping[str, float]) -> str:
    """The map, a band for each source that knows places along; `mm_per_px` by source, where it is known."""
    placed = [one for one in defects if one.x_mm is not None and one.y_mm is not None]
    bands = [share for share in shares if share.seen is not None]
    worst = sorted(placed, key=lambda one: (-RANK.get(one.severity, 0), -one.score))[:MAX_DRAWN]
    counts = Counter(one.label for one in defects)
    colours = {label: _COLOURS[number % len(_COLOURS)] for number, label in enumerate(sorted(counts))}
    height = _TOP_PX + _ROW_PX * len(bands) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT_PX + _WIDTH_PX + 40:.0f} {height:.0f}"'
        ' font-family="sans-serif" font-size="13">',
        f'<defs>{_HATCHED}</defs><rect width="100%" height="100%" fill="#fff"/>',
        _text(_LEFT_PX, 24, f"piece {piece.name}: {len(defects)} defects{_left_out(defects, placed, worst)}", 17),
        *_legend(counts, colours),
    ]
    whole = _whole(bands, placed)
    for number, share in enumerate(bands):
        of_source = [one for one in worst if one.source == share.source]
        ends = [(one.x_mm or 0.0) + (one.width_mm or 0.0) for one in of_source]
        width_mm = max([1.0, share.width_px * mm_per_px.get(share.source, 0.0), *ends])
        parts += _band(_TOP_PX + _ROW_PX * number + 20, whole, width_mm, share, of_source, colours)
    if not bands:
        parts.append(_text(_LEFT_PX, _TOP_PX + 10, "no frame of it has a place along it: see sources.<any>.place"))
    return "\n".join([*parts, "</svg>\n"])


def file_name(piece: Piece) -> str:
    """What a file of it is called, whatever the piece is."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', piece.name).lstrip('.') or '_'}.svg"


def _left_out(defects: Sequence[Defect], placed: Sequence[Defect], drawn: Sequence[Defect]) -> str:
    told = f"; the worst {len(drawn)} are drawn" if len(drawn) < len(placed) else ""
    unplaced = len(defects) - len(placed)
    return told + (f"; {unplaced} have no known place" if unplaced else "")


def _whole(bands: Sequence[Coverage], placed: Sequence[Defect]) -> Stretch:
    """From the first to the last place that any source saw."""
    seen = [share.seen for share in bands if share.seen]
    ends = [(one.y_mm or 0.0) + (one.length_mm or 0.0) for one in placed]
    begins = min((stretch.from_mm for stretch in seen), default=0.0)
    return Stretch(begins, max([begins + 1.0, *(stretch.to_mm for stretch in seen), *ends]))


def _legend(counts: Counter[str], colours: Mapping[str, str]) -> Iterator[str]:
    x = _LEFT_PX
    for label, count in sorted(counts.items()):
        yield f'<rect x="{x:.0f}" y="38" width="12" height="12" fill="{colours[label]}"/>'
        text = f"{label} {count}"
        yield _text(x + 17, 49, text)
        x += 35 + 8 * len(text)
    for text, colour in (("unsure", _UNSURE), ("not inspected", "url(#gap)")):
        yield f'<rect x="{x:.0f}" y="38" width="12" height="12" fill="{colour}" stroke="#999"/>'
        yield _text(x + 17, 49, text)
        x += 35 + 8 * len(text)


def _band(
    top: float, whole: Stretch, width_mm: float, share: Coverage, defects: Sequence[Defect], colours: Mapping[str, str]
) -> Iterator[str]:
    """One source: the strip from left to right, its first edge on top."""
    along, across = _WIDTH_PX / (whole.to_mm - whole.from_mm), _BAND_PX / width_mm
    yield _text(8, top + 14, share.source)
    yield f'<rect x="{_LEFT_PX}" y="{top}" width="{_WIDTH_PX}" height="{_BAND_PX}" fill="url(#gap)" stroke="#666"/>'
    grounds = [(stretch, _INSPECTED) for stretch in _covered(share)] + [(stretch, _UNSURE) for stretch in share.unsure]
    for stretch, colour in grounds:
        x = _LEFT_PX + (stretch.from_mm - whole.from_mm) * along
        long = (stretch.to_mm - stretch.from_mm) * along
        yield f'<rect x="{x:.2f}" y="{top}" width="{long:.2f}" height="{_BAND_PX}" fill="{colour}"/>'
    for one in reversed(defects):  # the worst on top
        yield _mark(one, colours[one.label], top, whole.from_mm, along, across)
    yield from _axes(top, whole, width_mm)


def _mark(one: Defect, colour: str, top: float, begins_mm: float, along: float, across: float) -> str:
    """A defect; `along` and `across` are px per mm. Who points at it reads what and where it is."""
    x_mm, y_mm, width_mm, length_mm = (side or 0.0 for side in (one.x_mm, one.y_mm, one.width_mm, one.length_mm))
    least = _LEAST_PX.get(one.severity, 4.0)
    long, wide = max(least, length_mm * along), max(least, width_mm * across)
    x = _LEFT_PX + (y_mm + length_mm / 2 - begins_mm) * along - long / 2
    y = top + (x_mm + width_mm / 2) * across - wide / 2
    title = (
        f"{one.label}, {one.severity}, {one.score:.2f}\n{y_mm / 1000:.3f} m along, {x_mm:.0f} mm across,"
        f" {length_mm:.0f} x {width_mm:.0f} mm\n{one.name}"
    )
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{long:.2f}" height="{wide:.2f}" fill="{colour}" fill-opacity="0.75">'
        f"<title>{_safe(title)}</title></rect>"
    )


def _covered(share: Coverage) -> Iterator[Stretch]:
    """What lies between the stretches that are missing."""
    if share.seen is None:
        return
    begins = share.seen.from_mm
    for gap in [*share.missing, Stretch(share.seen.to_mm, share.seen.to_mm)]:
        if gap.from_mm > begins:
            yield Stretch(begins, gap.from_mm)
        begins = gap.to_mm


def _axes(top: float, whole: Stretch, width_mm: float) -> Iterator[str]:
    bottom = top + _BAND_PX
    for at_mm in _ticks(whole.from_mm, whole.to_mm):
        x = _LEFT_PX + (at_mm - whole.from_mm) * _WIDTH_PX / (whole.to_mm - whole.from_mm)
        yield f'<line x1="{x:.2f}" y1="{bottom}" x2="{x:.2f}" y2="{bottom + 5}" stroke="#666"/>'
        yield _text(x, bottom + 19, f"{at_mm / 1000:g} m", anchor="middle")
    yield _text(_LEFT_PX - 6, top + 12, "0 mm", anchor="end")
    yield _text(_LEFT_PX - 6, bottom, f"{width_mm:.0f} mm", anchor="end")


def _ticks(begins: float, ends: float) -> list[float]:
    """Round places, at most eleven of them."""
    least = (ends - begins) / 10
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= least)
    return [number * step for number in range(math.ceil(begins / step), math.floor(ends / step) + 1)]


def _text(x: float, y: float, text: str, size: int = 13, anchor: str = "start") -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" text-anchor="{anchor}">{_safe(text)}</text>'


def _safe(text: str) -> str:
    """As XML has it; a line break stays, any other character that cannot be printed is told by its number."""
    return escape("".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text))
