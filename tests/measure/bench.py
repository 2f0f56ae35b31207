"""The benchmark: drop folder to durable record against the bare predictor on ready batches, side by side in one run.

    python -m tests.measure.bench [--frames N] [--rounds N] [--wide] [--bundle FOLDER] [--json]

CPU ratio: CPU per frame of the bare predictor over CPU per frame of all our processes; same model, same number of
worker processes and threads, alternating rounds. Ratios, because absolute times of a shared machine mean little. On
cores that share their parts with others a bare predictor that keeps every core busy slows itself down, so the ratio
by parts is printed beside the measured one. With --wide a frame is 4096 x 1024 px, and everything is told by tile.
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import psutil

from inspector.protocol import messages
from inspector.record.store import Store
from inspector.vision import bundle, image, predictor
from inspector.vision.bundle import Bundle
from inspector.vision.decision import decide_frame, decide_tile, rules
from inspector.vision.preprocess import contrast
from inspector.vision.renderer.strip import DEFECTS, render_image, render_strip
from inspector.vision.tiling import cut
from tests.fakes import Line, running, wait_until
from tests.inspector.verdicts import frame_of, verdict_of

DISTINCT_IMAGES = 256
#: Height and width of wide frames, and how many of them are drawn.
WIDE_PX, DISTINCT_WIDE = (1024, 4096), 4
NOT_MEASURED = (
    "not measured: the camera's or producer's side, a network file system, a disk slower than this one, "
    "latency under light load, evidence (0.13 ms of CPU a picture of 200 x 200)"
)


@dataclass(frozen=True)
class Cost:
    """What `frames` cost: seconds of CPU, seconds of wall clock, and CPU by process name."""

    frames: int
    cpu_s: float
    wall_s: float
    by_process: dict[str, float]


def main() -> None:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=4000)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--max-batch", type=int, default=16)
    parser.add_argument("--bundle", type=Path, default=bundle.DEFAULT)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        bare = measure_bare(options.bundle, options.frames, options.workers, options.max_batch)
        ours = measure_line(options.bundle, options.frames, options.workers, options.max_batch, options.wide)
        rounds.append((bare, ours))
        if not options.json:
            wall = bare.wall_s / ours.wall_s
            print(f"round: CPU ratio {cpu_ratio(bare, ours):.3f}, wall ratio {wall:.3f}", flush=True)
    report(rounds, steps(bundle.load(options.bundle)), options)


def cpu_ratio(bare: Cost, ours: Cost) -> float:
    """Bare CPU per frame over our CPU per frame."""
    return (bare.cpu_s / bare.frames) / (ours.cpu_s / ours.frames)


def measure_bare(folder: Path, frames: int, workers: int, max_batch: int) -> Cost:
    """The predictor alone, in as many processes, on batches that lie ready in memory."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(workers), context.Queue()
    children = [
        context.Process(target=_bare, args=(folder, frames // workers, max_batch, barrier, results))
        for _ in range(workers)
    ]
    for child in children:
        child.start()
    costs = [results.get(timeout=600) for _ in children]
    for child in children:
        child.join()
    cpu_s = sum(cpu for cpu, _ in costs)
    return Cost(frames // workers * workers, cpu_s, max(wall for _, wall in costs), {"predictor": cpu_s})


def _bare(folder: Path, frames: int, max_batch: int, barrier, results) -> None:  # type: ignore[no-untyped-def]
    model = bundle.load(folder)
    engine = predictor.PaddlePredictor(model, threads=1)
    predictor.warm(engine, model, max_batch)
    stack = np.stack([model.preprocess.resize(pixels) for pixels in _images(max_batch)])
    batch = model.preprocess.normalise(stack)
    barrier.wait()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(frames // max_batch):
        engine.run(batch)
    if rest := frames % max_batch:
        engine.run(batch[:rest])
    results.put((time.process_time() - cpu, time.perf_counter() - wall))


def measure_line(folder: Path, tiles: int, workers: int, max_batch: int, wide: bool) -> Cost:
    """The whole daemon: files of so many tiles appear in its drop folder at once, and every one must be on record."""
    model = bundle.load(folder)
    a_frame = len(cut(*WIDE_PX, model.manifest.input.view_px, model.overlap_px)) if wide else 1
    frames = max(1, tiles // a_frame)
    with tempfile.TemporaryDirectory() as scratch:
        workers_ = {"count": workers, "engine": "paddle", "max_batch": max_batch}
        line = Line(Path(scratch), bundle=str(folder), workers=workers_, evidence={"budget_mb": 0})
        ready = Path(scratch) / "ready"
        _write_files(ready, frames, _wide_images() if wide else _images(DISTINCT_IMAGES))
        with running(line):
            wait_until(lambda: line.log.count("is ready") >= workers, line.explain, 120)
            wait_until(lambda: "taken over" in line.log, line.explain)
            processes = _tree(line)
            before = _cpu(processes)
            started = time.perf_counter()
            ready.rename(line.drop / "batch")
            wait_until(lambda: line.recorded >= frames, line.explain, 600)
            wall_s = time.perf_counter() - started
            after = _cpu(processes)
            line.stop()
        spent = {name: after[name] - before[name] for name in before}
        return Cost(frames * a_frame, sum(spent.values()), wall_s, spent)


def _tree(line: Line) -> dict[str, psutil.Process]:
    if line.process is None:
        raise RuntimeError("the line was not started")
    names = {line.child(name): name for name in ("sink", "drop")}
    root = psutil.Process(line.process.pid)
    tree = {"supervisor": root}
    for child in root.children(recursive=True):
        tree[f"{names.get(child.pid, 'worker')} {child.pid}"] = child
    return tree


def _cpu(processes: dict[str, psutil.Process]) -> dict[str, float]:
    spent: dict[str, float] = {}
    for name, process in processes.items():
        times = process.cpu_times()
        role = name.split(" ")[0]
        spent[role] = spent.get(role, 0.0) + times.user + times.system
    return spent


def _images(count: int) -> list[np.ndarray]:
    labels = ("ok", *DEFECTS)
    return [render_image(labels[seed % len(labels)], seed).pixels for seed in range(count)]


def _wide_images() -> list[np.ndarray]:
    height, width = WIDE_PX
    return [render_strip(seed, width, height, DEFECTS[seed : seed + 2]).pixels for seed in range(DISTINCT_WIDE)]


def _write_files(folder: Path, count: int, images: list[np.ndarray]) -> None:
    folder.mkdir()
    encoded = [cv2.imencode(".bmp", pixels)[1].tobytes() for pixels in images]
    for index in range(count):
        (folder / f"{index:06d}.bmp").write_bytes(encoded[index % len(encoded)])


def steps(model: Bundle) -> dict[str, float]:
    """Microseconds a frame of each step besides inference, each timed alone in this process."""
    pixels = _images(1)[0]
    encoded = cv2.imencode(".bmp", pixels)[1].tobytes()
    tile = model.preprocess.resize(pixels)
    stack = np.stack([tile] * 16)
    scores = np.zeros(model.outputs, np.float32)
    numbers = rules(model.labels, model.manifest.decision)
    frame = frame_of(frame="f" * 32, name="name.bmp")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "a.bmp"
        path.write_bytes(encoded)
        store = Store(Path(scratch))
        verdicts = [verdict_of("ok", frame=str(n), name="name.bmp", sequence=n) for n in range(6400)]
        waiting = iter([verdicts[n : n + 64] for n in range(0, len(verdicts), 64)])
        timed = {
            "read": _time_us(lambda: image.read_file(path)),
            "decode": _time_us(lambda: image.decode(encoded)),
            "frame message": _time_us(lambda: messages.decode(messages.encode(frame))),
            "resize": _time_us(lambda: model.preprocess.resize(pixels)),
            "normalise": _time_us(lambda: model.preprocess.normalise(stack), 200) / len(stack),
            "decide": _time_us(lambda: decide_frame([decide_tile(scores, contrast(tile), numbers)])),
            "record": _time_us(lambda: store.write([("m", verdict) for verdict in next(waiting)]), 100) / 64,
        }
        store.close()
    return timed


def _time_us(step: Callable[[], object], times: int = 1000) -> float:
    started = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - started) / times * 1e6


def report(rounds: list[tuple[Cost, Cost]], timed: dict[str, float], options: argparse.Namespace) -> None:
    """Print machine, versions, ratios and where the rest goes."""
    ratios = [cpu_ratio(bare, ours) for bare, ours in rounds]
    walls = [bare.wall_s / ours.wall_s for bare, ours in rounds]
    bare_us = statistics.median(bare.cpu_s / bare.frames * 1e6 for bare, _ in rounds)
    roles = {role for _, ours in rounds for role in ours.by_process}
    ours_us = {
        role: statistics.median(ours.by_process.get(role, 0) / ours.frames * 1e6 for _, ours in rounds)
        for role in roles
    }
    beside = sum(cost for role, cost in ours_us.items() if role != "worker")
    beside += sum(timed[step] for step in ("frame message", "resize", "normalise", "decide"))
    rate = statistics.median(ours.frames / ours.wall_s for _, ours in rounds)
    figures = {
        "machine": f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("paddlepaddle", "opencv-python-headless", "pyzmq", "numpy")},
        "model": bundle.load(options.bundle).id,
        "workers": options.workers,
        "max_batch": options.max_batch,
        "frames": options.frames,
        "cpu_ratio": ratios,
        "wall_ratio": walls,
        "cpu_ratio_by_parts": bare_us / (bare_us + beside),
        "frames_per_second": rate,
        "bare_us_per_frame": bare_us,
        "ours_us_per_frame": ours_us,
        "steps_us": timed,
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"machine      {figures['machine']}")
    print(f"versions     {figures['versions']}")
    print(f"model        {figures['model']}, {options.workers} workers of 1 thread, batches up to {options.max_batch}")
    print(f"CPU ratio    {statistics.median(ratios):.3f}  (rounds: {', '.join(f'{ratio:.3f}' for ratio in ratios)})")
    print(f"wall ratio   {statistics.median(walls):.3f}  (rounds: {', '.join(f'{ratio:.3f}' for ratio in walls)})")
    parts = figures["cpu_ratio_by_parts"]
    print(f"by parts     {parts:.3f}  bare over bare + our other processes + our steps in the worker")
    print(f"rate         {rate:.0f} frames/s on record; the bare predictor costs {bare_us:.0f} us CPU a frame")
    print("by process   " + ", ".join(f"{role} {cost:.0f} us" for role, cost in sorted(ours_us.items())) + " a frame")
    print("steps alone  " + ", ".join(f"{step} {cost:.0f} us" for step, cost in timed.items()))
    print(NOT_MEASURED)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
