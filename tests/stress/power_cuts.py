"""Cuts the power of a running line at random instants, and judges what is on record by what was put in.

    python -m tests.stress.power_cuts [--cuts N] [--seed N] [--run all|ext4|xfs] [--build all|sound|no_claim_sync]
                               [--folder FOLDER]

Drop folder and record lie on two file systems of one disk; see power_disk.py for what a cut leaves of them. After each
cut the line is started on what is left. Every other cut comes while it still recovers from the one before. A file
that its writer had synced before the cut must end on record exactly once; one that was not synced may be gone, but is
never on record twice. The broken build (tests/broken) hands out frames before their claims are on disk, and must be
caught by the same judgement.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.fakes import python_path, wait_until
from tests.stress.chaos_line import RecordedLine
from tests.stress.power_disk import NoDiskError, PowerDisk

FILE_SYSTEMS = ("ext4", "xfs")
#: The broken build that must be caught.
BROKEN = "no_claim_sync"
#: A line that does not come to rest within this is stuck, s.
STUCK_S = 300.0
#: Files that are dropped at once, of which every other lot is synced by its writer.
LOT = 60


@dataclass(slots=True)
class Outcome:
    """A run and what was wrong with it; `problems` is empty for a line that kept its promise."""

    run: str
    cuts: int = 0
    files: int = 0
    synced: int = 0
    lost: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"{self.run}: {self.cuts} power cuts in {self.seconds:.0f} s, {self.files} files on record,"
            f" {self.synced} dropped and synced: {len(self.lost)} lost, {len(self.twice)} recorded twice",
            *(f"  wrong: {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


class Writer(threading.Thread):
    """Drops lots of files. Those of `synced` were on disk, folder entry and all, when they came to be in it."""

    def __init__(self, drop: Path, first: int, dice: random.Random) -> None:
        super().__init__(daemon=True)
        self.dropped = first
        self.synced: dict[str, str] = {}
        self._drop, self._dice = drop, dice
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.is_set():
            self._put(self._dice.random() < 0.5)
            self._ending.wait(self._dice.uniform(0, 1.5))

    def end(self) -> None:
        """Stop after this lot."""
        self._ending.set()
        self.join()

    def _put(self, sync: bool) -> None:
        place = self._drop / f"coil-{self.dropped // 500}" if self._dice.random() < 0.5 else self._drop
        place.mkdir(exist_ok=True)
        lot = {}
        for _ in range(LOT):
            name, data = _picture(self.dropped)
            self.dropped += 1
            with (place / f".{name}").open("wb") as file:
                file.write(data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            (place / f".{name}").rename(place / name)
            lot[name] = hashlib.sha256(data).hexdigest()
        if sync:
            for folder in {place, self._drop}:
                descriptor = os.open(folder, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
            self.synced.update(lot)


def _picture(index: int) -> tuple[str, bytes]:
    pixels = np.full((64, 64), 60 + index * 37 % 160, np.uint8)
    pixels[0, :4] = list(index.to_bytes(4, "big"))  # no two files are the same
    return f"{index:07d}.png", cv2.imencode(".png", pixels)[1].tobytes()


class _Bench:
    """A line on a disk whose power can be cut."""

    def __init__(self, folder: Path, kind: str, build: str, seed: int) -> None:
        self.dice = random.Random(seed)
        self.disk = PowerDisk(folder, kind, (folder / "drop", folder / "data"))
        drop: dict[str, Any] = {"name": "drop", "type": "folder", "path": str(folder / "drop"), "settle_ms": 0}
        drop["incomplete_wait_s"] = 0.5  # what was not synced may have lost its bytes, not its name
        self.line = RecordedLine(folder, [drop], disk={"min_free_mb": 0}, record={"reserve_mb": 1})
        self.line.environment = python_path("" if build == "sound" else build)
        self.outcome = Outcome(f"{kind}, {build} build")
        self.promised: dict[str, str] = {}
        self.recorded: set[str] = set()
        self.dropped = 0

    def spell(self, recovers: bool) -> None:
        """Have files dropped and inspected for a while, then cut the power and start the line anew."""
        line, writer = self.line, Writer(self.line.drop, self.dropped, self.dice)
        writer.start()
        if recovers:
            before = line.newest
            wait_until(lambda: line.newest > before, line.explain, STUCK_S)
        time.sleep(self.dice.uniform(0, 3.0))
        self.promised |= writer.synced
        self.recorded |= self.names(line)
        self.disk.snapshot()
        writer.end()
        self.dropped = writer.dropped
        self.outcome.cuts += 1
        self.kill()
        self.disk.cut()
        line.start()

    def kill(self) -> None:
        """End every process of the line, at once."""
        process = self.line.process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @staticmethod
    def names(line: RecordedLine) -> set[str]:
        return {name for (name,) in line.ask("SELECT name FROM records")}

    def judge(self) -> None:
        """Wait until the line has nothing left to do: then all that was promised is on record, and nothing twice."""
        line, outcome = self.line, self.outcome
        wait_until(lambda: line.newest > 0 and not line.under_way, line.explain, STUCK_S)
        names = self.names(line)
        on_record = {name.rsplit("/", 1)[-1] for name in names}
        outcome.files, outcome.synced = len(names), len(self.promised)
        outcome.lost |= self.promised.keys() - on_record
        outcome.twice |= {name for (name,) in line.ask("SELECT name FROM records GROUP BY name HAVING COUNT(*) > 1")}
        outcome.problems += [f"{name} was on record before a cut" for name in sorted(self.recorded - names)[:3]]
        kept = _kept(line.drop)
        wrong = [name for name, digest in self.promised.items() if kept.get(name) != digest]
        outcome.problems += [f"{name} is not put away as it was dropped" for name in wrong[:3]]
        outcome.problems += [f"{name} is put away and not on record" for name in sorted(kept.keys() - on_record)[:3]]

    def end(self) -> None:
        """Stop the line, and hold its sums against each other."""
        if code := self.line.stop(STUCK_S):
            self.outcome.problems.append(f"SIGTERM: exit code {code}")
        account = self.line.run("account")
        if account.returncode:
            self.outcome.problems.append(f"inspector account: {account.stdout[-500:]}{account.stderr[-500:]}")


def power_cuts(
    folder: Path, cuts: int, kind: str, seed: int = 0, build: str = "sound", say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Cut a line's power so many times, and judge it. NoDiskError where there can be no such disk here.

    A broken build is given up as soon as it is caught.
    """
    began = time.monotonic()
    with _bench(folder, kind, build, seed) as bench:
        outcome = bench.outcome
        bench.line.start()
        for number in range(cuts):
            bench.spell(recovers=number % 2 == 0)
            if number % 2 or number == cuts - 1:
                bench.judge()
            outcome.seconds = time.monotonic() - began
            say(str(outcome))
            if build != "sound" and outcome.twice:
                break
        bench.end()
    if outcome.lost:
        outcome.problems.append(f"lost: {sorted(outcome.lost)[:3]}")
    if outcome.twice:
        outcome.problems.append(f"recorded twice: {sorted(outcome.twice)[:3]}")
    return outcome


