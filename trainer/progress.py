"""Owns what training shows: a bar with rate and time left on a terminal, a plain line an epoch anywhere else."""

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Counts the images of all epochs from `begin` on. A context manager; writes to stderr unless it is quiet."""

    def __init__(self, epochs: int, quiet: bool = False):
        self._console = Console(stderr=True, quiet=quiet)
        self._epochs, self._total, self._before, self._seen = epochs, 0, 0, 0
        self._started = time.monotonic()
        self._later: dict[str, tuple[TaskID, float]] = {}
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f} images/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("loading", total=None, rate=0.0)

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, epoch_images: int, done: int = 0) -> None:
        """The images are loaded, the clock starts, after so many epochs that were done before."""
        self._total, self._started = self._epochs * epoch_images, time.monotonic()
        self._before = self._seen = done * epoch_images
        self._bar.update(self._task, description=f"epoch {done + 1}", total=self._total)

    def step(self, images: int) -> None:
        """So many more images were trained on."""
        self._seen += images
        self._bar.update(self._task, completed=self._seen, rate=self._rate())

    def epoch(self, done: int, figures: dict[str, Any]) -> None:
        """An epoch is finished."""
        left_s = (self._total - self._seen) / max(self._rate(), 1e-9)
        right = figures["val_right"]  # None: this epoch was not evaluated
        validation = "" if right is None else f"validation {right} of {figures['val_images']} right  "
        self._console.print(
            f"epoch {done}/{self._epochs}  loss {figures['loss']:.3f}  {validation}"
            f"{self._rate():.0f} images/s  {left_s / 60:.1f} min left",
            highlight=False,
        )
        self._bar.update(self._task, description=f"epoch {min(done + 1, self._epochs)}")

    def after(self, what: str, done: int, total: int) -> None:
        """So far in a step that comes after the epochs."""
        if what not in self._later:
            self._later[what] = self._bar.add_task(what, total=total, rate=0.0), time.monotonic()
        task, started = self._later[what]
        self._bar.update(task, completed=done, rate=done / max(time.monotonic() - started, 1e-9))

    def _rate(self) -> float:
        return (self._seen - self._before) / max(time.monotonic() - self._started, 1e-9)
