"""Owns a model that is tried in a process of its own, as its parent sees it: asked, watched, and ended."""

import os
import select
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from inspector.errors import BundleError
from inspector.host import memory, parent_death, priority
from inspector.settings import terms
from inspector.settings.settings import Settings
from inspector.supervisor.model_check.process import Answer, Loaded, Picture, Refusal, Seen, Setup, Speed, SpeedTest
from inspector.vision.bundle import Bundle

#: Interval in seconds at which the memory of a process that does not answer is looked at.
_LOOK_S = 0.1
_Expected = TypeVar("_Expected", Loaded, Seen, Speed)


class TriedModel:
    """A model at idle priority. Each method raises BundleError, and why, once the model turns out to be of no use."""

    def __init__(self, model: Bundle, settings: Settings, memory_limit_bytes: int) -> None:
        """`memory_limit_bytes`: a process that takes more is ended, before the line lacks it."""
        self.model = model
        self._settings = settings
        self._limit_bytes = memory_limit_bytes
        self._rest = b""
        self._peak_bytes = 0
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Answer)

    def __enter__(self) -> "TriedModel":
        """Start the process. Raise BundleError if that is impossible."""
        workers, bond = self._settings.workers, parent_death.bound()
        setup = Setup(
            engine=workers.engine, device=workers.device, threads=workers.threads, max_batch=workers.max_batch,
            by=terms.decide_by(self._settings),
        )  # fmt: skip

        def prepare() -> None:
            bond()
            priority.lower()

        command = [sys.executable, "-m", "inspector.supervisor.model_check.process"]
        command += [str(self._settings.data.absolute()), str(self.model.path.absolute())]
        command.append(msgspec.json.encode(setup).decode())
        self._said = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, bufsize=0, preexec_fn=prepare
            )
        except OSError as error:
            self._said.close()
            raise BundleError(f"{self.model.path}: no process can be started to try it: {error.strerror}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                pipe.close()

    @property
    def peak_mb(self) -> float:
        """The most memory that the process had, in megabytes."""
        return self._peak() / 1e6

    def opened(self) -> float | None:
        """Wait until the model is warmed; return the largest difference of its golden images, None if none ran."""
        return self._answer(Loaded).difference

    def ms_per_tile(self) -> float:
        """Return the time for a tile in milliseconds."""
        self._ask(SpeedTest())
        return self._answer(Speed).ms_per_tile

    def decide(self, picture: Picture) -> Seen:
        """Return how the model decides a picture."""
        self._ask(picture)
        return self._answer(Seen)

    def _ask(self, request: Picture | SpeedTest) -> None:
        try:
            os.write(self._process.stdin.fileno(), msgspec.json.encode(request) + b"\n")  # type: ignore[union-attr]
        except BrokenPipeError:
            raise self._ended() from None

    def _answer(self, expected: type[_Expected]) -> _Expected:
        answer = self._decoder.decode(self._line())
        if isinstance(answer, Refusal):
            raise BundleError(answer.why)
        if not isinstance(answer, expected):
            raise BundleError(f"{self.model.path}: a process with it answers {answer!r}")
        return answer

    def _line(self) -> bytes:
        limit_s, pipe = self._settings.models.gate.stuck_s, self._process.stdout.fileno()  # type: ignore[union-attr]
        ends_at = time.monotonic() + limit_s
        while b"\n" not in self._rest:
            if select.select([pipe], [], [], _LOOK_S)[0]:
                part = os.read(pipe, 65_536)
                if not part:
                    raise self._ended()
                self._rest += part
            elif self._peak() > self._limit_bytes:
                taken, limit = self._peak_bytes / 1e6, self._limit_bytes / 1e6
                raise BundleError(f"{self.model.path}: too large: takes {taken:.0f} MB, and {limit:.0f} MB were free")
            elif time.monotonic() > ends_at:
                raise BundleError(f"{self.model.path}: hangs: nothing came of it within {limit_s:g} s")
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _peak(self) -> int:
        self._peak_bytes = max(self._peak_bytes, memory.peak_bytes(self._process.pid))
        return self._peak_bytes

    def _ended(self) -> BundleError:
        code = self._process.wait()
        self._said.seek(0)
        last = (self._said.read().decode(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
        return BundleError(f"{self.model.path}: a process with it ends with {code}: {last[:500]}")
