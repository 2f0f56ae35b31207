"""Owns how a model meets what it has never seen: of each kind that is not strip, how many pictures come out unsure.

The kinds are those a reject model learns from, drawn anew from seeds it has not seen; so a real material that looks
like none of the drawn ones is flagged less often than these figures say.
"""

from typing import Any

import numpy as np

from trainer.evaluation.evaluate import Evaluation, decide
from trainer.evaluation.metrics import wilson
from trainer.progress.callback import Progress, silent
from trainer.synthetic import outliers

#: Pictures of each kind.
PICTURES = 240
#: Far from the seeds that reject.learn hands out.
_FIRST_SEED = 2**32
_CHUNK = 48


def measure(done: Evaluation, progress: Progress = silent) -> dict[str, Any]:
    """Return the report's part: the outcomes of each kind, and the evaluated strip lost by the same rules."""
    kinds = []
    for number, kind in enumerate(outliers.KINDS):
        outcomes: list[str] = []
        for start in range(0, PICTURES, _CHUNK):
            seeds = range(_FIRST_SEED + start, _FIRST_SEED + min(start + _CHUNK, PICTURES))
            pictures = [kind.picture(seed, done.data.images[_spread(seed, len(done.data))]) for seed in seeds]
            tiles = decide(done.model, done.decision, pictures, done.model.scores(pictures))
            outcomes += [tile.outcome for tile in tiles]
            progress("pictures that are not strip", number * PICTURES + len(outcomes), len(outliers.KINDS) * PICTURES)
        unsure = outcomes.count("unsure")
        kinds.append(
            {
                "kind": kind.name,
                "pictures": PICTURES,
                "unsure": unsure,
                "share": unsure / PICTURES,
                "share_95": wilson(unsure, PICTURES),
                "passed_ok": outcomes.count("ok"),
                "called_defect": outcomes.count("defect"),
            }
        )
    return {"kinds": kinds, "lost": _lost(done), "example": done.data.rows[0].path}


def _spread(seed: int, images: int) -> int:
    return (seed - _FIRST_SEED) * images // PICTURES


def _lost(done: Evaluation) -> list[dict[str, Any]]:
    """Return for each source the pictures of strip that are called unsure, and those of them for their novelty."""
    tiles = decide(done.model, done.decision, done.data.images, done.scores)
    unsure = np.array([tile.outcome == "unsure" for tile in tiles])
    novel = np.array([tile.reason.code == "novel" for tile in tiles])
    sources = np.array([row.source for row in done.data.rows])
    return [
        {
            "source": str(source),
            "images": int((sources == source).sum()),
            "unsure": int(unsure[sources == source].sum()),
            "novel": int(novel[sources == source].sum()),
        }
        for source in dict.fromkeys(sources.tolist())
    ]
