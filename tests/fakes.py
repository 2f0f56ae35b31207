"""What tests build a line from: a bundle without a model, a config, and a running daemon."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from inspector.errors import StoreError
from inspector.record.queries import Query
from inspector.record.records import Record
from inspector.record.store import Store
from inspector.record.sums.accounts import Account
from inspector.vision import bundle
from inspector.vision.bundle import Bundle, Golden, Manifest

LABELS = ("ok", "crazing", "patches", "pitted_surface", "rolled-in_scale", "scratches", "inclusion")
ROOT = Path(__file__).parent.parent


def manifest(**changes: Any) -> Manifest:
    """A bundle.json for the fake engine: seven labels, gray 112 x 112."""
    values: dict[str, Any] = {
        "name": "fake",
        "created_at": "2026-01-01T00:00:00+00:00",
        "labels": [
            {"name": name, "kind": "ok" if name == "ok" else "defect", "severity": "none" if name == "ok" else "major"}
            for name in LABELS
        ],
        "input": {"size": 112, "channels": 1, "view_px": 200},
        "preprocessing": {"mean": [0.5], "std": [0.25]},
        "decision": {"thresholds": dict.fromkeys(LABELS, 0.5)},
    }
    return Manifest.model_validate(values | changes)


def make_bundle(folder: Path, **changes: Any) -> Bundle:
    """A bundle that loads everywhere and that only the fake engine can run."""
    program, parameters = folder.parent / "program", folder.parent / "parameters"
    program.write_bytes(b"{}")
    parameters.write_bytes(b"0")
    golden = Golden(np.zeros((1, 200, 200), np.uint8), np.zeros((1, len(LABELS)), np.float32))
    return bundle.save(folder, manifest(**changes), program, parameters, golden)


def python_path(broken: str) -> dict[str, str]:
    """An environment in which every process first runs the sitecustomize.py of this folder of tests/broken, if any."""
    path = [str(ROOT / "tests" / "broken" / broken), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path)}


#: Settings of `evidence` of lines under test: otherwise chance would decide which pictures they keep.
NO_SAMPLES = {"ok_every_s": 0, "ok_every_m": 0}


class Line:
    """A daemon under test: its config, its process, and what it has on record."""

    #: Laid over ours for the line's processes; see planted.py and chaos_line.py.
    environment: Mapping[str, str] = {}

    def __init__(self, folder: Path, sources: list[dict[str, Any]] | None = None, **settings: Any) -> None:
        self.folder = folder
        self.drop = folder / "drop"
        self.data = folder / "data"
        self.config = folder / "line.yaml"
        values: dict[str, Any] = {
            "data": str(self.data),
            "sources": sources or [{"name": "drop", "type": "folder", "path": str(self.drop), "settle_ms": 50}],
            "metrics": {"port": 0},
            "workers": {"count": 1, "engine": "fake"},
            "evidence": NO_SAMPLES,
        }
        for key, value in settings.items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
        if values["workers"]["engine"] == "fake" and "bundle" not in values:
            values["bundle"] = str(make_bundle(folder / "bundle").path)
        self.config.write_text(yaml.safe_dump(values))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start `inspector run`; its log goes to a file beside the config."""
        with (self.folder / "line.log").open("ab") as log:
            command = [sys.executable, "-m", "inspector", "run", "-c", str(self.config)]
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env=environment, start_new_session=True
            )

    def stop(self, timeout_s: float = 60) -> int:
        """SIGTERM, and the exit code."""
        if self.process is None:
            raise RuntimeError("the line was not started")
        self.process.terminate()
        return self.process.wait(timeout_s)

    @property
    def log(self) -> str:
        """What the line has said so far."""
        return (self.folder / "line.log").read_text()

    @property
    def address(self) -> str:
        """Where the metrics are, once the sink has said so."""
        wait_until(lambda: "metrics on " in self.log, self.explain)
        return self.log.split("metrics on ")[-1].split("/metrics")[0]

    def page(self, name: str) -> str:
        """What a page of the port says: metrics, livez, readyz. A 503 is an answer, any other error is raised."""
        try:
            with urllib.request.urlopen(f"{self.address}/{name}", timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return str(error.read().decode())

    def records(self, **query: Any) -> list[Record]:
        """What is on record."""
        try:
            store = Store(self.data, read_only=True)
        except StoreError:
            return []  # the sink has not made it yet
        try:
            return list(store.records(Query(**query)))
        finally:
            store.close()

    def wait_for_records(self, count: int, timeout_s: float = 60) -> list[Record]:
        """The records, once there are `count` of them."""
        wait_until(lambda: self.recorded >= count, self.explain, timeout_s)
        return self.records()

    @property
    def recorded(self) -> int:
        """How many records there are."""
        return sum(sum(account.recorded.values()) for account in self.accounts())

    def accounts(self) -> list[Account]:
        """The sums, as they stand on record."""
        try:
            store = Store(self.data, read_only=True)
        except StoreError:
            return []  # the sink has not made it yet
        try:
            return store.accounts()
        finally:
            store.close()

    def child(self, name: str) -> int:
        """The pid of the newest child of this name: sink, drop, worker-0."""
        lines = [line for line in self.log.splitlines() if " started, pid " in line]
        pids = [line for line in lines if line.split(": ")[1].split(" ")[0].split(".")[0] == name]
        return int(pids[-1].rsplit(" ", 1)[1])

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """An `inspector` command on this line's config."""
        return inspector(command[0], "-c", str(self.config), *command[1:])

    def account(self) -> list[dict[str, Any]]:
        """What `inspector account --json` says."""
        answer: list[dict[str, Any]] = json.loads(self.run("account", "--json").stdout)
        return answer

    def explain(self) -> str:
        """The end of the log, for a failing test."""
        return self.log[-3000:]


@contextmanager
def running(line: Line) -> Iterator[Line]:
    """The line, started, and killed with everything it started if the test leaves it running."""
    line.start()
    try:
        yield line
    finally:
        if line.process is not None and line.process.poll() is None:
            os.killpg(line.process.pid, 9)
            line.process.wait()


def inspector(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the `inspector` command."""
    return subprocess.run(
        [sys.executable, "-m", "inspector", *arguments],
        capture_output=True, text=True, timeout=60, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip


def wait_until(condition: Callable[[], bool], explain: Callable[[], str] = lambda: "", timeout_s: float = 60) -> None:
    """Return when the condition holds; fail with an explanation when it never does."""
    ends_at = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > ends_at:
            raise AssertionError(f"not within {timeout_s:g} s\n{explain()}")
        time.sleep(0.02)
