"""How quick the record stays: questions and account on so many synthetic records, as a line would have written them.

    python -m tests.measure.many_records [--rows N] [--rate FPS] [--folder FOLDER] [--json]

Rows come at 12 a second unless told otherwise, one in a hundred a defect, of two sources. The commands run as processes
of their own, as a person starts them; the best and the worst of five are shown.
"""

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import yaml

from inspector.record.schema import FILE
from inspector.record.store import Store
from inspector.sink import recovery
from tests.fakes import ROOT
from tests.inspector.record.test_store import tally

RATE = 12.0
_OUTCOMES = ("ok",) * 97 + ("defect", "unsure", "error")
_CHUNK = 100_000


def write(folder: Path, rows: int, now: float, rate: float = RATE) -> None:
    """A record of `rows` rows, `rate` a second, the last captured at `now`; sums as the sink would have kept them."""
    Store(folder).close()
    database = sqlite3.connect(folder / FILE, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    statement = (
        "INSERT INTO records (source, frame, epoch, name, sequence, captured_at, recorded_at, outcome, label, severity,"
        f" score, reason, width, height, regions, model, attempt, latency_s) VALUES ({', '.join('?' * 18)})"
    )
    for first in range(0, rows, _CHUNK):
        database.execute("BEGIN")
        database.executemany(statement, _rows(first, min(first + _CHUNK, rows), rows, now, rate))
        database.execute("COMMIT")
    counts = {"line-0": [0] * 4, "line-1": [0] * 4}
    for source, outcome, count in database.execute("SELECT source, outcome, COUNT(*) FROM records GROUP BY 1, 2"):
        counts[source][("ok", "defect", "unsure", "error").index(outcome)] = count
    database.close()
    store = Store(folder)
    tallies = []
    for source, numbers in counts.items():
        sums = dict(zip(("ok", "defect", "unsure", "error"), numbers, strict=True))
        store.adopt("sources", [{"source": source, **sums}])
        tallies.append(tally(sum(numbers), source=source, **sums))
    store.write([], tallies)
    store.close()


def _rows(first: int, last: int, rows: int, now: float, rate: float) -> Iterator[tuple[object, ...]]:
    for number in range(first, last):
        outcome = _OUTCOMES[number * 7919 % 100]
        at = now - (rows - number) / rate
        frame = f"{number * 2654435761 % 2**32:08x}{number:024x}"  # as scattered as a digest
        yield (
            f"line-{number % 2}", frame, "1f", f"coil-{number // 5000}/{number:09}.bmp", number // 2 + 1, at, at + 0.05,
            outcome, "scratches" if outcome == "defect" else "ok", "none", 0.9, "", 200, 200, "[]", "model-1", 1, 0.05,
        )  # fmt: skip


def seconds(work: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """The best and the worst of so many."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken), max(taken)


def measure(folder: Path, now: float) -> dict[str, tuple[float, float]]:
    """Seconds of each question, best and worst."""
    config = folder / "line.yaml"
    sources = [{"name": f"line-{n}", "type": "simulated"} for n in (0, 1)]
    config.write_text(yaml.safe_dump({"data": str(folder), "sources": sources}))

    def command(word: str, *options: str) -> Callable[[], object]:
        full = [sys.executable, "-m", "inspector", word, "-c", str(config), *options]
        return lambda: subprocess.run(full, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)

    then, until = (datetime.fromtimestamp(now - 5 * 86_400 + more).isoformat() for more in (0, 3600))
    return {
        "inspector check, for comparison": seconds(command("check")),
        "defects --json, the last hour": seconds(command("defects", "--json", "--since", "1h")),
        "defects --json, an hour 5 days ago": seconds(command("defects", "--json", "--since", then, "--until", until)),
        "defects, the newest 50": seconds(command("defects")),
        "account": seconds(command("account")),
        "account, the last day": seconds(command("account", "--from", "1d")),
    }


def main() -> None:
    """Entry of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="records to write (10 million: 5 GB)")
    parser.add_argument("--rate", type=float, default=RATE, help="of which so many a second")
    parser.add_argument("--folder", type=Path, help="write them here; default: a temporary folder")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(options.folder or stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        now, began = time.time(), time.perf_counter()
        write(folder, options.rows, now, options.rate)
        print(f"{options.rows:,} rows written in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        taken = measure(folder, now)
        began = time.perf_counter()
        problem = recovery.examine(folder).problem
        check_s = time.perf_counter() - began
        size_mb = (folder / FILE).stat().st_size / 1e6
    if options.json:
        print(json.dumps({"rows": options.rows, "mb": size_mb, "seconds": taken, "read_whole_s": check_s}))
        return
    print(f"{options.rows:,} records, {size_mb:,.0f} MB; read for damage in {check_s:.1f} s: {problem or 'good'}")
    for name, (best, worst) in taken.items():
        print(f"{name:40} {best:6.2f} to {worst:.2f} s")


if __name__ == "__main__":
    main()
