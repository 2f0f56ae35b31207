"""Owns what the product exists for: the tiles of a batch of frames are scored, and each frame is decided by its own."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from inspector.protocol.verdicts import MAX_REGIONS, Stages, Verdict
from inspector.record import placement
from inspector.vision import frame_inspector
from inspector.vision.bundle import Bundle
from inspector.vision.decision import TileDecision, decide_frame
from inspector.vision.scorer import Scorer, Scores
from inspector.vision.tiling import Tile
from inspector.vocabulary import Reason
from inspector.worker import regions
from inspector.worker.batcher import Job, views

_NO_STRIP = TileDecision("unsure", "", "none", 0.0, Reason("no_strip"))


class Inspected(NamedTuple):
    """The verdicts of a batch, in the order of its jobs; how many tiles were scored, and the seconds that took."""

    verdicts: list[Verdict]
    tiles: int
    inference_s: float


class BatchInspector:
    """Inspects batches by one model. One thread may use it."""

    def __init__(self, model: Bundle, scorer: Scorer) -> None:
        """`scorer` runs `model`."""
        self.model = model
        self._scorer = scorer

    def inspect(self, jobs: Sequence[Job]) -> Inspected:
        """Return the verdicts of these frames."""
        started = time.monotonic()
        scores, contrasts = self._scorer.score(list(views(jobs)))
        inference_s = time.monotonic() - started
        verdicts, first = [], 0
        for job in jobs:
            of_job = slice(first, first := first + len(job.tiles))
            verdicts.append(_verdict(job, Scores(scores[of_job], contrasts[of_job]), started))
        return Inspected(verdicts, len(scores), inference_s)


def _verdict(job: Job, scored: Scores, started: float) -> Verdict:
    """Return the verdict of a frame by its tiles' scores; its batch began at monotonic time `started`."""
    decided = frame_inspector.decide(job.cut, scored, job.choice.rules)
    header, area = job.frame.header, job.area
    decision = decide_frame(decided.decisions) if decided.decisions else _NO_STRIP
    whole = area == Tile(0, 0, header.width, header.height)
    found = regions.merge(*decided)
    too_many = Reason("too_many_regions", f"{len(found)} regions: the worst {MAX_REGIONS}")
    verdict = Verdict(
        header=header,
        outcome=decision.outcome,
        label=decision.label,
        severity=decision.severity,
        score=decision.score,
        reason=too_many if len(found) > MAX_REGIONS else decision.reason,
        regions=found[:MAX_REGIONS],
        area=None if whole else (area.x, area.y, area.width, area.height),
        stages=Stages(
            job.frame.decode_s,
            max(0.0, job.received - header.captured_mono - job.frame.decode_s),
            max(0.0, started - job.received),
        ),
        recipe=job.choice.recipe,
        doubts=regions.doubts(decided.places, decided.decisions),
        in_doubt=regions.in_doubt(decided.places, decided.decisions),
    )
    return verdict if job.choice.recipe is not None else placement.withheld(verdict, job.choice.reason)