@contextmanager
def _bench(folder: Path, kind: str, build: str, seed: int) -> Iterator[_Bench]:
    bench = _Bench(folder, kind, build, seed)
    try:
        yield bench
    finally:
        bench.kill()
        bench.disk.close()


def _kept(drop: Path) -> dict[str, str]:
    """What was put away, by name."""
    paths = [path for place in ("done", "failed") for path in (drop / place).rglob("*.png")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def main() -> int:
    """Entry of the script; 1 where the sound build failed or the broken one was not caught, 2 where nothing ran."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # our line ends with us
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=20, help="on each file system")
    parser.add_argument("--seed", type=int, default=0, help="of files, lots and instants")
    parser.add_argument("--run", choices=("all", *FILE_SYSTEMS), default="all")
    parser.add_argument("--build", choices=("all", "sound", BROKEN), default="all", help="all: then the broken one")
    parser.add_argument("--folder", type=Path, help="keep the disk below it meanwhile; default: /tmp")
    options = parser.parse_args()
    right = True
    for build in ("sound", BROKEN) if options.build == "all" else (options.build,):
        for kind in FILE_SYSTEMS if options.run == "all" else (options.run,):
            with tempfile.TemporaryDirectory(prefix="power-", dir=options.folder, ignore_cleanup_errors=True) as folder:
                try:
                    outcome = power_cuts(Path(folder), options.cuts, kind, options.seed, build, _say)
                except NoDiskError as error:
                    print(f"{kind}: {error}: root, loop devices and the tools of ext4 and XFS are needed")
                    return 2
            print(outcome, flush=True)
            if build == BROKEN:
                print(f"  {'caught, as it must be' if outcome.twice else 'NOT CAUGHT'}", flush=True)
            right = right and (bool(outcome.twice) if build == BROKEN else not outcome.problems)
    return 0 if right else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
