"""What a wide frame in flight costs in memory: that of all processes together, over the frame's pixels.

    python -m tests.measure.wide_memory [--frames N ...] [--folder FOLDER] [--json]

A drop folder hands out frames faster than one worker inspects them, so that as many are in flight as the settings
allow. Memory is what the processes have of their own and their part of what they share (PSS): the most while they
work, over what they had when the same work had been done once and none was in flight. Exit 1 above the limit.
"""

import argparse
import json
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil

from inspector.vision.renderer.strip import DEFECTS, render_strip
from tests.fakes import Line, running, wait_until

HEIGHT_PX, WIDTH_PX = 1024, 4096
#: Memory of a frame in flight over its pixels: the frame, and what is made of it on its way.
MOST = 2.5
WARM_FRAMES = 2
WORKERS = 2
#: As soon as all are in flight, those that follow change nothing.
MORE_FRAMES = 4


@dataclass(frozen=True)
class Cost:
    """Frames in flight, MB of all processes with none and with all of them, and the difference by frame over pixels."""

    in_flight: int
    idle_mb: float
    most_mb: float

    @property
    def times_pixels(self) -> float:
        """Memory of one frame in flight over its pixels, which are 1 byte each."""
        return (self.most_mb - self.idle_mb) * 1e6 / self.in_flight / (HEIGHT_PX * WIDTH_PX)


def measure(folder: Path, in_flight: int) -> Cost:
    """Run a line with so many frames in flight."""
    line = Line(
        folder, bundle="default", workers={"engine": "paddle", "count": WORKERS}, evidence={"budget_mb": 0},
        delivery={"in_flight_frames": in_flight, "frame_timeout_s": 300}, supervision={"stuck_s": 300},
    )  # fmt: skip
    pictures = [render_strip(seed, WIDTH_PX, HEIGHT_PX, DEFECTS[seed : seed + 2]).pixels for seed in range(4)]
    with running(line):
        # All of them: one that still loads would add its model to what the frames cost.
        everyone = [*(f"worker-{index}.1 is ready" for index in range(WORKERS)), "taken over"]
        wait_until(lambda: all(words in line.log for words in everyone), line.explain)
        _drop(line.drop, "warm", WARM_FRAMES, pictures)
        wait_until(lambda: line.recorded == WARM_FRAMES, line.explain)
        idle_mb = _memory_mb(line)
        frames = WARM_FRAMES + in_flight + MORE_FRAMES
        _drop(line.drop, "measured", in_flight + MORE_FRAMES, pictures)
        most_mb, full = 0.0, 0

        def done() -> bool:
            nonlocal most_mb, full
            most_mb = max(most_mb, _memory_mb(line))
            full = max(full, len(list((line.drop / ".work").rglob("*.bmp"))))
            return line.recorded == frames

        wait_until(done, line.explain, 120 + 3 * frames)
        if full < in_flight:
            raise RuntimeError(f"only {full} of {in_flight} frames were in flight at once: the measure is void")
        line.stop()
    return Cost(in_flight, idle_mb, most_mb)


def _drop(folder: Path, name: str, count: int, pictures: list[np.ndarray]) -> None:
    aside = folder.with_name(name)
    aside.mkdir()
    for number in range(count):
        cv2.imwrite(str(aside / f"{name}-{number:04d}.bmp"), pictures[number % len(pictures)])
    aside.rename(folder / name)


def _memory_mb(line: Line) -> float:
    if line.process is None:
        raise RuntimeError("the line was not started")
    root = psutil.Process(line.process.pid)
    total = 0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1e6


def main() -> int:
    """Entry of the script; 1 where a frame costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[8, 32], help="in flight")
    parser.add_argument("--folder", type=Path, help="keep the line's files below it meanwhile; default: /tmp")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    costs = []
    for in_flight in options.frames:
        with tempfile.TemporaryDirectory(prefix="wide-", dir=options.folder, ignore_cleanup_errors=True) as folder:
            costs.append(cost := measure(Path(folder), in_flight))
        if options.json:
            print(json.dumps({**asdict(cost), "times_pixels": cost.times_pixels}), flush=True)
        else:
            more_mb = cost.most_mb - cost.idle_mb
            print(
                f"{in_flight} frames of {WIDTH_PX} x {HEIGHT_PX} px in flight: {more_mb:.0f} MB over"
                f" {cost.idle_mb:.0f} MB,"
                f" {cost.times_pixels:.2f} times the pixels of each (limit {MOST:g})",
                flush=True,
            )
    return 0 if all(cost.times_pixels <= MOST for cost in costs) else 1


if __name__ == "__main__":
    sys.exit(main())
