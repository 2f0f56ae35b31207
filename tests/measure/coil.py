"""A simulated coil through a whole line: how many of its defects are found, where, and what is called one that is none.

    python -m tests.measure.coil [--metres N] [--defects N] [--overlap PX] [--threshold SCORE] [--bundle FOLDER]
                         [--folder FOLDER] [--json]

Strip of 4096 px at 0.3 mm, in frames of 1024 lines that cut the defects where they will; each four frames are one
drawing. A defect of the record counts for a true box that it touches; one that touches none is false. Defects and boxes
are compared in mm on the piece, as `inspector defects --piece` tells them. A roll of 600 mm leaves its mark, too (where
a drawing ends within one it is left out): it must be named with its distance, and soon.
"""

import argparse
import contextlib
import json
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inspector.quality import coverage, defects
from inspector.quality.defects import Defect
from inspector.record import pieces
from inspector.record.store import Store
from inspector.vision.renderer.strip import DEFECTS, DefectBox, render_strip
from tests.fakes import Line, running, wait_until

WIDTH_PX, LINES, FRAMES_A_DRAWING, MM_PER_PX = 4096, 1024, 4, 0.3
ROLL_MM = 600.0
MARK_EVERY_MM = 1885.0
MARK_LABEL, MARK_X_PX, MARK_PX = "patches", 1730, 180
_FRAME_MM = LINES * MM_PER_PX
_DRAWING_MM = FRAMES_A_DRAWING * _FRAME_MM


@dataclass(frozen=True)
class Truth:
    """A defect that was drawn, in mm on the coil."""

    label: str
    x_mm: float
    y_mm: float
    width_mm: float
    length_mm: float

    def touched_by(self, one: Defect) -> bool:
        """Whether the two rectangles share anything."""
        x, y, width, length = (side or 0.0 for side in (one.x_mm, one.y_mm, one.width_mm, one.length_mm))
        across = x < self.x_mm + self.width_mm and self.x_mm < x + width
        return across and y < self.y_mm + self.length_mm and self.y_mm < y + length

    def off_mm(self, one: Defect) -> float:
        """How far the region's begin is from the defect's, along or across, whichever is more."""
        return max(abs((one.x_mm or 0.0) - self.x_mm), abs((one.y_mm or 0.0) - self.y_mm))


def roll(folder: Path, drawings: int, count: int, seed: int) -> Iterator[Truth]:
    """Draw the coil, frame by frame, and tell what is on it; `count` defects, spread by chance."""
    draw = np.random.default_rng(seed)
    share = Counter(int(number) for number in draw.integers(0, drawings, count))
    for number in range(drawings):
        labels = [DEFECTS[int(which)] for which in draw.integers(0, len(DEFECTS), share[number])]
        begins_mm = number * _DRAWING_MM
        marks = list(_marks(begins_mm))
        strip = render_strip(seed * 100_000 + number, WIDTH_PX, LINES * FRAMES_A_DRAWING, labels, marks)
        for frame in range(FRAMES_A_DRAWING):
            at_mm = begins_mm + frame * _FRAME_MM
            pixels = strip.pixels[frame * LINES : (frame + 1) * LINES]
            hidden = folder / f".coil_{at_mm:.1f}.bmp"
            cv2.imwrite(str(hidden), pixels)
            hidden.rename(folder / hidden.name[1:])
        for box in strip.boxes:
            rectangle = (side * MM_PER_PX for side in (box.x, box.y, box.width, box.height))
            x_mm, y_mm, width_mm, length_mm = rectangle
            yield Truth(box.label, x_mm, begins_mm + y_mm, width_mm, length_mm)


def _marks(begins_mm: float) -> Iterator[DefectBox]:
    """What the roll leaves on a drawing, where there is room for all of it."""
    number = math.ceil(begins_mm / MARK_EVERY_MM)
    while (y_px := round((number * MARK_EVERY_MM - begins_mm) / MM_PER_PX)) + MARK_PX <= LINES * FRAMES_A_DRAWING:
        yield DefectBox(MARK_X_PX, y_px, MARK_PX, MARK_PX, MARK_LABEL)
        number += 1


