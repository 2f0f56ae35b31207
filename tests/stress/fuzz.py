"""The fuzz: nonsense at each socket of a running daemon, damaged pictures in its drop folder, while good ones go on.

    python -m tests.stress.fuzz [--messages N] [--pictures N] [--seed S] [--folder FOLDER] [--json]

Judged: every message counted as refused, every picture on record, the good ones inspected meanwhile, the same processes
before and after, no memory or descriptor kept, sums balance, ready again. Exit 1 where one of them is not so. The seed
is printed; the same gives the same bytes.
"""

import argparse
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
import yaml

from inspector.host.instance import socket_folder
from inspector.protocol import control, messages
from inspector.protocol.sockets import MAX_REQUEST_BYTES, Dealer
from tests.fakes import Line, running, wait_until
from tests.inspector import pictures
from tests.inspector.pictures import EXTENSIONS, encode, strip
from tests.inspector.protocol.test_messages import EXAMPLES
from tests.inspector.sources.capture.test_protocol import WORDS
from tests.stress.mutations import Mutator

PEERS = 4
#: One in so many messages is as large as a socket takes.
HUGE_EVERY = 2000
#: Damaged pictures that wait at once.
WAITING = 500
#: No more counted for so long: that was all.
QUIET_S = 3.0
GOOD_EVERY_S = 0.05
#: What a process may keep: caches and the allocator, as much for ten messages as for a million.
KEPT_MB = 12.0
#: What a source may keep of decoding: an allocator that has seen one picture of 100 megapixels keeps some of it.
KEPT_OF_PICTURES_MB = 120.0
#: How long a good picture may take under fire, on a busy machine.
SLOWEST_S = 10.0
GREETING = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + bytes(48)


@dataclass(frozen=True)
class Finding:
    """One judged fact."""

    what: str
    found: str
    good: bool


class Good:
    """Somebody who drops good pictures all the time, in a thread, until told to stop."""

    def __init__(self, drop: Path) -> None:
        self.dropped = 0
        self._drop = drop
        # The first large one makes pyzmq start its collector: a thread and a context, once.
        self._data = [encode(strip(400, 400)), *(encode(strip(seed=seed)) for seed in range(5))]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No more of them."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(GOOD_EVERY_S):
            place(self._drop, f"good-{self.dropped:06}.bmp", self._data[self.dropped % len(self._data)])
            self.dropped += 1


def place(drop: Path, name: str, data: bytes) -> None:
    """Drop a file that is whole when it appears."""
    (drop / f".{name}").write_bytes(data)
    (drop / f".{name}").rename(drop / name)


