"""What tests/stress/chaos.py kills: a line whose processes can be told from all others, and what feeds it."""

import hashlib
import os
import re
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from tests.fakes import Line, python_path

#: When a process that is held while it loads is replaced, s. Loading took 10 s where 25 processes shared two cores.
START_S = 30.0
_MARK = "STRIP_CHAOS_RUN"
#: The builds that can be struck between a delivery to a follower and the move of its cursor, and their folders.
STRUCK = {"sound": "struck", "cursor_before_delivery": "cursor_before_delivery"}


class RecordedLine(Line):
    """A line that is judged by its record and its files, past all code of the inspector."""

    @property
    def newest(self) -> int:
        """The number of the newest row of the record; it grows while the line inspects."""
        rows = self.ask("SELECT MAX(id) FROM records")
        return int(rows[0][0] or 0) if rows else 0

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What the record says; nothing where there is no record yet."""
        address = f"{(self.data / 'records.sqlite').as_uri()}?mode=ro"
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(address, uri=True, timeout=10)) as record:
            return record.execute(statement).fetchall()
        return []

    @property
    def under_way(self) -> bool:
        """Whether a file still waits or is claimed."""
        for place, folders, files in os.walk(self.drop):
            if place == str(self.drop):
                folders[:] = [name for name in folders if name not in ("done", "failed")]
            if any(not name.startswith(".") and name.endswith(".png") for name in files):
                return True
        return False


class ChaosLine(RecordedLine):
    """A line of two workers, a folder and a camera. `build` is one of tests/broken, or sound."""

    def __init__(self, folder: Path, build: str) -> None:
        drop = {"name": "drop", "type": "folder", "path": str(folder / "drop"), "settle_ms": 0}
        camera = {"name": "cam", "type": "simulated", "rate_fps": 50}
        super().__init__(
            folder,
            [drop, camera],
            workers={"count": 2, "batch_timeout_s": 3.0},
            # Much waits for its commit whenever the sink is killed.
            record={"commit_ms": 300, "defect_log": str(folder / "defects.jsonl")},
            alarms=[{"name": "patches", "labels": ["patches"], "limit": 2, "within_frames": 2}],
            # We kill on purpose, and often before any work.
            supervision={"stuck_s": 3.0, "start_s": START_S, "give_up_after": 1000},
        )
        self.run_id = uuid.uuid4().hex
        self.temporary = Path(tempfile.mkdtemp(prefix="chaos-tmp-"))  # a socket's path must stay short
        self._log_began = 0
        self.defect_log = folder / "defects.jsonl"
        self.struck = folder / "struck"
        self.environment = {
            **python_path(STRUCK.get(build, build)), _MARK: self.run_id, "TMPDIR": str(self.temporary),
            "STRUCK": str(self.struck),
        }  # fmt: skip

    def start(self) -> None:
        """Start it; `log` begins anew."""
        log = self.folder / "line.log"
        self._log_began = log.stat().st_size if log.exists() else 0
        super().start()

    @property
    def log(self) -> str:
        """What this supervisor has said so far."""
        with (self.folder / "line.log").open("rb") as file:
            file.seek(self._log_began)
            return file.read().decode()

    @property
    def unrecorded(self) -> set[str]:
        """Files in done/ and failed/ that are not on record."""
        put_away = {path.name for folder in ("done", "failed") for path in (self.drop / folder).rglob("*.png")}
        return put_away - {name for (name,) in self.ask("SELECT name FROM records WHERE source = 'drop'")}

    def find(self, victim: str) -> psutil.Process | None:
        """The process that is this victim now, if it runs and is not held already."""
        if self.process is None:
            return None
        with suppress(psutil.Error, IndexError):
            process = psutil.Process(self.process.pid if victim == "supervisor" else self.child(victim))
            ours = victim == "supervisor" or process.ppid() == self.process.pid
            if ours and process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                return process
        return None

    def loads(self, victim: str) -> bool:
        """Whether this victim was started and is not at work yet."""
        said = re.findall(rf"supervisor: {victim}(?:\.\d+)? (started|is ready)", self.log)
        return victim != "supervisor" and said[-1:] == ["started"]

    def processes(self) -> list[int]:
        """Every process that was started by this run, whoever its parent is now."""
        mark, found = f"{_MARK}={self.run_id}".encode(), []
        for pid in psutil.pids():
            with suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
        return found

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Leave nothing behind, whatever goes wrong within."""
        try:
            yield
        finally:
            for pid in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.process is not None:
                self.process.wait()
            shutil.rmtree(self.temporary, ignore_errors=True)


class Generator(threading.Thread):
    """Keeps so many files waiting in the drop folder. Its ledger, name to sha256, is what a run is judged by."""

    def __init__(self, drop: Path, backlog: int) -> None:
        super().__init__(daemon=True)
        self.ledger: dict[str, str] = {}
        self._drop = drop
        self._backlog = backlog
        self._ending = threading.Event()
        drop.mkdir()

    def __enter__(self) -> "Generator":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def run(self) -> None:
        while not self._ending.is_set():
            waiting = sum(not name.startswith(".") for name in os.listdir(self._drop))
            for _ in range(self._backlog - waiting):
                self._put()
            self._ending.wait(0.02)

    def end(self) -> dict[str, str]:
        """Stop; what was put in, all in all."""
        self._ending.set()
        self.join()
        return self.ledger

    def _put(self) -> None:
        index = len(self.ledger)
        pixels = np.full((200, 200), 60 + index * 37 % 160, np.uint8)
        pixels[0, :4] = list(index.to_bytes(4, "big"))  # no two files are the same
        data = cv2.imencode(".png", pixels)[1].tobytes()
        name = f"{index:07d}.png"
        (self._drop / f".{name}").write_bytes(data)
        (self._drop / f".{name}").rename(self._drop / name)
        self.ledger[name] = hashlib.sha256(data).hexdigest()


def described(pid: int) -> str:
    """What a process that should not be there is, for whoever looks for the cause."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        began = time.strftime("%H:%M:%S", time.localtime(process.create_time()))
        command = " ".join(process.cmdline())[-160:]
        return f"{pid} ({process.status()}, parent {process.ppid()}, began {began}): {command}"
    return f"{pid} (gone by now)"
