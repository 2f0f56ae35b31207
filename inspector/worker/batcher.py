"""Owns dynamic batching: frames in, batches of tiles out when they are full or have waited long enough."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspector.protocol.frames import CANARY, Frame
from inspector.vision import tiling
from inspector.vision.tiling import Cut, Tile
from inspector.worker.recipes import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A frame in a worker's hands: pixels, uint8 (height, width), what of them is inspected, and how that is cut.

    `choice` is what it is decided by: frames of other recipes may be in the same batch. An area that is 0 wide has no
    tiles. `received` is when it came, monotonic s.
    """

    frame: Frame
    pixels: NDArray[np.uint8]
    choice: Choice
    area: Tile
    cut: Cut
    received: float

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The views that the frame is cut into."""
        return self.cut.tiles


class Batcher:
    """Collects frames. Times are monotonic seconds."""

    def __init__(self, max_batch: int, max_wait_ms: float, tile_px: int, overlap_px: int = 0) -> None:
        """`overlap_px`: what the model needs neighbouring tiles to share."""
        self._max_batch = max_batch
        self._max_wait_s = max_wait_ms / 1000
        self._tile_px = tile_px
        self._overlap_px = overlap_px
        self._jobs: deque[Job] = deque()
        self._tiles = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def add(
        self,
        frame: Frame,
        pixels: NDArray[np.uint8],
        choice: Choice,
        now: float,
        area: Tile | None = None,
        overlap_px: int = 0,
    ) -> Job:
        """Take a frame in; only its area is cut (None: all of it), its tiles sharing `overlap_px`, at most a half.

        Return the frame with its tiles. A canary goes before the others: it measures the way, not the queue.
        """
        header = frame.header
        area = area or Tile(0, 0, header.width, header.height)
        cut = tiling.cut_area(area, self._tile_px, self._overlap_px, overlap_px)
        job = Job(frame=frame, pixels=pixels, choice=choice, area=area, cut=cut, received=now)
        (self._jobs.appendleft if header.frame == CANARY else self._jobs.append)(job)
        self._tiles += len(job.tiles)
        return job

    def due_ms(self, now: float) -> float | None:
        """Return how long until a batch must go, in ms; 0 or less: now. None: nothing is waiting.

        A frame that is tried again comes alone, so it would wait for company in vain.
        """
        if not self._jobs:
            return None
        first = self._jobs[0]
        if self._tiles >= self._max_batch or first.frame.header.attempt > 1:
            return 0.0
        return (first.received + self._max_wait_s - now) * 1000

    def take(self) -> list[Job]:
        """Return the frames of the next batch, oldest first: as many as fit `max_batch` tiles, but at least one.

        A frame that is tried again has a batch of its own: frames of other sources must not go down with it.
        """
        jobs: list[Job] = []
        room = self._max_batch
        while self._jobs and (not jobs or self._may_join(self._jobs[0], jobs, room)):
            job = self._jobs.popleft()
            jobs.append(job)
            room -= len(job.tiles)
            self._tiles -= len(job.tiles)
        return jobs

    @staticmethod
    def _may_join(job: Job, jobs: list[Job], room: int) -> bool:
        first_tries = job.frame.header.attempt == 1 and jobs[0].frame.header.attempt == 1
        return len(job.tiles) <= room and first_tries


def views(jobs: Iterable[Job]) -> Iterator[NDArray[np.uint8]]:
    """Yield the pixels of each tile of each job, in order; views, not copies."""
    for job in jobs:
        for tile in job.tiles:
            yield job.pixels[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
