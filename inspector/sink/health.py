"""Owns readiness: whether the line inspects, and if not, why not."""

import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import asdict

from inspector.protocol import canary
from inspector.protocol.control import Process

#: Seconds of silence after which a source or a worker counts as gone. A worker that infers is silent: see worker.py.
FRESH_S = 5.0


class Health:
    """Readiness from facts: when each process last sent a message, and how the last write ended.

    Times are monotonic seconds. The sink's thread writes, other threads ask.
    """

    def __init__(
        self,
        sources: set[str],
        batch_timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        expects_canary: bool = False,
        grace_s: float = 0.0,
    ) -> None:
        """`sources` and the workers may be silent for `grace_s`: the line runs already when a sink is replaced.

        A worker may be silent for `batch_timeout_s`. With `expects_canary`, one has to come through from every source.
        """
        self._clock = clock
        self._grace_until = clock() + grace_s
        self._expects_canary = expects_canary
        self._canaries: dict[str, float] = {}
        self._wrong: dict[str, str] = {}
        self._batch_timeout_s = batch_timeout_s
        self._sources: dict[str, float | None] = dict.fromkeys(sources)
        self._source_problems: dict[str, str] = {}
        self._workers: dict[str, tuple[float, str]] = {}
        self._write_error: str | None = None
        self._troubles: dict[str, str] = {}
        self._processes: list[Process] = []

    def source(self, name: str, problem: str = "") -> None:
        """Note that a source sent a message, and what keeps it from capturing, if anything does."""
        self._sources[name] = self._clock()
        self._source_problems[name] = problem

    def worker(self, name: str, model: str) -> None:
        """Note that a worker sent a message: it beats while idle and answers after each batch."""
        self._workers[name] = (self._clock(), model)

    def worker_gone(self, name: str) -> None:
        """Forget a worker that the supervisor saw exit."""
        self._workers.pop(name, None)
        self._wrong.pop(name, None)

    def canary(self, source: str, worker: str, offered_at: float, wrong: str) -> None:
        """Note that what `source` offered at `offered_at` came through `worker`; `wrong` is empty or says how."""
        if wrong:
            self._wrong[worker] = wrong
            return
        self._wrong.pop(worker, None)
        self._canaries[source] = max(offered_at, self._canaries.get(source, 0.0))

    def processes(self, processes: list[Process]) -> None:
        """Note which processes run, by the supervisor."""
        self._processes = processes

    def wrote(self, error: str | None) -> None:
        """Note that the last write to the record went well (None), or why it did not."""
        self._write_error = error

    def trouble(self, what: str, text: str) -> None:
        """Note what is wrong with another part of the line; an empty text: nothing any more."""
        self._troubles[what] = text

    def ready_workers(self) -> dict[str, str]:
        """Return the workers that sent a message within the time of a batch, with their models; forget the others."""
        oldest = self._clock() - max(FRESH_S, self._batch_timeout_s)
        self._workers = {name: seen for name, seen in self._workers.copy().items() if seen[0] >= oldest}
        return {name: model for name, (_, model) in self._workers.copy().items()}

    def problems(self) -> list[str]:
        """Return why the line is not ready; empty where it is."""
        now = self._clock()
        silent = [
            f"source {name}: " + ("not started" if last is None else f"silent for {now - last:.0f} s")
            for name, last in self._sources.copy().items()
            if (now >= self._grace_until if last is None else now - last > FRESH_S)
        ]
        shut = self._shut(now) if self._expects_canary else []
        hindered = [f"source {name}: {text}" for name, text in self._source_problems.copy().items() if text]
        no_worker = [] if self.ready_workers() or now < self._grace_until else ["no worker is ready"]
        unwritten = [f"record: {self._write_error}"] if self._write_error else []
        others = [f"{what}: {text}" for what, text in self._troubles.copy().items() if text]
        troubled = [f"{one.name}: {one.trouble}" for one in self._processes if one.trouble]
        return silent + hindered + no_worker + shut + unwritten + others + troubled

    def _shut(self, now: float) -> list[str]:
        """Return where no canary comes through, and who answers it wrong, unless another problem explains it."""
        workers = self.ready_workers()
        wrong = [f"{worker}: {text}" for worker, text in self._wrong.copy().items() if worker in workers]
        limit_s = canary.MISSED * canary.EVERY_S + self._batch_timeout_s
        for source, last in self._sources.copy().items():
            if last is None or now - last > FRESH_S or not workers:
                continue
            came_at = self._canaries.get(source)
            if (now >= self._grace_until) if came_at is None else (now - came_at > limit_s):
                since = "yet" if came_at is None else f"for {now - came_at:.0f} s"
                wrong.append(f"source {source}: no canary picture has come through with the right answer {since}")
        return wrong

    def status(self) -> dict[str, Any]:
        """Return all of it at once, for `inspector status`."""
        now, problems = self._clock(), self.problems()
        return {
            "ready": not problems,
            "problems": problems,
            "processes": [asdict(one) for one in self._processes],
            "models": sorted(set(self.ready_workers().values())),
            "heard_s_ago": {name: None if at is None else round(now - at, 2) for name, at in self._sources.items()},
            "canary_s_ago": {name: round(now - at, 2) for name, at in self._canaries.copy().items()},
        }
