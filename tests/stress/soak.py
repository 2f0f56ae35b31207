"""The soak: many small frames through the daemon, and whatever could grow is measured and judged.

    python -m tests.stress.soak [--frames N] [--minutes M] [--side PX] [--folder FOLDER] [--picture FILE.png] [--json]

Half of the frames go through the fake engine, half through the bundled model, each half a daemon of its own.
`--minutes` ends a half early; what was reached is said. Exit 1 where something grows: see `judge`.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil

from inspector.vision import bundle, predictor
from inspector.vision.renderer.strip import render_image
from tests.fakes import Line, running, wait_until

#: Files that wait in the drop folder while the daemon works: it never runs dry between two looks.
WAITING = 4000
AT_ONCE = 100
LOOK_S = 0.02
SAMPLES = 100
#: The first part of a half: caches fill, the allocator finds its size.
WARM_UP = 0.1
_LABELS = ("ok",) * 9 + ("scratches",)


@dataclass(frozen=True)
class Usage:
    """What a process has at one moment; of its memory the least since the last sample: a batch comes and goes."""

    pid: int
    rss_mb: float
    fds: int
    threads: int
    cpu_s: float


@dataclass(frozen=True)
class Sample:
    """Frames on record, seconds since the start, CPU seconds of the same small work, every process by name."""

    frames: int
    wall_s: float
    same_work_s: float
    processes: dict[str, Usage]

    @property
    def cpu_s(self) -> float:
        """CPU time of all processes."""
        return sum(usage.cpu_s for usage in self.processes.values())


@dataclass(frozen=True)
class Limits:
    """What is still flat."""

    mb_per_100k: float = 1.0
    more_fds: float = 1.0
    more_threads: float = 0.5
    least_speed: float = 0.95


@dataclass(frozen=True)
class Finding:
    """One judged figure."""

    what: str
    value: float
    limit: str
    good: bool


def judge(samples: list[Sample], limits: Limits) -> list[Finding]:
    """RSS slope, descriptors and threads of each process after the warm-up; speed of the last tenth to the first.

    Others share the machine, and even a CPU second is worth less beside a busy neighbour: what is judged is frames by
    the CPU time that the same small work took then, which must be work of the same kind: see `same_work` and
    `BareBatches`. By CPU and by wall clock alone it is shown only.
    """
    warm = [sample for sample in samples if sample.frames >= WARM_UP * samples[-1].frames]
    findings = []
    for name in warm[0].processes:
        usages = [sample.processes[name] for sample in warm]
        slope = _slope([sample.frames / 1e5 for sample in warm], [usage.rss_mb for usage in usages])
        findings.append(
            Finding(f"{name}: MB per 100,000 frames", slope, f"≤ {limits.mb_per_100k:g}", slope <= limits.mb_per_100k)
        )
        for what, values, most in (
            ("descriptors", [usage.fds for usage in usages], limits.more_fds),
            ("threads", [usage.threads for usage in usages], limits.more_threads),
        ):
            more = _grown(values)
            findings.append(Finding(f"{name}: {what} more at the end", more, f"≤ {most:g}", more <= most))
        replaced = len({usage.pid for usage in usages}) - 1
        if replaced:
            findings.append(Finding(f"{name}: times replaced", replaced, "0", False))
    first, last = _tenth(samples, 0), _tenth(samples, 9)
    by_work, by_cpu, by_wall = (_rate(last, clock) / _rate(first, clock) for clock in (_same_work, _spent, _lasted))
    good = by_work >= limits.least_speed
    findings.append(Finding("last tenth's speed to the first's", by_work, f"≥ {limits.least_speed}", good))
    findings.append(Finding("the same by CPU time alone", by_cpu, "not judged", True))
    findings.append(Finding("the same by the wall clock", by_wall, "not judged", True))
    return findings


def _slope(x: list[float], y: list[float]) -> float:
    """Of the line of least squares."""
    return float(np.polyfit(x, y, 1)[0])


def _grown(values: list[int]) -> float:
    """The middle of the last quarter over the middle of the first: what comes and goes does not count."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[-quarter:]) - statistics.median(values[:quarter])


def _tenth(samples: list[Sample], number: int) -> list[Sample]:
    """The samples that hold a tenth of the frames between them: at least two."""
    low, high = (samples[-1].frames * share / 10 for share in (number, number + 1))
    first = max(at for at, sample in enumerate(samples[:-1]) if sample.frames <= low)
    last = min(at for at, sample in enumerate(samples) if at > first and sample.frames >= high)
    return samples[first : last + 1]


def _rate(part: list[Sample], clock: Callable[[list[Sample]], float]) -> float:
    return (part[-1].frames - part[0].frames) / max(1e-9, clock(part))


def _lasted(part: list[Sample]) -> float:
    return part[-1].wall_s - part[0].wall_s


def _spent(part: list[Sample]) -> float:
    return part[-1].cpu_s - part[0].cpu_s


def _same_work(part: list[Sample]) -> float:
    """CPU time in units of the same small work."""
    return _spent(part) / statistics.median(sample.same_work_s for sample in part)


