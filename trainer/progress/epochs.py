"""Owns what training shows: a bar with rate and time left on a terminal; elsewhere a line an epoch, and every 10 s."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from trainer.progress.pace import Pace


class EpochProgress:
    """Counts the images of all epochs from `begin` on. A context manager; writes to stderr unless it is quiet.

    `clock` returns seconds.
    """

    def __init__(self, epochs: int, quiet: bool = False, clock: Callable[[], float] = time.monotonic):
        self._console, self._clock = Console(stderr=True, quiet=quiet, soft_wrap=True), clock
        silent = quiet or self._console.is_terminal
        self._pace = None if silent else Pace(lambda line: self._console.print(line, highlight=False), clock)
        self._epochs, self._total, self._before, self._seen = epochs, 0, 0, 0
        self._started = clock()
        self._later: dict[str, tuple[TaskID, float]] = {}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f} images/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("loading", total=None, rate=0.0)

    def __enter__(self) -> "EpochProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, epoch_images: int, done: int = 0) -> None:
        """Start the clock: the images are loaded, and `done` epochs were done before."""
        self._total, self._started = self._epochs * epoch_images, self._clock()
        self._before = self._seen = done * epoch_images
        self._bar.update(self._task, description=f"epoch {done + 1}", total=self._total)

    def step(self, images: int) -> None:
        """Count images that were trained on."""
        self._seen += images
        self._bar.update(self._task, completed=self._seen, rate=self._rate())
        if self._pace is not None:
            epoch = min(self._seen * self._epochs // max(self._total, 1) + 1, self._epochs)
            self._pace(f"epoch {epoch}/{self._epochs}", self._seen, self._total)

    def epoch(self, done: int, figures: dict[str, Any]) -> None:
        """Print the figures of a finished epoch, the `done`th."""
        left_s = (self._total - self._seen) / max(self._rate(), 1e-9)
        right = figures["val_right"]  # None: this epoch was not evaluated
        validation = "" if right is None else f"validation {right} of {figures['val_images']} right  "
        self._console.print(
            f"epoch {done}/{self._epochs}  loss {figures['loss']:.3f}  {validation}"
            f"{self._rate():.0f} images/s  {left_s / 60:.1f} min left",
            highlight=False,
        )
        if self._pace is not None:
            self._pace.other()
        self._bar.update(self._task, description=f"epoch {min(done + 1, self._epochs)}")

    def beside(self, what: str, done: int, total: int) -> None:
        """Show how far a step is that comes before the epochs, or after them."""
        if self._pace is not None:
            self._pace(what, done, total)
        if what not in self._later:
            self._later[what] = self._bar.add_task(what, total=total, rate=0.0), self._clock()
        task, started = self._later[what]
        self._bar.update(task, completed=done, rate=done / max(self._clock() - started, 1e-9))

    def _rate(self) -> float:
        return (self._seen - self._before) / max(self._clock() - self._started, 1e-9)
