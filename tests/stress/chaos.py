"""Kills random processes of a line at full speed, and judges by what was put in, never by the line's own counters.

    python -m tests.stress.chaos [--kills N] [--seed N] [--folder FOLDER]
        [--run all|mixed|everything|worker|sink|follower|BROKEN BUILD]

A drop folder that is never empty and a simulated camera; a random process of those that the run is about gets SIGKILL
or SIGSTOP. A held process is the supervisor's to replace; a dead or held supervisor is ours, as systemd's Restart and
WatchdogSec would. `everything` is SIGKILL to all of them in one call. `follower` is SIGKILL to the sink between a
delivery to a follower of the record and the move of its cursor: the defect log and the alarms are judged, too, by the
record. The broken builds (tests/broken) go through the
mixed run until the record shows what they break, and must be caught by the same judgement.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.fakes import wait_until
from tests.stress import chaos_followers
from tests.stress.chaos_followers import Logged
from tests.stress.chaos_line import STRUCK, ChaosLine, Generator, described

#: What each run is about: the sink more often than others, because it has the most to lose.
RUNS = {
    "mixed": ("worker-0", "worker-1", "sink", "sink", "follower", "drop", "cam", "supervisor"),
    "everything": ("everything",),
    "worker": ("worker-0", "worker-1"),
    "sink": ("sink",),
    "follower": ("follower",),
}
#: Which follower is struck: those that have something to do all the time.
FOLLOWERS = ("defect_log", "rules")
#: The broken builds, and what must be seen of each.
BROKEN = {"ack_before_commit": "lost", "no_unique_key": "doubled", "cursor_before_delivery": "skipped"}
#: How long a held supervisor is left alone before systemd would replace it, s.
HELD_S = 1.0
#: A line that records nothing for so long is stuck, s: the longest pause before a restart and more.
STUCK_S = 300.0
#: How often progress is told, s.
PROGRESS_S = 10.0


@dataclass(slots=True)
class Outcome:
    """A run and what was wrong with it; `problems` is empty for a line that kept its promise."""

    run: str
    build: str
    kills: Counter[str] = field(default_factory=Counter)
    files: int = 0
    camera: int = 0
    lost: int = 0
    doubled: int = 0
    skipped: int = 0
    errors: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        lines = [
            f"{self.run}, {self.build} build: {self.kills.total()} kills ({kinds}) in {self.seconds:.0f} s",
            f"  {self.files} files and {self.camera} camera frames on record, {self.lost} files lost,"
            f" {self.doubled} frames recorded twice, {self.errors} ended as errors, {self.skipped} rows skipped by a"
            " follower",
            *(f"  wrong: {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


def chaos(
    folder: Path,
    kills: int,
    seed: int,
    run: str = "mixed",
    build: str = "sound",
    pause_s: float = 1.5,
    backlog: int = 400,
    hold_loading: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Strike a line so many times, at most `pause_s` and a recovery apart, let it come to rest, and judge it.

    `hold_loading`: whether one that still loads may be held, which costs START_S. `say` hears of the progress.
    """
    outcome, dice = Outcome(run, build), random.Random(seed)
    began = told = time.monotonic()
    line = ChaosLine(folder, build)
    with line.ended(), Generator(line.drop, backlog) as generator:
        line.start()
        wait_until(lambda: line.newest > 0, line.explain, STUCK_S)
        suspects: set[str] = set()
        for number in range(kills):
            before = line.newest
            time.sleep(dice.uniform(0, pause_s))
            if number % 2 == 0:  # every other time it has recovered; between them the next blow comes while it recovers
                wait_until(lambda before=before: line.newest > before, line.explain, STUCK_S)  # type: ignore[misc]
                time.sleep(dice.uniform(0, pause_s / 4))
            outcome.kills[_strike(line, dice, outcome, hold_loading)] += 1
            if time.monotonic() - told > PROGRESS_S:
                told = time.monotonic()
                rate = (number + 1) / (told - began)
                left = f"{(kills - number - 1) / rate:.0f} s left"
                say(f"{run}, {build}: {number + 1} of {kills} kills, {line.newest} rows, {rate:.2f} kills/s, {left}")
            if build in BROKEN:
                suspects, before_that = line.unrecorded, suspects
                if suspects & before_that or _doubled(line) or Logged.read(line.defect_log).skipped(line):
                    break
        ledger = generator.end()
        wait_until(lambda: not line.under_way, line.explain, STUCK_S + len(ledger) / 100)
        exit_code = line.stop(STUCK_S)
        if exit_code:
            outcome.problems.append(f"SIGTERM: exit code {exit_code}")
        outcome.seconds = time.monotonic() - began
        _judge(line, ledger, outcome)
    return outcome