def soak(
    line: Line,
    frames: int,
    side: int,
    until: float = float("inf"),
    samples: int = SAMPLES,
    work: Callable[[], float] | None = None,
) -> list[Sample]:
    """Put `frames` pictures through the line until monotonic time `until`; a sample for every part of them.

    `work`: does the same small work each time, and returns its CPU seconds; `same_work` unless it is given.

    Raises:
        AssertionError: what was put in is not what is on record.
    """
    feeder, watch, work = _Feeder(line.drop, side), _Watch(line), work or same_work
    taken: list[Sample] = []
    due = 0.0
    began = time.monotonic()
    while (recorded := line.recorded) < frames and time.monotonic() < until:
        watch.look()
        if recorded >= due:
            due = (recorded * samples // frames + 1) * frames / samples
            taken.append(Sample(recorded, time.monotonic() - began, work(), watch.usages()))
            _progress(taken, frames)
        feeder.feed(min(frames, recorded + WAITING, feeder.fed + AT_ONCE))
        feeder.clear_done()
        time.sleep(LOOK_S)
    wait_until(lambda: line.recorded >= feeder.fed, line.explain, 600)
    watch.look()
    taken.append(Sample(line.recorded, time.monotonic() - began, work(), watch.usages()))
    _progress(taken, frames)
    feeder.clear_done()
    accounts = line.account()
    if taken[-1].frames != feeder.fed or not all(account["balanced"] for account in accounts):
        raise AssertionError(f"{feeder.fed} files put in, {accounts}")
    return taken


class _Watch:
    """Looks at the processes of a line, often."""

    def __init__(self, line: Line) -> None:
        if line.process is None:
            raise RuntimeError("the line was not started")
        self._line = line
        self._supervisor = psutil.Process(line.process.pid)
        workers = [name for name in (f"worker-{n}" for n in range(256)) if f" {name}.1 started" in line.log]
        self._names = ["sink", *workers, "drop"]
        self._least: dict[str, float] = {}
        self._processes = self._find()

    def look(self) -> None:
        """Remember the least memory of each."""
        for name, process in self._processes.items():
            with suppress(psutil.NoSuchProcess):
                rss_mb = process.memory_info().rss / 1e6
                self._least[name] = min(rss_mb, self._least.get(name, rss_mb))

    def usages(self) -> dict[str, Usage]:
        """Of each process now, and the least memory since the last time. NoSuchProcess where one is being replaced."""
        self._processes = self._find()
        found = {}
        for name, process in self._processes.items():
            with process.oneshot():
                rss_mb = self._least.pop(name, process.memory_info().rss / 1e6)
                times = process.cpu_times()
                cpu_s = times.user + times.system
                found[name] = Usage(process.pid, rss_mb, process.num_fds(), process.num_threads(), cpu_s)
        return found

    def _find(self) -> dict[str, psutil.Process]:
        return {
            "supervisor": self._supervisor,
            **{name: psutil.Process(self._line.child(name)) for name in self._names},
        }


class _Feeder:
    """Who drops the pictures, and takes away what is done."""

    def __init__(self, drop: Path, side: int) -> None:
        self.fed = 0
        self._drop = drop
        self._aside = drop.parent / "ready"
        self._aside.mkdir(exist_ok=True)
        pictures = [render_image(_LABELS[seed % len(_LABELS)], seed, side).pixels for seed in range(50)]
        self._files = [cv2.imencode(".bmp", pixels)[1].tobytes() for pixels in pictures]

    def feed(self, total: int) -> None:
        """Drop pictures until there were `total` of them, each whole when it appears."""
        while self.fed < total:
            name = f"{self.fed:07}.bmp"
            (self._aside / name).write_bytes(self._files[self.fed % len(self._files)])
            (self._aside / name).rename(self._drop / name)
            self.fed += 1

    def clear_done(self) -> None:
        """The disk must not fill."""
        for path in (self._drop / "done").glob("*.bmp"):
            path.unlink()


def same_work() -> float:
    """CPU seconds of some decoding and some Python, about 5 ms, the middle of three: how fast this machine is now."""
    picture = cv2.imencode(".png", np.arange(40_000, dtype=np.uint32).astype(np.uint8).reshape(200, 200))[1]

    def some() -> None:
        for _ in range(20):
            cv2.GaussianBlur(cv2.imdecode(picture, cv2.IMREAD_GRAYSCALE), (5, 5), 0)
            sum(number * number for number in range(3000))

    return _middle_of_three(some)


class BareBatches:
    """The same small work for a line with the real engine, whose time is that of inference: a batch of 16, about 25 ms.

    Beside busy neighbours of the machine it slows down by a tenth and more while decoding and Python do not.
    """

    def __init__(self) -> None:
        model = bundle.load(bundle.DEFAULT)
        self._engine = predictor.PaddlePredictor(model, threads=1)
        predictor.warm(self._engine, model, 16)
        pictures = [render_image(_LABELS[seed % len(_LABELS)], seed).pixels for seed in range(16)]
        self._batch = model.preprocess.normalise(np.stack([model.preprocess.resize(one) for one in pictures]))

    def __call__(self) -> float:
        """CPU seconds, the middle of three."""
        return _middle_of_three(lambda: self._engine.run(self._batch))


def _middle_of_three(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return statistics.median(taken)


def _progress(taken: list[Sample], frames: int) -> None:
    last = taken[-1]
    rate = last.frames / max(last.wall_s, 1e-9)
    left_s = (frames - last.frames) / rate if rate else 0.0
    print(f"\r{last.frames:,} of {frames:,} frames, {rate:.0f}/s, {left_s / 60:.0f} min left ", end="", file=sys.stderr)


def halves(folder: Path, frames: int, side: int, minutes: float | None) -> Iterator[tuple[str, list[Sample]]]:
    """Each engine and what was measured."""
    for engine in ("fake", "paddle"):
        below = folder / engine
        below.mkdir(parents=True)
        model = {"bundle": "default"} if engine == "paddle" else {}
        line = Line(
            below, workers={"count": 2, "engine": engine}, evidence={"budget_mb": 20}, record={"keep_rows": 100_000},
            **model,
        )  # fmt: skip
        with running(line):
            wait_until(lambda line=line: line.log.count("is ready") >= 4, line.explain, 120)  # type: ignore[misc]
            until = float("inf") if minutes is None else time.monotonic() + minutes * 30
            work = BareBatches() if engine == "paddle" else same_work
            yield engine, soak(line, frames // 2, side, until, work=work)
            line.stop()
        print(file=sys.stderr)
        shutil.rmtree(below)


def draw(measured: dict[str, list[Sample]], picture: Path) -> None:
    """A column an engine: memory, descriptors, threads and speed over frames."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, len(measured), figsize=(7 * len(measured), 12), squeeze=False, sharex="col")
    for column, (engine, samples) in enumerate(measured.items()):
        frames = [sample.frames for sample in samples]
        for name in samples[0].processes:
            usages = [sample.processes[name] for sample in samples]
            axes[0][column].plot(frames, [usage.rss_mb for usage in usages], label=name)
            axes[1][column].plot(frames, [usage.fds for usage in usages])
            axes[2][column].plot(frames, [usage.threads for usage in usages])
        pairs = [[samples[number - 1], samples[number]] for number in range(1, len(samples))]
        for clock, label in ((_lasted, "the wall clock"), (_spent, "CPU time"), (_same_work, "the same work")):
            rates = [_rate(pair, clock) for pair in pairs]
            middle = statistics.median(rates)
            axes[3][column].plot(frames[1:], [rate / middle for rate in rates], label=f"by {label}")
        axes[0][column].set_title(f"{engine} engine")
        axes[0][column].legend(fontsize=8)
        axes[3][column].legend(fontsize=8)
        axes[3][column].set_xlabel("frames on record")
        for row, name in enumerate(("RSS, MB", "descriptors", "threads", "speed, to its middle")):
            axes[row][column].set_ylabel(name)
            axes[row][column].set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(picture, dpi=90)
    pyplot.close(figure)


def show(engine: str, samples: list[Sample], findings: list[Finding]) -> None:
    """The judged figures as a table."""
    last = samples[-1]
    print(
        f"{engine} engine: {last.frames:,} frames in {last.wall_s / 60:.1f} min, {last.frames / last.wall_s:.0f}/s, "
        f"{last.cpu_s / last.frames * 1e6:.0f} us CPU a frame; files in = records, sums balance"
    )
    for name, usage in last.processes.items():
        print(f"  {name:12} {usage.rss_mb:7.1f} MB {usage.fds:4} descriptors {usage.threads:4} threads at the end")
    for finding in findings:
        print(f"  {finding.what:44} {finding.value:9.3f}  {finding.limit:10} {'good' if finding.good else 'BAD'}")


def main() -> int:
    """Entry of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000, help="of both halves together")
    parser.add_argument("--minutes", type=float, help="no longer than this, both halves together")
    parser.add_argument("--side", type=int, default=64, help="pixels of a frame's side (32 to 200)")
    parser.add_argument("--folder", type=Path, help="work here; default: a temporary folder")
    parser.add_argument("--picture", type=Path, default=Path("soak.png"), help="where the curves go")
    parser.add_argument("--json", action="store_true", help="samples and findings, for machines")
    options = parser.parse_args()
    measured: dict[str, list[Sample]] = {}
    findings: dict[str, list[Finding]] = {}
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for engine, samples in halves(folder, options.frames, options.side, options.minutes):
            measured[engine], findings[engine] = samples, judge(samples, Limits())
            draw(measured, options.picture)
            if not options.json:
                show(engine, samples, findings[engine])
    if options.json:
        both = {
            engine: {"samples": [asdict(one) for one in samples], "findings": [asdict(one) for one in findings[engine]]}
            for engine, samples in measured.items()
        }
        print(json.dumps(both))
    else:
        print(f"curves: {options.picture}")
    return 0 if all(finding.good for group in findings.values() for finding in group) else 1


if __name__ == "__main__":
    sys.exit(main())
