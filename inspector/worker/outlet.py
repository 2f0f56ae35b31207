"""Owns the way of verdicts out of a worker: pictures are kept, the sink gets them, then a model in shadow may look."""

import logging
from collections.abc import Sequence

from inspector.protocol import messages
from inspector.protocol.messages import Beat, Verdicts
from inspector.protocol.sockets import Dealer
from inspector.record.evidence.evidence import Keeper
from inspector.worker.batch_inspector import Inspected
from inspector.worker.batcher import Job
from inspector.worker.showing import Showing

log = logging.getLogger(__name__)


class Outlet:
    """The sink, as a worker sees it."""

    def __init__(
        self, worker: str, model: str, dealer: Dealer, evidence: Keeper, showing: Showing | None = None
    ) -> None:
        """`model` is the id of the bundle that decides; `dealer` is connected to the sink.

        `showing` offers frames to a model in shadow.
        """
        self._worker = worker
        self._model = model
        self._dealer = dealer
        self._evidence = evidence
        self._showing = showing

    def beat(self) -> None:
        """Show the sink that the worker lives, and its model."""
        self._dealer.send(messages.encode(Beat(self._worker, self._model)))

    def deliver(self, inspected: Inspected, jobs: Sequence[Job]) -> None:
        """Keep the pictures that are wanted as evidence, then hand the verdicts of these frames to the sink.

        If the sink takes nothing, the verdicts are given up: the sources offer their frames again.
        """
        verdicts = [self._evidence.keep(one, job.pixels) for one, job in zip(inspected.verdicts, jobs, strict=True)]
        batch = Verdicts(self._worker, self._model, verdicts, inspected.tiles, inspected.inference_s)
        if not self._dealer.send(messages.encode(batch)):
            log.warning("the sink takes nothing: %d verdicts given up; their frames come again", len(verdicts))
        elif self._showing is not None:
            self._showing.show(inspected, jobs)

    def close(self) -> None:
        """Leave the sink."""
        self._dealer.close()
        if self._showing is not None:
            self._showing.close()