class Fuzz:
    """One line under fire. Each step adds to `findings`."""

    def __init__(self, line: Line, seed: int) -> None:
        self.findings: list[Finding] = []
        self._line = line
        self._seed = seed
        sources = [source["name"] for source in yaml.safe_load(line.config.read_text())["sources"]]
        self._processes = {name: psutil.Process(line.child(name)) for name in ("sink", "worker-0", *sources)}
        self.sockets = ["sink", *(f"src-{name}" for name in sources)]

    def note(self, what: str, found: object, good: bool) -> None:
        """Judge one fact."""
        self.findings.append(Finding(what, str(found), good))
        print(f"  {what:58} {found}  {'good' if good else 'BAD'}", file=sys.stderr, flush=True)

    def _path(self, socket_name: str) -> Path:
        return socket_folder(self._line.data) / socket_name

    def refused(self, name: str) -> int:
        """What the metric says about a socket."""
        return self._metric(f'inspector_messages_rejected_total{{socket="{name}"}} ')

    def _metric(self, start: str) -> int:
        values = [row for row in self._line.page("metrics").splitlines() if row.startswith(start)]
        return int(float(values[0].removeprefix(start))) if values else 0

    def messages(self, name: str, count: int) -> None:
        """Random and mutated messages to one socket, by peers that are none of ours; each must be counted."""
        before, began = self.refused(name), time.monotonic()
        mutator = Mutator(self._seed, [*map(messages.encode, EXAMPLES), *map(control.encode, WORDS)])
        peers = [Dealer(f"stranger-{number}") for number in range(PEERS)]
        for peer in peers:
            peer.connect(f"ipc://{self._path(name)}")
        for number in range(count):
            parts = [mutator.next()]
            if number % HUGE_EVERY == HUGE_EVERY - 1:
                parts = [mutator.random.randbytes(MAX_REQUEST_BYTES)]
            while mutator.random.random() < 0.05:
                parts.append(mutator.next())
            while not peers[number % PEERS].send(*parts):
                time.sleep(0.001)  # it takes them as fast as it can
        self._wait_for_refused(name, before + count)
        counted, took_s = self.refused(name) - before, time.monotonic() - began
        self.note(f"{name}: {count:,} messages in {took_s:.0f} s, counted", f"{counted:,}", counted == count)
        for peer in peers:
            peer.close()

    def _wait_for_refused(self, name: str, count: int) -> None:
        self._wait_for(lambda: self.refused(name), count)

    @staticmethod
    def _wait_for(look: Callable[[], int], count: int) -> None:
        """Until so many are counted, or no more for a while."""
        last, since = look(), time.monotonic()
        while last < count and time.monotonic() - since < QUIET_S:
            time.sleep(0.1)
            if (now := look()) != last:
                last, since = now, time.monotonic()

    def handed_in(self, source: str, path: Path, count: int) -> None:
        """Frames and nonsense by programs that hand in frames: each is captured or refused, counted, and answered."""
        captured = f'inspector_frames_captured_total{{source="{source}"}} '
        before, began = self._metric(captured), time.monotonic()
        header = b'{"encoding": "gray8", "id": "7", "name": "a", "height": 64, "width": 64, "captured_at": null}'
        headers = Mutator(self._seed, [header, b'{"encoding": "file", "id": "x"}'])
        bodies = Mutator(self._seed, [strip(64, 64).tobytes(), encode(strip()), encode(strip(), ".png")])
        peers = [Dealer(f"program-{number}") for number in range(PEERS)]
        for peer in peers:
            peer.connect(f"ipc://{path}")
        answers = 0

        def heard() -> int:
            nonlocal answers
            for peer in peers:
                while peer.receive() is not None:
                    answers += 1
            return answers

        for number in range(count):
            parts = [header if number % 3 == 0 else headers.next(), bodies.next()]
            parts = parts[: headers.random.choice((1, 2, 2, 2, 2))] + [b"more"] * (headers.random.random() < 0.05)
            while not peers[number % PEERS].send(*parts):
                heard()
                time.sleep(0.001)
            heard()
        self._wait_for(heard, count)
        self._wait_for(lambda: self._metric(captured) - before, count)
        counted, took_s = self._metric(captured) - before, time.monotonic() - began
        found = f"{counted:,}, answered {answers:,}"
        self.note(f"{source}: {count:,} handed in in {took_s:.0f} s, counted", found, counted == answers == count)
        for peer in peers:
            peer.close()

    def oversized(self, name: str) -> None:
        """A message beyond what a socket takes: ZeroMQ cuts its sender off and tells nobody, so it is not counted."""
        before = self.refused(name)
        for number, data in enumerate((bytes(MAX_REQUEST_BYTES + 1), b"not too large")):
            peer = Dealer(f"stranger-{number}-large")
            peer.connect(f"ipc://{self._path(name)}")
            peer.send(data)
            peer.close()
        self._wait_for_refused(name, before + 1)
        counted = self.refused(name) - before
        self.note(f"{name}: one too large for ZeroMQ, one that is not, counted", counted, counted == 1)

    def garbage(self, name: str, count: int) -> None:
        """Bytes of a program that strayed in, some behind a true greeting. ZeroMQ closes most of these connections.

        What begins without its mark it reads as its oldest protocol: where that makes messages of it, they are counted.
        """
        chance = random.Random(self._seed)
        process = self._processes[name.removeprefix("src-")]
        before, descriptors = self.refused(name), process.num_fds()
        for number in range(count):
            with socket.socket(socket.AF_UNIX) as stream, suppress(BrokenPipeError, ConnectionResetError):
                stream.connect(str(self._path(name)))
                stream.sendall((GREETING if number % 2 else b"") + chance.randbytes(chance.randint(1, 2000)))
        with suppress(AssertionError):
            wait_until(lambda: process.num_fds() <= descriptors, timeout_s=45)  # a handshake may take 30 s
        kept, came = max(0, process.num_fds() - descriptors), self.refused(name) - before
        found = f"{kept}, {came} messages of them refused"
        self.note(f"{name}: {count:,} connections of no ZeroMQ, kept", found, kept <= 2)

    def port(self, count: int) -> None:
        """Bytes that are no HTTP, at the port of the metrics."""
        chance = random.Random(self._seed)
        host, _, port = self._line.address.removeprefix("http://").partition(":")
        for number in range(count):
            with suppress(ConnectionError), socket.create_connection((host, int(port)), timeout=10) as stream:
                stream.sendall((b"GET /" if number % 2 else b"") + chance.randbytes(chance.randint(1, 2000)))
        alive = self._line.page("livez").strip()
        self.note(f"port: {count:,} connections of no HTTP, then /livez", alive, alive == "alive")

    def pictures(self, count: int) -> None:
        """Damaged pictures in the drop folder: each must be on record once, and moved away."""
        good = [encode(strip(), extension) for extension in EXTENSIONS]
        good += [pictures.tiff_bomb(), pictures.bmp_bomb(), pictures.png_chunk_bomb(), pictures.animated("PNG")]
        good += [
            pictures.write(pictures.gray(), "TIFF", compression=kind) for kind in ("tiff_lzw", "tiff_adobe_deflate")
        ]
        good += [pictures.write(pictures.gray(), "JPEG", progressive=True), pictures.tiff(strip(), big=True, tile=32)]
        good += [encode(strip().astype(np.uint16) << 8, ".png"), pictures.with_thumbnail(), pictures.turned("JPEG", 6)]
        mutator, drop = Mutator(self._seed, good), self._line.drop
        for number in range(count):
            place(drop, f"bad-{number:06}{EXTENSIONS[number % len(EXTENSIONS)]}", mutator.next())
            if number % 100 == 99:
                self._wait_for_bad(number + 1 - WAITING)
        self._wait_for_bad(count)
        names = Counter(record.name for record in self._line.records() if record.name.startswith("bad-"))
        twice = sum(times > 1 for times in names.values())
        self.note(
            f"{count:,} damaged pictures, on record",
            f"{len(names):,}, {twice} twice",
            (len(names), twice) == (count, 0),
        )
        outcomes = Counter(record.outcome for record in self._line.records() if record.name.startswith("bad-"))
        left = [path for path in drop.glob("bad-*")]
        self.note("  of them", f"{dict(outcomes)}, {len(left)} left in the folder", not left)

    def _wait_for_bad(self, count: int) -> None:
        """Until all but the last few dropped so far have left the drop folder."""
        drop = self._line.drop

        def moved() -> int:
            return sum(1 for place in ("done", "failed") for _ in (drop / place).glob("bad-*"))

        wait_until(lambda: moved() >= count, self._line.explain, 300)

    def kept(self, step: str, before: dict[str, tuple[float, int]], limits: dict[str, float]) -> None:
        """What memory and descriptors each process has more than before a step."""
        for name, (rss_mb, fds) in self.usage().items():
            more_mb, more_fds = rss_mb - before[name][0], fds - before[name][1]
            limit = limits.get(name, KEPT_MB)
            found = f"{more_mb:+.1f} MB, {more_fds:+d} descriptors"
            self.note(f"{step}: {name} keeps", found, more_mb <= limit and more_fds <= 2)

    def usage(self) -> dict[str, tuple[float, int]]:
        """RSS in MB and descriptors, by process."""
        return {name: (one.memory_info().rss / 1e6, one.num_fds()) for name, one in self._processes.items()}

    def end(self, good: Good) -> None:
        """The line at last: the same processes, every good picture inspected, all sums right."""
        line = self._line
        good.stop()
        wait_until(lambda: len(list((line.drop / "done").glob("good-*"))) >= good.dropped, line.explain, 120)
        records = [record for record in line.records() if record.name.startswith("good-")]
        inspected = sum(record.outcome != "error" for record in records)
        slowest = max(record.latency_s for record in records)
        right = inspected == len(records) == good.dropped and slowest < SLOWEST_S
        self.note(
            f"{good.dropped:,} good pictures meanwhile, inspected",
            f"{inspected:,}, the slowest in {slowest:.2f} s",
            right,
        )
        same = all(
            process.is_running() and process.pid == line.child(name) for name, process in self._processes.items()
        )
        self.note("processes that were replaced", "none" if same else "some", same)
        wait_until(lambda: '"ready": true' in line.page("readyz"), line.explain)
        code = line.stop()
        balanced = all(account["balanced"] for account in line.account())
        self.note("exit code; sums", f"{code}; balanced: {balanced}", code == 0 and balanced)
        self.note("tracebacks in the log", line.log.count("Traceback"), "Traceback" not in line.log)