def _strike(line: ChaosLine, dice: random.Random, outcome: Outcome, hold_loading: bool) -> str:
    """Kill or hold a random process that runs; what was done, for the report."""
    victim, process = "", None
    victims = [victim for victim in RUNS[outcome.run] if victim != "follower" or outcome.build in STRUCK]
    while process is None:
        victim = dice.choice(victims)
        process = line.find({"everything": "supervisor", "follower": "sink"}.get(victim, victim))
    if victim == "everything":
        _kill_everything(line, outcome)
        return "SIGKILL everything"
    if victim == "follower":
        return _strike_follower(line, dice.choice(FOLLOWERS))
    blow = dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
    if not hold_loading and line.loads(victim):
        blow = signal.SIGKILL
    with suppress(psutil.NoSuchProcess):
        process.send_signal(blow)
    if victim == "supervisor" and line.process is not None:
        if blow == signal.SIGSTOP:
            time.sleep(HELD_S)
            line.process.kill()
        line.process.wait()
        line.start()
    return f"{blow.name} {victim.split('-')[0]}"


def _strike_follower(line: ChaosLine, name: str) -> str:
    """The sink, the next time that it has delivered rows to that follower and is about to move its cursor."""
    line.struck.with_suffix(".new").write_text(name)
    line.struck.with_suffix(".new").rename(line.struck)
    wait_until(lambda: not line.struck.exists(), line.explain, STUCK_S)
    return f"SIGKILL {name}"


def _kill_everything(line: ChaosLine, outcome: Outcome) -> None:
    """All processes of the line at one instant; what done/ shows then must be on record. Then start it again."""
    if line.process is None:
        raise RuntimeError("the line was not started")
    os.killpg(line.process.pid, signal.SIGKILL)
    line.process.wait()
    wait_until(lambda: not line.processes(), lambda: str([described(pid) for pid in line.processes()]))
    if unrecorded := line.unrecorded:
        outcome.problems.append(f"done/ shows {len(unrecorded)} files that are not on record: {sorted(unrecorded)[:3]}")
    line.start()


def _doubled(line: ChaosLine) -> int:
    """How many frames are on record more than once: files by name, a camera's by their ids."""
    key = "CASE source WHEN 'drop' THEN name ELSE frame END"
    return len(line.ask(f"SELECT 1 FROM records GROUP BY source, {key} HAVING COUNT(*) > 1"))


def _kept(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.png")}


def _judge(line: ChaosLine, ledger: dict[str, str], outcome: Outcome) -> None:
    """Files in = records, none twice, bytes kept, sums balanced, nothing left behind."""
    files = {name for (name,) in line.ask("SELECT name FROM records WHERE source = 'drop'")}
    lost = ledger.keys() - files
    outcome.files, outcome.lost, outcome.doubled = len(files), len(lost), _doubled(line)
    ((outcome.camera, outcome.errors),) = line.ask(
        "SELECT COUNT(DISTINCT CASE source WHEN 'cam' THEN frame END), COUNT(*) FILTER (WHERE outcome = 'error')"
        " FROM records"
    )
    put_away = _kept(line.drop / "done") | _kept(line.drop / "failed")
    account = line.run("account")
    with suppress(AssertionError):
        wait_until(lambda: not line.processes(), timeout_s=10)
    checks = {
        f"{len(lost)} files are not on record, for example {sorted(lost)[:3]}": bool(lost),
        f"{outcome.doubled} frames are on record twice": outcome.doubled > 0,
        "records of files that nobody dropped": bool(files - ledger.keys()),
        "the camera has no record": not outcome.camera,
        "done/ and failed/ do not hold what was dropped, byte by byte": put_away != ledger,
        f"inspector account: exit code {account.returncode}: {account.stdout[-500:]}": account.returncode != 0,
        f"processes left: {[described(pid) for pid in line.processes()]}": bool(line.processes()),
        "the socket folder is left": (line.data / "run").exists(),
        f"left in the temporary folder: {os.listdir(line.temporary)}": bool(os.listdir(line.temporary)),
    }
    outcome.problems += [text for text, wrong in checks.items() if wrong]
    outcome.skipped, problems = chaos_followers.judge(line, outcome.kills.total())
    outcome.problems += problems


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Entry of the script; 1 where the sound build failed or a broken one was not caught."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # our line ends with us
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many; `all` kills everything half as often")
    parser.add_argument("--seed", type=int, default=0, help="of victims, blows and pauses")
    parser.add_argument("--run", choices=("all", *RUNS, *BROKEN), default="all", help="all: mixed, everything, broken")
    parser.add_argument("--folder", type=Path, help="keep the line's files below it meanwhile; default: /tmp")
    options = parser.parse_args()
    right = True
    for run in ("mixed", "everything", *BROKEN) if options.run == "all" else (options.run,):
        kills = options.kills // 2 if (options.run, run) == ("all", "everything") else options.kills
        with tempfile.TemporaryDirectory(prefix="chaos-", dir=options.folder, ignore_cleanup_errors=True) as folder:
            about, build = ("mixed", run) if run in BROKEN else (run, "sound")
            outcome = chaos(Path(folder), kills, options.seed, about, build, say=_say)
        print(outcome, flush=True)
        if run in BROKEN:
            caught = getattr(outcome, BROKEN[run]) > 0
            print(f"  {'caught, as it must be' if caught else 'NOT CAUGHT'}", flush=True)
        right = right and (caught if run in BROKEN else not outcome.problems)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
