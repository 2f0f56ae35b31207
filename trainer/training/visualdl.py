"""Owns the curves of a training, for people who watch it in VisualDL: loss and rate by step, validation by epoch."""

from pathlib import Path
from types import TracebackType

from inspector.errors import ConfigError
from trainer import extras


class Curves:
    """Writes a VisualDL log into `folder`. A context manager."""

    def __init__(self, folder: Path):
        """Raise ConfigError if VisualDL is not installed."""
        try:
            from visualdl import LogWriter
        except ImportError as error:
            raise ConfigError(
                f"--visualdl: VisualDL cannot be imported ({error}): {extras.install('visualdl')}"
            ) from None
        self._writer = LogWriter(logdir=str(folder))

    def __enter__(self) -> "Curves":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def step(self, step: int, loss: float, rate: float) -> None:
        """Write the loss and learning rate of a step, counted from 1 over all epochs."""
        self._writer.add_scalar(tag="train/loss", value=loss, step=step)
        self._writer.add_scalar(tag="train/learning_rate", value=rate, step=step)

    def epoch(self, done: int, right_share: float) -> None:
        """Write the share of the validation part that is right after an epoch."""
        self._writer.add_scalar(tag="validation/right", value=right_share, step=done)