def fuzz(folder: Path, count: int, damaged: int, seed: int) -> list[Finding]:
    """`count` messages to each socket and `damaged` pictures; what was found."""
    hand = folder / "hand.sock"
    sources = [
        {"name": "drop", "type": "folder", "path": str(folder / "drop"), "settle_ms": 0, "incomplete_wait_s": 0.2},
        {"name": "hand", "type": "push", "path": str(hand)},
    ]
    line = Line(folder, sources)
    line.drop.mkdir(parents=True)
    with running(line):
        wait_until(lambda: line.log.count("is ready") >= 4, line.explain)
        run, good = Fuzz(line, seed), Good(line.drop)
        for name in run.sockets:
            run.messages(name, max(500, count // 50))  # what only the first ones cost is no leak
        run.handed_in("hand", hand, max(300, count // 50))
        before = run.usage()
        for name in run.sockets:
            run.messages(name, count)
            run.oversized(name)
            run.garbage(name, max(50, count // 100))
        run.handed_in("hand", hand, count)
        run.port(max(50, count // 200))
        run.kept("after messages", before, {})
        before = run.usage()
        run.pictures(damaged)
        run.kept("after pictures", before, {"drop": KEPT_OF_PICTURES_MB})
        run.end(good)
    return run.findings


def main() -> int:
    """Entry of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000, help="to each socket")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--folder", type=Path, help="work here; default: a temporary folder")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        findings = fuzz(folder, options.messages, options.pictures, options.seed)
    if options.json:
        print(json.dumps({"seed": options.seed, "findings": [asdict(one) for one in findings]}))
    bad = [finding for finding in findings if not finding.good]
    print(f"seed {options.seed}: {len(findings) - len(bad)} of {len(findings)} good", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