def judge(truths: list[Truth], found: list[Defect], frames: int) -> dict[str, float | int]:
    """The figures: k of n, and per 100 m2."""
    hits = [[one for one in found if truth.touched_by(one)] for truth in truths]
    right = [[one for one in of if one.label == truth.label] for truth, of in zip(truths, hits, strict=True)]
    view_mm = 200 * MM_PER_PX
    near = sum(min(truth.off_mm(one) for one in of) <= view_mm for truth, of in zip(truths, right, strict=True) if of)
    false = sum(not any(truth.touched_by(one) for truth in truths) for one in found)
    square_m = frames * _FRAME_MM * WIDTH_PX * MM_PER_PX / 1e6
    return {
        "defects": len(truths),
        "found": sum(map(bool, hits)),
        "found with the right label": sum(map(bool, right)),
        "of these, begin within one tile": near,
        "false regions": false,
        "square metres": round(square_m, 1),
        "false regions per 100 m2": round(false / square_m * 100, 1),
    }


def main() -> None:
    """Entry of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metres", type=float, default=25.0, help="length of the coil")
    parser.add_argument("--defects", type=int, default=60, help="how many are on it")
    parser.add_argument("--bundle", default="default", help="the model")
    parser.add_argument("--overlap", type=int, default=100, help="px that neighbouring tiles share")
    parser.add_argument("--threshold", type=float, help="a defect's score under it is unsure; default: the model's own")
    parser.add_argument("--seed", type=int, default=1, help="another coil")
    parser.add_argument("--folder", type=Path, help="work here; default: a temporary folder")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(options.folder or stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        place = {"mm_per_px": MM_PER_PX, "pattern": r"^(?P<piece>[a-z]+)_(?P<at_mm>[0-9.]+)\.bmp$"}
        source = {"name": "drop", "type": "folder", "path": str(folder / "drop"), "place": place,
                  "strip": {"overlap_px": options.overlap}}  # fmt: skip
        line = Line(
            folder, [source], bundle=options.bundle, workers={"engine": "paddle", "count": 2},
            decision={"thresholds": dict.fromkeys(DEFECTS, options.threshold) if options.threshold else {}},
            evidence={"budget_mb": 0},
            record={"defect_log": str(folder / "defects.jsonl")},
            rolls=[{"name": "table-roll", "diameter_mm": ROLL_MM}, {"name": "pinch-roll", "diameter_mm": 450.0}],
        )  # fmt: skip
        line.drop.mkdir(parents=True, exist_ok=True)
        drawings = math.ceil(options.metres * 1000 / _DRAWING_MM)
        frames = drawings * FRAMES_A_DRAWING
        with running(line):
            marks = sum(len(list(_marks(number * _DRAWING_MM))) for number in range(drawings))
            truths = list(_shown(roll(line.drop, drawings, options.defects, options.seed), options.defects + marks))
            wait_until(lambda: line.recorded >= frames, line.explain, 3600)
            line.stop()
        store = Store(line.data, read_only=True)
        piece = pieces.find(store, "coil")
        (share,) = coverage.of(store, piece)
        figures = judge(truths, defects.of(store, piece), frames)
        store.close()
        lines = (json.loads(line) for line in (folder / "defects.jsonl").read_text().splitlines())
        named = [line for line in lines if line.get("kind") == "roll_mark"]
    if options.json:
        told = {
            "verdicts": share.outcomes,
            "in doubt": share.in_doubt,
            "missing": len(share.missing),
            "roll marks": named,
        }
        print(json.dumps({**figures, **told}))
        return
    for name, value in figures.items():
        print(f"{name:34} {value}")
    print(f"{'frames by verdict':34} {', '.join(f'{name} {count}' for name, count in share.outcomes.items())}")
    print(f"{'of the area unsure':34} {100 * share.in_doubt:.2f}%")
    tenth_m = min(10 * MARK_EVERY_MM, frames * _FRAME_MM) / 1000
    for mark in named:
        print(
            f"roll mark: {mark['label']} every {mark['distance_mm']:.1f} mm ({MARK_EVERY_MM:.0f} was drawn) at"
            f" {mark['x_mm']:.0f} mm ({MARK_X_PX * MM_PER_PX:.0f}), {', '.join(mark['rolls']) or 'no roll'}; named at"
            f" {mark['last_mm'] / 1000:.1f} m, its tenth repeat lies at {tenth_m:.1f} m"
        )
    if not named:
        print("no roll mark was named")


def _shown(truths: Iterator[Truth], count: int) -> Iterator[Truth]:
    began = time.monotonic()
    for number, truth in enumerate(truths, 1):
        yield truth
        left_s = (time.monotonic() - began) / number * (count - number)
        print(f"\r{number} of {count} defects drawn, {left_s:.0f} s left ", end="", file=sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
