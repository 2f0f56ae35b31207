"""Owns what a live worker shows to a model in shadow: frames that are decided already, as far as it takes them at once.

Nothing comes back. A shadow that is missing, busy or stopped costs one refused call a batch.
"""

import random
import time
from collections.abc import Callable, Sequence

from inspector.protocol import shadow
from inspector.protocol.frames import CANARY
from inspector.protocol.shadow import Shown
from inspector.protocol.sockets import Pusher
from inspector.protocol.verdicts import Verdict
from inspector.worker.batch_inspector import Inspected
from inspector.worker.batcher import Job

#: Frames that may wait for the shadow at each worker, which holds their pixels meanwhile.
QUEUED = 2
#: Silence after which the shadow counts as gone rather than busy, in seconds.
GONE_S = 60.0


class Showing:
    """The shadow, as a live worker sees it."""

    def __init__(self, model: str, push: Pusher, ok_share: float, chance: Callable[[], float] = random.random) -> None:
        """`model` is the id of the bundle that decides; `ok_share` of the ok frames are shown, by `chance`."""
        self._model = model
        self._push = push
        self._ok_share = ok_share
        self._chance = chance
        self._missed = 0
        self._taken_at: float | None = None

    def show(self, inspected: Inspected, jobs: Sequence[Job]) -> None:
        """Offer the frames of a batch that the shadow is to see; those that it does not take at once, it misses."""
        if not self._push.is_ready:  # asked first: a frame that nobody takes must not even be encoded
            self._missed += sum(self._is_wanted(one) for one in inspected.verdicts)
            return
        wanted = [(one, job) for one, job in zip(inspected.verdicts, jobs, strict=True) if self._is_wanted(one)]
        live_s = inspected.inference_s / len(jobs) if jobs else 0.0
        for number, (verdict, job) in enumerate(wanted):
            if not self._offer(verdict, job, live_s):
                self._missed += len(wanted) - number
                return

    def close(self) -> None:
        """Leave the shadow."""
        self._push.close()

    def _offer(self, verdict: Verdict, job: Job, live_s: float) -> bool:
        now = time.monotonic()
        is_there = self._taken_at is not None and now - self._taken_at < GONE_S
        message = Shown(verdict=verdict, model=self._model, live_s=live_s, missed=self._missed if is_there else 0)
        if not self._push.send(shadow.encode(message), job.pixels.reshape(-1).data):
            return False
        self._missed, self._taken_at = 0, now
        return True

    def _is_wanted(self, verdict: Verdict) -> bool:
        if verdict.header.frame == CANARY or verdict.recipe is None or verdict.outcome == "error":
            return False
        return verdict.outcome != "ok" or self._chance() < self._ok_share
