"""A camera that is faster than the workers: is memory flat, what is inspected in time, and the rest counted and told?

    python -m tests.stress.overload [--seconds N] [--times N] [--folder FOLDER] [--json]

A film is first inspected at the workers' own pace, which says how fast they are; then one comes at its own, so many
`times` as fast. What was lost is known from the film: every frame of it is on record or in a gap. Exit 1 where not.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from inspector.record.records import Record
from tests.fakes import Line, running, wait_until
from tests.inspector.cameras import film, strip

SIDE_PX = 400  # four tiles
IN_FLIGHT = 32
CALIBRATING = 100
#: A process may have grown by so much, in MB, over the second half of the run: twice what is in flight, and some.
#: Frames that stay would be 25 MB a second and more.
MOST_MB = 20.0
#: The times of a gap are those of tallies and of capture: a frame may lie so far outside, s.
SLACK_S = 1.0


@dataclass
class Outcome:
    """What was measured; `problems` is empty where the promise was kept. Times in s, memory in MB."""

    own_fps: float
    film_fps: float
    frames: int = 0
    recorded: int = 0
    dropped: int = 0
    gaps: int = 0
    latency_bound: float = 0.0
    latency_median: float = 0.0
    latency_most: float = 0.0
    grown: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def overload(folder: Path, seconds: float, times: float = 3.0) -> Outcome:
    """Run both films through a line of one worker with the bundled model, and judge the second."""
    pictures = [strip(number, SIDE_PX) for number in range(24)]
    own_fps = _own_fps(folder / "own", pictures)
    outcome = Outcome(own_fps, round(own_fps * times))
    outcome.frames = int(seconds * outcome.film_fps)
    line = _line(folder / "fast", pictures, outcome.frames, outcome.film_fps, "realtime")
    memory: list[dict[str, float]] = []
    with running(line):
        wait_until(lambda: line.log.count("is ready") >= 3, line.explain, 120)
        while _captured(line) < outcome.frames:
            memory.append(_memory(line))
            time.sleep(seconds / 40)
        memory.append(_memory(line))
        wait_until(lambda: not _in_flight(line), line.explain)
        account = line.account()[0]
        line.stop()
    _judge(outcome, line.records(oldest_first=True), account, memory)
    return outcome


def _line(folder: Path, pictures: list[Any], frames: int, fps: float, pace: str) -> Line:
    folder.mkdir()
    address = film(folder / "film.avi", [pictures[number % len(pictures)] for number in range(frames)], fps=fps)
    camera = {"name": "camera", "type": "camera", "address": str(address), "pace": pace}
    return Line(
        folder, [camera], bundle="default", workers={"count": 1, "engine": "paddle"},
        delivery={"in_flight_frames": IN_FLIGHT}, evidence={"budget_mb": 0},
    )  # fmt: skip


def _own_fps(folder: Path, pictures: list[Any]) -> float:
    line = _line(folder, pictures, CALIBRATING, 25, "every_frame")
    with running(line):
        records = line.wait_for_records(CALIBRATING, 120)
        line.stop()
    times = sorted(record.recorded_at for record in records)
    half = len(times) // 2  # the first ones waited for the model to load
    return (len(times) - half - 1) / (times[-1] - times[half])


def _captured(line: Line) -> int:
    return sum(account.tally.captured for account in line.accounts() if account.tally)


def _in_flight(line: Line) -> int:
    return sum(account.tally.in_flight for account in line.accounts() if account.tally)


def _memory(line: Line) -> dict[str, float]:
    """RSS of each process in MB, the camera's with its grabber's."""
    found = {}
    for name in ("sink", "worker-0", "camera"):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(line.child(name))
            found[name] = sum(one.memory_info().rss for one in [process, *process.children()]) / 1e6
    return found


def _judge(outcome: Outcome, records: list[Record], account: dict[str, Any], memory: list[dict[str, float]]) -> None:
    dropped = account["tally"]["dropped"]
    outcome.recorded, outcome.dropped = len(records), dropped.get("overload", 0)
    outcome.gaps = len(account["gaps"])
    latencies = [record.latency_s for record in records]
    outcome.latency_median, outcome.latency_most = float(np.median(latencies)), max(latencies)
    # What is in flight when a frame comes goes before it; others on the machine may halve the speed for a while.
    lasted = max(record.recorded_at for record in records) - min(record.recorded_at for record in records)
    outcome.latency_bound = 2 * IN_FLIGHT * lasted / len(records) + 1.0
    second = memory[len(memory) // 2 :]
    quarter = max(1, len(second) // 4)
    for name in second[0]:
        rss = [one[name] for one in second if name in one]
        outcome.grown[name] = round(min(rss[-quarter:]) - min(rss[:quarter]), 2)
    lost = set(range(outcome.frames)) - {int(record.name.rsplit("-", 1)[1]) for record in records}
    untold = [number for number in sorted(lost) if not _told(number, outcome.film_fps, records, account["gaps"])]
    checks = {
        "the sums do not balance": not account["balanced"],
        f"{account['tally']['captured']} frames captured, the film has {outcome.frames}":
            account["tally"]["captured"] != outcome.frames,
        f"dropped for other reasons: {dropped}": set(dropped) - {"overload"} != set(),
        "nothing was dropped: it was no overload": not outcome.dropped,
        f"{len(lost)} frames are not on record, {outcome.dropped} are counted": len(lost) != outcome.dropped,
        f"gaps tell of {sum(gap['frames'] for gap in account['gaps'])} frames":
            sum(gap["frames"] for gap in account["gaps"]) != outcome.dropped,
        f"lost at a time that no gap tells: frames {untold[:5]}": bool(untold),
        f"latency of {outcome.latency_most:.1f} s, {outcome.latency_bound:.1f} s is the bound":
            outcome.latency_most > outcome.latency_bound,
        f"memory grows: {outcome.grown}": max(outcome.grown.values()) > MOST_MB,
    }  # fmt: skip
    outcome.problems += [text for text, wrong in checks.items() if wrong]


def _told(number: int, fps: float, records: list[Record], gaps: list[dict[str, Any]]) -> bool:
    """Whether a gap tells of the frame, which came a frame's time after the one before it."""
    known = records[0]
    at = known.captured_at + (number - int(known.name.rsplit("-", 1)[1])) / fps
    return any(gap["began_at"] - SLACK_S <= at <= gap["ended_at"] + SLACK_S for gap in gaps)


def show(outcome: Outcome, say: Callable[[str], None] = print) -> None:
    """The figures as text."""
    say(f"workers alone {outcome.own_fps:.0f} frames/s, the film {outcome.film_fps:.0f}/s, {outcome.frames} frames")
    say(f"on record {outcome.recorded}, dropped {outcome.dropped} in {outcome.gaps} gaps")
    say(
        f"latency: median {outcome.latency_median:.2f} s, most {outcome.latency_most:.2f} s"
        f" (bound {outcome.latency_bound:.2f} s)"
    )
    say(f"memory over the second half, MB: {', '.join(f'{name} {mb:+.1f}' for name, mb in outcome.grown.items())}")
    for problem in outcome.problems:
        say(f"wrong: {problem}")


def main() -> int:
    """Entry of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the fast film is")
    parser.add_argument("--times", type=float, default=3.0, help="as fast as the workers, so many times")
    parser.add_argument("--folder", type=Path, help="work here; default: a temporary folder")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        outcome = overload(folder, options.seconds, options.times)
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        show(outcome)
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
