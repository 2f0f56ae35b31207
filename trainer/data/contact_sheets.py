"""Owns contact sheets: one PNG a label with thumbnails of its pictures, of as many sources as fit."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.host import atomic
from trainer.data.pictures import Pictures

_COLUMNS, _ROWS = 12, 8
_THUMBNAIL_PX, _CAPTION_PX, _GAP_PX = 96, 14, 4
_PAPER, _INK = 255, 40


def save(folder: Path, pictures: Pictures) -> list[Path]:
    """Write LABEL.png for each label that has pictures into the folder, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for label in dict.fromkeys(entry.label for entry in pictures.found):
        chosen = _chosen(pictures, label)
        sheet = _sheet([(pictures.found[index].path, pictures.pixels[index]) for index in chosen])
        path = folder / f"{label}.png"
        atomic.write(path, cv2.imencode(".png", sheet)[1].data)
        written.append(path)
    return written


def _chosen(pictures: Pictures, label: str) -> list[int]:
    """Choose one picture of each source, then a second of each, until the sheet is full; return them in order."""
    turns: dict[str | int, int] = {}
    ranked = []
    for index, entry in enumerate(pictures.found):
        if entry.label == label:
            source = pictures.groups[index] or index
            turns[source] = turns.get(source, -1) + 1
            ranked.append((turns[source], index))
    fit = _COLUMNS * _ROWS
    first = [index for turn, index in ranked if turn == 0]
    step = max(1, len(first) // fit)  # where there are more sources than places, from all over the data
    spread = first[::step]
    rest = [index for _, index in sorted(ranked) if index not in set(spread)]
    return sorted([*spread, *rest][:fit])


def _sheet(named: Iterable[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    pairs = list(named)
    rows = -(-len(pairs) // _COLUMNS)
    down, across = _THUMBNAIL_PX + _CAPTION_PX + _GAP_PX, _THUMBNAIL_PX + _GAP_PX
    sheet = np.full((rows * down + _GAP_PX, _COLUMNS * across + _GAP_PX), _PAPER, np.uint8)
    for place, (path, pixels) in enumerate(pairs):
        y, x = _GAP_PX + place // _COLUMNS * down, _GAP_PX + place % _COLUMNS * across
        scale = _THUMBNAIL_PX / max(pixels.shape)
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        sheet[y : y + size[1], x : x + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        name = Path(path).stem[-14:].encode("ascii", "replace").decode()  # the font has no more
        where = (x, y + _THUMBNAIL_PX + _CAPTION_PX - 4)
        cv2.putText(sheet, name, where, cv2.FONT_HERSHEY_SIMPLEX, 0.33, _INK, 1, cv2.LINE_AA)
    return sheet
