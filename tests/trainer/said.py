"""A line's data folder with frames that people labelled, as `inspector label` leaves it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspector.record.labels.label_file import FOLDER, LabelFile
from inspector.record.labels.labels import Box, NewLabel
from tests.trainer.conftest import picture

#: What the label file calls the three kinds of `picture`.
LABEL_OF = {"clean": "ok", "Sc": "scratches", "patches": "patches"}


def frame(
    data: Path, name: str, pixels: NDArray[np.uint8], keep: bool = True, **record: Any
) -> tuple[dict[str, Any], str]:
    """The record of a frame, and the name of its kept picture, which is written."""
    kept = f"pictures/2026-11-24/drop/{name}.bmp"
    if keep:
        path = data / FOLDER / kept
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels)
    height, width = pixels.shape
    values = {
        "source": "drop", "frame": name, "name": f"{name}.png", "outcome": "unsure", "label": "ok", "model": "m",
        "width": width, "height": height, "regions": [], "doubts": [],
    }  # fmt: skip
    return values | record, kept if keep else ""


def label(
    data: Path, one: tuple[dict[str, Any], str], as_: str, person: str = "ann", box: Box | None = None, **more: Any
) -> int:
    """Label a frame of `frame`; return the label's number."""
    record, kept = one
    data.mkdir(parents=True, exist_ok=True)
    new = NewLabel(record=record, picture=kept, label=as_, person=person, at=1.0, box=box, **more)
    with closing(LabelFile(data)) as file:
        return file.add(new)[0].id


def line(data: Path, per_label: int = 10, first: int = 0, kinds: tuple[str, ...] = ("clean", "Sc", "patches")) -> Path:
    """A line's data folder with so many frames of each kind, each labelled right; `first` is that of their seeds."""
    for number, kind in enumerate(kinds):
        for index in range(per_label):
            seed = 50_000 + number * 1000 + first + index
            label(data, frame(data, f"{kind}-{first + index}", picture(kind, seed)), LABEL_OF[kind])
    return data
