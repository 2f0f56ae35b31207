"""Owns what the processes of one training share: `python -m paddle.distributed.launch` starts one a device.

Each computes its part of every batch. Gradients, loss and batch norm statistics are averaged, so that all of them hold
the same weights; only the first writes and speaks. One process alone is a training of one.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inspector.errors import InspectorError


class RanksError(InspectorError):
    """Raised when the processes of one training do not see the same data."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among `size` of one training."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def join(self) -> None:
        """Wait for the other processes. Imports Paddle; on a GPU, this process takes the one the launcher gave it."""
        if self.size > 1:
            import paddle

            paddle.distributed.init_parallel_env()

    def parallel(self, network: Any) -> Any:
        """Return the network, its gradients averaged over the processes at the end of each backward pass."""
        import paddle

        return paddle.DataParallel(network) if self.size > 1 else network

    def total(self, number: float) -> float:
        """Return the sum over all processes."""
        if self.size == 1:
            return number
        import paddle

        tensor = paddle.to_tensor([number], "float64")
        paddle.distributed.all_reduce(tensor)
        return float(tensor.numpy()[0])

    def average(self, tensors: Iterable[Any]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.size == 1:
            return
        import paddle

        for tensor in tensors:
            paddle.distributed.all_reduce(tensor)
            tensor.scale_(1 / self.size)

    def agree(self, what: str, text: str) -> None:
        """Raise RanksError unless all processes have the same text."""
        if self.size == 1:
            return
        import paddle

        texts: list[str] = []
        paddle.distributed.all_gather_object(texts, text)
        if len(set(texts)) > 1:
            raise RanksError(f"{what}: the {self.size} processes of this training do not see the same")


def of_environment() -> Ranks:
    """Return the rank and the number of processes that the launcher put into the environment."""
    return Ranks(int(os.environ.get("PADDLE_TRAINER_ID", "0")), int(os.environ.get("PADDLE_TRAINERS_NUM", "1")))
